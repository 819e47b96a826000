#include "gateway/route/route_options.h"

#include <string>

#include "gateway/base/text.h"
#include "gateway/route/checks.h"
#include "gateway/route/host.h"
#include "gateway/route/path_template.h"

namespace holdfast::route {

namespace {

constexpr uint64_t kLongestPath = 65536;
constexpr uint64_t kHighestLogLevel = 9;

Result<void> set_domain(Route& route, std::string_view value) {
  if (value.empty()) return {};
  auto domain = parse_domain(value);
  if (!domain) return fail(domain.error());
  route.domain = *std::move(domain);
  return {};
}

Result<void> set_protocol(Route& route, std::string_view value) {
  if (value == "http") {
    route.protocol = Protocol::http;
  } else if (value == "ws" || value == "websocket") {
    route.protocol = Protocol::websocket;
  } else {
    return invalid("expected http or ws, not " + shown(value));
  }
  return {};
}

Result<void> set_tls(Route& route, std::string_view value) {
  route.tls = parse_switch(value);
  if (!route.tls) return invalid("expected yes or no, not " + shown(value));
  return {};
}

template <std::string Route::* member>
Result<void> set_text(Route& route, std::string_view value) {
  if (auto sane = check_text(value); !sane) return sane;
  route.*member = value;
  return {};
}

template <std::string Route::* member>
Result<void> set_path(Route& route, std::string_view value) {
  if (auto sane = check_path(value); !sane) return sane;
  route.*member = value;
  return {};
}

Result<void> set_path_template(Route& route, std::string_view value) {
  if (auto parsed = PathTemplate::parse(value); !parsed) return fail(parsed.error());
  route.path_template = std::string(value);
  return {};
}

// Only the signer knows the forms of a key, and one of them (PEM) has several lines.
Result<void> set_key(Route& route, std::string_view value) {
  if (value.find('\0') != std::string_view::npos) return invalid("contains a NUL byte");
  route.signature_key = value;
  return {};
}

Result<void> set_path_remove(Route& route, std::string_view value) {
  const auto count = parse_uint(value);
  if (!count || *count > kLongestPath) return invalid("expected a number of characters from 0 to 65536, not " + shown(value));
  route.path_remove = *count;
  return {};
}

Result<void> set_replace_begin(Route& route, std::string_view value) {
  if (!value.empty()) {
    if (auto sane = check_path(value); !sane) return sane;
  }
  route.replace_begin = std::string(value);
  return {};
}

Result<void> set_as_host(Route& route, std::string_view value) {
  if (!is_authority(value)) return invalid("expected HOST or HOST:PORT, not " + shown(value));
  route.as_host = value;
  return {};
}

// Fields by which a request is framed belong to the connection: setting one here would let a body be read as a second request.
bool frames_request(std::string_view name) {
  for (const std::string_view framing : {"content-length", "transfer-encoding", "connection", "upgrade"}) {
    if (iequals(name, framing)) return true;
  }
  return false;
}

Result<void> add_header(Route& route, std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return invalid("expected \"Name: value\"");
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trim(line.substr(colon + 1));
  if (!is_token(name)) return invalid(shown(name) + " is no header name");
  if (!is_field_value(value)) return invalid("the value of " + shown(name) + " contains a control character");
  if (frames_request(name)) return invalid(shown(name) + " belongs to the connection and can't be set");
  route.set_headers.emplace_back(name, value);
  return {};
}

Result<void> set_jsonp_mode(Route& route, std::string_view value) {
  if (value == "basic") {
    route.jsonp_mode = JsonpMode::basic;
  } else if (value == "extended") {
    route.jsonp_mode = JsonpMode::extended;
  } else {
    return invalid("expected basic or extended, not " + shown(value));
  }
  return {};
}

Result<void> set_jsonp_method(Route& route, std::string_view value) {
  if (!is_token(value)) return invalid(shown(value) + " is no method");
  route.jsonp_default_method = value;
  return {};
}

Result<void> set_log_level(Route& route, std::string_view value) {
  const auto level = parse_uint(value);
  if (!level || *level > kHighestLogLevel) return invalid("expected a number from 0 to 9, not " + shown(value));
  route.log_level = static_cast<int>(*level);
  return {};
}

Result<void> add_origin(Route& route, std::string_view value) {
  if (value != "same" && value.find("://") == std::string_view::npos) {
    return invalid("expected an origin like https://www.example.com, or same, not " + shown(value));
  }
  if (auto sane = check_text(value); !sane) return sane;
  route.origins.emplace_back(value);
  return {};
}

using Rule = OptionRule<Route>;

const Rule kRules[] = {
    // In the routes file the domain is no option but what the line begins with.
    {.name = "domain", .word = "", .keys = {"domain"}, .set = set_domain, .may_be_empty = true},
    {.name = "proto", .word = "proto", .keys = {"protocol"}, .set = set_protocol},
    {.name = "ssl", .word = "ssl", .keys = {"tls"}, .set = set_tls},
    {.name = "path_beg", .word = "path_beg", .keys = {"path_begins"}, .set = set_path<&Route::path_begin>},
    {.name = "path", .word = "", .keys = {"path"}, .set = set_path_template},
    {.name = "id", .word = "id", .set = set_text<&Route::id>},
    {.name = "sig_iss", .word = "sig_iss", .keys = {"signature_issuer"}, .set = set_text<&Route::signature_issuer>, .may_be_empty = true},
    {.name = "sig_key", .word = "sig_key", .keys = {"signature_key"}, .set = set_key, .may_be_empty = true},
    {.name = "prefix", .word = "prefix", .keys = {"channel_prefix"}, .set = set_text<&Route::prefix>, .may_be_empty = true},
    {.name = "path_rem", .word = "path_rem", .keys = {"path_remove", "strip_prefix_length"}, .set = set_path_remove},
    {.name = "replace_beg", .word = "replace_beg", .keys = {"replace_prefix"}, .set = set_replace_begin, .may_be_empty = true},
    {.name = "as_host", .word = "as_host", .keys = {"host"}, .set = set_as_host},
    {.name = "header", .word = "header", .keys = {"headers"}, .set = add_header, .repeats = true},
    {.name = "debug", .word = "debug", .flag = &Route::debug},
    {.name = "no_grip", .word = "no_grip", .flag = &Route::no_grip},
    {.name = "no_grip", .word = "", .keys = {"grip"}, .flag = &Route::no_grip, .inverse = true},
    {.name = "aco", .word = "aco", .keys = {"cross_origin", "auto_cross_origin"}, .flag = &Route::cross_origin},
    {.name = "jsonp_mode", .word = "jsonp_mode", .set = set_jsonp_mode},
    {.name = "jsonp_cb", .word = "jsonp_cb", .keys = {"jsonp_callback"}, .set = set_text<&Route::jsonp_callback>},
    {.name = "jsonp_body", .word = "jsonp_body", .set = set_text<&Route::jsonp_body>},
    {.name = "jsonp_defcb", .word = "jsonp_defcb", .keys = {"jsonp_default_callback"}, .set = set_text<&Route::jsonp_default_callback>},
    {.name = "jsonp_defmethod", .word = "jsonp_defmethod", .keys = {"jsonp_default_method"}, .set = set_jsonp_method},
    {.name = "orig_headers", .word = "orig_headers", .keys = {"original_headers"}, .flag = &Route::original_headers},
    {.name = "session", .word = "session", .flag = &Route::session},
    {.name = "sockjs", .word = "sockjs", .keys = {"sockjs_prefix"}, .set = set_path<&Route::sockjs_prefix>},
    {.name = "sockjs_as_path", .word = "sockjs_as_path", .set = set_path<&Route::sockjs_as_path>},
    {.name = "answer_pings", .word = "answer_pings", .flag = &Route::answer_pings},
    {.name = "origin", .word = "origin", .keys = {"origins"}, .set = add_origin, .repeats = true},
    {.name = "log_level", .word = "log_level", .set = set_log_level},
};

}  // namespace

std::span<const Rule> route_rules() { return kRules; }

Result<void> check_route(Route& route, const RouteReader& given) {
  if (route.domain.empty() && route.id.empty()) return invalid("a route without a domain needs an id");
  if (given.given("path") && given.given("path_beg"))
    return invalid("path is the whole path and path_begins its beginning: give one of them");
  if (!route.sockjs_prefix.empty() && route.sockjs_as_path.empty()) route.sockjs_as_path = route.sockjs_prefix + "/websocket";
  return {};
}

}  // namespace holdfast::route
