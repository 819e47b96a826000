#include "gateway/message/filters.h"

#include <algorithm>
#include <iterator>

#include "gateway/base/text.h"
#include "gateway/message/directives.h"

namespace holdfast {
namespace {

constexpr std::string_view kBuildId = "build-id";
constexpr std::string_view kVarSubst = "var-subst";

// An id in a reply is an argument that may come byte by byte; one that never ends must not pile up.
constexpr size_t kMaxHeld = 4096;

std::string_view value_of(const Meta* meta, const std::string& name) {
  if (meta == nullptr) return {};
  const auto found = meta->find(name);
  return found != meta->end() ? std::string_view(found->second) : std::string_view();
}

bool has(const Meta* meta, const std::string& name) { return meta != nullptr && meta->contains(name); }

bool is_content_filter(std::string_view name) { return name == kBuildId || name == kVarSubst; }

bool lists(std::string_view names, std::string_view wanted) {
  const auto parts = split(names, ',');
  return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) { return trim(part) == wanted; });
}

bool passes_one(std::string_view filter, const FilterContext& context) {
  const std::string_view user = value_of(context.subscription_meta, "user");
  if (filter == "skip-self") return user.empty() || user != value_of(context.message_meta, "sender");
  if (filter == "skip-users") return user.empty() || !lists(value_of(context.message_meta, "skip_users"), user);
  if (filter == "require-sub") {
    const std::string_view wanted = value_of(context.message_meta, "require_sub");
    return wanted.empty() || (context.subscribed && context.subscribed(wanted));
  }
  return true;
}

std::string quoted(std::string_view name) { return "'" + std::string(name) + "'"; }

Result<std::string> substitute(const Meta* meta, char directive, std::string_view name) {
  if (directive != 's') return invalid(std::string("unknown directive '") + directive + "'");
  if (name.empty()) return invalid("directive 's' needs a name");
  const std::string key(name);
  if (!has(meta, key)) return invalid("no such variable " + quoted(name));
  return meta->find(key)->second;
}

Result<std::string> channel_id(const FilterContext& context, char directive, std::string_view channel) {
  if (directive != 's') return invalid(std::string("unknown directive '") + directive + "' in id_format");
  if (channel.empty()) return invalid("directive 's' in id_format needs a channel");
  if (!context.subscribed || !context.subscribed(channel))
    return invalid("id_format names the channel " + quoted(channel) + ", which is not subscribed");
  std::string id = context.last_id ? context.last_id(channel) : std::string();
  // Half an id would be taken for a whole one by whoever resumes from it.
  if (id.empty()) return invalid("no id is known for the channel " + quoted(channel) + " in id_format");
  return id;
}

std::string hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

Result<bool> wants_hex(const Meta* meta) {
  if (!has(meta, "id_encoding")) return false;
  if (value_of(meta, "id_encoding") != "hex") return invalid("unsupported id_encoding " + quoted(value_of(meta, "id_encoding")));
  return true;
}

// `own` builds the id that `%I` stands for.
template <class Own>
Resolve id_resolver(bool as_hex, Own own) {
  return [as_hex, own](char directive, std::string_view id) -> Result<std::string> {
    if (directive != 'I') return invalid(std::string("unknown directive '") + directive + "'");
    if (!id.empty()) return as_hex ? hex(id) : std::string(id);
    Result<std::string> built = own();
    if (built && as_hex) return hex(*built);
    return built;
  };
}

Result<std::string> build_id(const FilterContext& context, std::string_view content) {
  const Meta* meta = context.subscription_meta;
  if (!has(meta, "id_format")) return invalid("no id_format in the subscription's meta");
  const auto as_hex = wants_hex(meta);
  if (!as_hex) return fail(as_hex.error());
  const auto own = [&] {
    return expand_all(value_of(meta, "id_format"),
                      [&](char directive, std::string_view channel) { return channel_id(context, directive, channel); });
  };
  return expand_all(content, id_resolver(*as_hex, own));
}

}  // namespace

bool passes(const std::vector<std::string>& filters, const FilterContext& context) {
  return std::all_of(filters.begin(), filters.end(), [&](const std::string& filter) { return passes_one(filter, context); });
}

bool changes_content(const std::vector<std::string>& filters) { return std::any_of(filters.begin(), filters.end(), is_content_filter); }

std::vector<std::string> content_filters(const std::vector<std::string>& filters) {
  std::vector<std::string> out;
  std::copy_if(filters.begin(), filters.end(), std::back_inserter(out), is_content_filter);
  return out;
}

Result<std::string> apply(const std::vector<std::string>& filters, const FilterContext& context, std::string_view content) {
  Result<std::string> out = std::string(content);
  for (const auto& filter : filters) {
    if (filter == kBuildId) {
      out = build_id(context, *out);
    } else if (filter == kVarSubst) {
      out = expand_all(*out, [&](char directive, std::string_view name) { return substitute(context.subscription_meta, directive, name); });
    }
    if (!out) break;
  }
  return out;
}

ReplyFilter::ReplyFilter(const std::vector<std::string>& filters, FilterContext context)
    : filters_(content_filters(filters)), context_(std::move(context)) {
  // Several channels may name it; the reply is one text and is changed once. var-subst is for messages only.
  std::erase_if(filters_, [](const std::string& filter) { return filter != kBuildId; });
}

Result<std::string> ReplyFilter::feed(std::string_view piece) {
  if (filters_.empty()) return std::string(piece);
  const auto as_hex = wants_hex(context_.subscription_meta);
  if (!as_hex) return fail(as_hex.error());
  held_ += piece;
  const auto none = []() -> Result<std::string> { return invalid("%I has no id in a reply; only %(ID)I has"); };
  auto out = expand(held_, id_resolver(*as_hex, none));
  if (!out) {
    held_.clear();
    return fail(std::move(out.error()));
  }
  held_.erase(0, out->used);
  if (held_.size() > kMaxHeld) {
    held_.clear();
    return invalid("a directive is longer than " + std::to_string(kMaxHeld) + " bytes");
  }
  return std::move(out->text);
}

Result<std::string> ReplyFilter::finish() {
  if (held_.empty()) return std::string();
  held_.clear();
  return invalid("a directive is cut off by the end");
}

}  // namespace holdfast
