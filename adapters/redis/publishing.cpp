#include <chrono>
#include <cstdio>

#include "adapters/redis/redis_broker.h"
#include "adapters/redis/replies.h"
#include "adapters/redis/scripts.h"

namespace holdfast {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

std::string RedisBroker::key(char kind, std::string_view channel) const {
  return std::string(options_.prefix).append(":").append(1, kind).append(":").append(channel);
}

std::string RedisBroker::fresh_epoch() {
  const auto ms = static_cast<uint64_t>(duration_cast<milliseconds>(clock_.wall().time_since_epoch()).count());
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(ms << 16 | (random_() & 0xffff)));
  return text;
}

void RedisBroker::do_publish(std::vector<PublishRequest> messages, const ReceiptsDone& done) {
  auto batch = std::make_shared<Batch>();
  batch->left = messages.size();
  batch->done = done;
  batch->receipts.resize(messages.size(), unavailable("not published"));
  if (messages.empty()) return done({});
  size_t index = 0;
  for (auto& request : messages) {
    const size_t size = request.envelope.size();
    Message message{std::move(request), batch, index++};
    if (message.request.channel.empty()) {
      answer(message, invalid("a channel has a name"));
    } else if (size > options_.max_message) {
      answer(message, fail(ErrorKind::too_large, "larger than broker.redis.max_message"));
    } else if (!commands_up_) {
      answer(message, unavailable("the broker cannot be reached"));
    } else if (reloading_) {
      held_.push_back(std::move(message));
    } else {
      send_message(std::move(message));
    }
  }
}

void RedisBroker::send_message(Message message) {
  const auto& request = message.request;
  const std::string m = key('m', request.channel), h = key('h', request.channel), c = key('c', request.channel);
  const std::string i = request.idempotency_key.empty()
                            ? std::string()
                            : key('i', std::to_string(request.channel.size()) + ":" + request.channel + request.idempotency_key);
  const std::string fresh = fresh_epoch();
  const std::string now = std::to_string(duration_cast<milliseconds>(clock_.wall().time_since_epoch()).count());
  RedisLink::Arguments arguments{"EVALSHA", publish_sha_, i.empty() ? "2" : "3", m, h};
  if (!i.empty()) arguments.push_back(i);
  arguments.insert(arguments.end(), {fence_, fresh, now, request.envelope.view(), c, kept_, age_, state_age_, key_window_});
  ++publishing_;
  commands_.send(arguments);
  pending_.push_back({[this, message = std::move(message)](const redisReply* reply) mutable { on_published(message, reply); },
                      clock_.now() + options_.timeout});
}

void RedisBroker::on_published(Message& message, const redisReply* reply) {
  --publishing_;
  if (reply == nullptr) {
    return answer(message, unavailable("the connection was lost before the broker's answer: it may have been published"));
  }
  std::string_view text = text_of(*reply);
  if (is_error(reply) && text.starts_with("NOSCRIPT")) {
    reloading_ = true;
    again_.push_back(std::move(message));
  } else if (is_error(reply)) {
    answer(message, unavailable("Redis: " + std::string(text)));
    if (needs_other_server(text)) return lose(std::string(text));
  } else if (const auto position = take_position(text)) {
    answer(message, PublishReceipt{*position, text == "dup"});
  } else {
    answer(message, unavailable("Redis answers what was not asked"));
  }
  // The scripts were flushed: those that were under way come back first, in order, then those that waited behind them.
  if (!reloading_ || publishing_ > 0) return;
  reloading_ = false;
  load_scripts();
  for (auto* list : {&again_, &held_}) {
    for (auto& waiting : std::exchange(*list, {})) send_message(std::move(waiting));
  }
}

void RedisBroker::answer(const Message& message, Result<PublishReceipt> receipt) {
  const size_t size = message.request.envelope.size();
  waiting_bytes_ -= size;
  waiting_gauge_.sub(static_cast<int64_t>(size));
  auto& batch = *message.batch;
  batch.receipts[message.index] = std::move(receipt);
  if (--batch.left == 0) batch.done(std::move(batch.receipts));
}

}  // namespace holdfast
