#include <algorithm>

#include <nlohmann/json.hpp>

#include "gateway/base/text.h"
#include "gateway/session/cross_origin.h"

namespace holdfast {

namespace {

constexpr size_t kLongestCallback = 256;

// The parameters of a query as they were sent. Those that are not taken stay byte for byte.
class Query {
 public:
  explicit Query(std::string_view text) : pieces_(split(text, '&')) {}

  bool has(std::string_view name) const {
    return std::any_of(pieces_.begin(), pieces_.end(), [&](std::string_view piece) { return is(piece, name); });
  }

  // Removes every parameter of this name. The value of the first, still encoded; null if there is none.
  std::optional<std::string_view> take(std::string_view name) {
    const auto first = std::find_if(pieces_.begin(), pieces_.end(), [&](std::string_view piece) { return is(piece, name); });
    if (first == pieces_.end()) return std::nullopt;
    const size_t equals = first->find('=');
    const auto value = equals == std::string_view::npos ? std::string_view() : first->substr(equals + 1);
    std::erase_if(pieces_, [&](std::string_view piece) { return is(piece, name); });
    return value;
  }

  std::string rest() const {
    std::string out;
    for (size_t i = 0; i < pieces_.size(); ++i) {
      if (i > 0) out += '&';
      out += pieces_[i];
    }
    return out;
  }

 private:
  static bool is(std::string_view piece, std::string_view name) {
    const auto written = piece.substr(0, piece.find('='));
    return written == name || (written.find('%') != std::string_view::npos && percent_decode(written, false) == name);
  }

  std::vector<std::string_view> pieces_;
};

// A function, or a member of something: cb, a.b, a[0]. Anything more would be a script of the caller's choice under our domain.
bool is_callback(std::string_view text) {
  return !text.empty() && text.size() <= kLongestCallback && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_$.[]").find(c) != std::string_view::npos;
  });
}

Result<std::string> take_callback(const Route& route, Query& query, std::string_view name) {
  const auto value = query.take(name);
  if (!value) return route.jsonp_default_callback;
  auto callback = percent_decode(*value, false);
  if (!callback || !is_callback(*callback)) return invalid("Invalid callback parameter.");
  return *std::move(callback);
}

Result<std::string> take_method(const Route& route, Query& query) {
  if (const auto value = query.take("_method")) {
    auto method = percent_decode(*value, false);
    // What follows the answer to a CONNECT is not HTTP any more.
    if (!method || !is_token(*method) || iequals(*method, "CONNECT")) return invalid("Invalid _method parameter.");
    return *std::move(method);
  }
  if (!route.jsonp_default_method.empty()) return route.jsonp_default_method;
  return route.jsonp_mode == JsonpMode::extended ? "GET" : "POST";
}

Result<Headers> take_headers(Query& query) {
  Headers out;
  const auto value = query.take("_headers");
  if (!value) return out;
  const auto wrong = invalid("Invalid _headers parameter.");
  const auto text = percent_decode(*value, false);
  if (!text) return wrong;
  const auto object = nlohmann::ordered_json::parse(*text, nullptr, false);
  if (!object.is_object()) return wrong;
  for (const auto& [name, header] : object.items()) {
    if (!header.is_string()) return wrong;
    const auto& content = header.get_ref<const std::string&>();
    if (!is_token(name) || !is_field_value(content)) return wrong;
    if (!iequals(name, "Host") && !iequals(name, "Accept")) out.add(name, trim(content));
  }
  return out;
}

struct TakenBody {
  std::string content;
  bool json = false;
};

Result<TakenBody> take_body(const Route& route, Query& query) {
  const bool named = !route.jsonp_body.empty();
  const auto value = query.take(named ? std::string_view(route.jsonp_body) : "_body");
  if (!value) return TakenBody{};
  auto content = percent_decode(*value, false);
  if (!content) return invalid("Invalid body parameter.");
  return TakenBody{*std::move(content), named};
}

