#include "control/api/api.h"
#include "control/api/items.h"
#include "control/refusal.h"

namespace holdfast::control {
namespace {

constexpr size_t kMaxIdempotencyKey = 255;

v1::Durability to_message(Durability durability) {
  switch (durability) {
    case Durability::process:
      return v1::DURABILITY_PROCESS;
    case Durability::node:
      return v1::DURABILITY_NODE;
    case Durability::primary:
      return v1::DURABILITY_PRIMARY;
    case Durability::replicated:
      return v1::DURABILITY_REPLICATED;
  }
  return v1::DURABILITY_UNSPECIFIED;
}

v1::ErrorCode to_message(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid:
      return v1::ERROR_CODE_INVALID;
    case ErrorKind::not_found:
      return v1::ERROR_CODE_NOT_FOUND;
    case ErrorKind::unavailable:
      return v1::ERROR_CODE_UNAVAILABLE;
    case ErrorKind::timeout:
      return v1::ERROR_CODE_TIMEOUT;
    case ErrorKind::too_large:
      return v1::ERROR_CODE_TOO_LARGE;
    case ErrorKind::denied:
      return v1::ERROR_CODE_DENIED;
    case ErrorKind::exhausted:
      return v1::ERROR_CODE_EXHAUSTED;
    case ErrorKind::internal:
      return v1::ERROR_CODE_INTERNAL;
  }
  return v1::ERROR_CODE_UNSPECIFIED;
}

tl::unexpected<Error> long_key(const std::string& where) {
  return fail(ErrorKind::invalid,
              "Invalid format: " + where + "idempotency_key: more than " + std::to_string(kMaxIdempotencyKey) + " bytes");
}

// The request's key stands for each of its items: a repeat of the whole publishes those that were not. The same through every door.
std::string key_of(v1::Item& item, const std::string& whole, size_t index) {
  if (!item.idempotency_key().empty()) return std::move(*item.mutable_idempotency_key());
  return whole.empty() ? whole : whole + "#" + std::to_string(index);
}

}  // namespace

struct Api::Publication {
  std::vector<Item> items;
  std::vector<std::string> keys;
  std::vector<std::string> channels;
};

Result<Api::Publication> Api::check(v1::PublishRequest& request, const std::string& traceparent) const {
  const auto count = static_cast<size_t>(request.items_size());
  if (count == 0) return invalid("Invalid format: items: empty");
  if (count > limits_.max_items)
    return fail(ErrorKind::too_large, "Invalid format: items: more than " + std::to_string(limits_.max_items) + " elements");
  if (request.idempotency_key().size() > kMaxIdempotencyKey) return long_key("");
  Publication out;
  out.items.reserve(count);
  for (auto& message : *request.mutable_items()) {
    const size_t index = out.items.size();
    if (message.idempotency_key().size() > kMaxIdempotencyKey) return long_key("items[" + std::to_string(index) + "].");
    out.keys.push_back(key_of(message, request.idempotency_key(), index));
    auto item = to_item(std::move(message), index, limits_);
    if (!item) return fail(item.error());
    out.channels.push_back(item->channel);
    item->origin.traceparent = traceparent;
    out.items.push_back(*std::move(item));
  }
  return out;
}

Result<v1::PublishResponse> Api::answer(const std::vector<std::string>& channels, const Service::Receipts& receipts) const {
  if (const auto refused = refusal_of(receipts); refused && refused->all) return fail(refused->error);
  v1::PublishResponse out;
  for (size_t i = 0; i < receipts.size(); ++i) {
    auto& result = *out.add_results();
    if (!receipts[i]) {
      *result.mutable_error() = holdfast::control::to_message(receipts[i].error());
      continue;
    }
    result.set_position(format_token({{channels[i], receipts[i]->position}}));
    result.set_duplicate(receipts[i]->duplicate);
    result.set_durability(to_message(durability_));
  }
  return out;
}

Result<v1::PublishResponse> Api::publish(const Caller& caller, v1::PublishRequest request, const std::string& traceparent) {
  auto publication = check(request, traceparent);
  if (!publication) return fail(publication.error());
  return answer(publication->channels, service_.publish(caller, std::move(publication->items), publication->keys));
}

void Api::publish(const Caller& caller, v1::PublishRequest request, const std::string& traceparent, Published done) {
  auto publication = check(request, traceparent);
  if (!publication) return done(fail(publication.error()));
  service_.publish(caller, std::move(publication->items), publication->keys,
                   [this, channels = std::move(publication->channels), done = std::move(done)](const Service::Receipts& receipts) {
                     done(answer(channels, receipts));
                   });
}

v1::Error to_message(const Error& error) {
  v1::Error out;
  out.set_code(to_message(error.kind));
  out.set_message(error.text);
  return out;
}

}  // namespace holdfast::control