// The client's headers, those of _headers in the place of their namesakes, and what a script cannot choose.
Headers real_headers(const Headers& client, const Headers& chosen, bool json) {
  Headers out;
  out.reserve(client.size() + chosen.size() + 2);
  const auto replaced = [&](std::string_view name) {
    return iequals(name, "Accept") || (json && iequals(name, "Content-Type")) || chosen.has(name);
  };
  for (const auto& [name, value] : client) {
    if (!replaced(name)) out.add(name, value);
  }
  for (const auto& [name, value] : chosen) {
    if (!json || !iequals(name, "Content-Type")) out.add(name, value);
  }
  if (json) out.add("Content-Type", "application/json");
  out.add("Accept", "*/*");
  return out;
}

std::string dump(const nlohmann::ordered_json& value) {
  // ASCII only: independent of the charset the page assumes, and U+2028 ends a line in old JavaScript. Bytes that are no UTF-8 are
  // replaced.
  return value.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
}

std::string describe(const ResponseHead& head, std::string_view body) {
  auto headers = nlohmann::ordered_json::object();
  for (const auto& [name, value] : head.headers) {
    // Cookies are for the browser; in here scripts could read even those that are hidden from them.
    if (iequals(name, "Set-Cookie")) continue;
    auto slot = headers.begin();
    while (slot != headers.end() && !iequals(slot.key(), name)) ++slot;
    if (slot == headers.end()) {
      headers[name] = value;
    } else {
      *slot = slot->get_ref<const std::string&>() + ", " + value;
    }
  }
  nlohmann::ordered_json answer;
  answer["code"] = head.status;
  answer["reason"] = head.reason.empty() ? std::string(reason_phrase(head.status)) : head.reason;
  answer["headers"] = std::move(headers);
  answer["body"] = body;
  return dump(answer);
}

}  // namespace

Result<std::optional<JsonpRequest>> parse_jsonp(const Route& route, const RequestHead& head) {
  const size_t mark = head.target.find('?');
  if (head.method != "GET" || mark == std::string::npos) return std::nullopt;
  Query query(std::string_view(head.target).substr(mark + 1));
  const std::string_view callback_name = route.jsonp_callback.empty() ? std::string_view("callback") : route.jsonp_callback;
  const bool by_default = !route.jsonp_default_callback.empty() && !route.jsonp_body.empty() && query.has(route.jsonp_body);
  if (!by_default && !query.has(callback_name)) return std::nullopt;

  auto callback = take_callback(route, query, callback_name);
  if (!callback) return fail(callback.error());
  auto method = take_method(route, query);
  if (!method) return fail(method.error());
  const auto headers = take_headers(query);
  if (!headers) return fail(headers.error());
  auto body = take_body(route, query);
  if (!body) return fail(body.error());

  JsonpRequest out;
  out.callback = *std::move(callback);
  out.mode = route.jsonp_mode;
  out.head.method = *std::move(method);
  out.head.target = head.target.substr(0, mark);
  if (const std::string rest = query.rest(); !rest.empty()) out.head.target += '?' + rest;
  out.head.minor_version = head.minor_version;
  out.head.headers = real_headers(head.headers, *headers, body->json);
  out.body = Bytes(std::move(body->content));
  return out;
}

JsonpAnswer wrap_jsonp(const JsonpRequest& request, const ResponseHead& head, std::string_view body, bool held) {
  // The comment before the callback keeps the answer from beginning with bytes that the caller chose (Flash took such files for its own).
  std::string script = "/**/" + request.callback + '(';
  if (request.mode == JsonpMode::extended) {
    script += describe(head, body);
  } else {
    if (held && body.ends_with('\n')) body.remove_suffix(1);
    script += body;
  }
  script += ");\n";

  JsonpAnswer answer;
  answer.head.status = 200;
  answer.head.reason = "OK";
  answer.head.headers.add("Content-Type", "application/javascript");
  answer.head.headers.add("X-Content-Type-Options", "nosniff");
  answer.body = Bytes(std::move(script));
  return answer;
}

}  // namespace holdfast
