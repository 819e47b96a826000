#include "control/http/status_page.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "control/http/parameters.h"
#include "control/http/status_page_text.h"
#include "gateway/base/text.h"

namespace holdfast::control {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMostBody = 64 * 1024;  // of the pad
constexpr size_t kMostPadName = 64;
constexpr size_t kMostShown = 2000;  // bytes of an item
constexpr std::string_view kFromPage = "status";

Answer guarded(Answer answer) {
  answer.fields.emplace_back("Cache-Control", "no-store");
  answer.fields.emplace_back("X-Content-Type-Options", "nosniff");
  answer.fields.emplace_back("X-Frame-Options", "DENY");
  answer.fields.emplace_back("Referrer-Policy", "no-referrer");
  answer.fields.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
  return answer;
}

Answer json(int status, const Json& body) {
  return guarded({.status = status, .type = "application/json", .body = body.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"});
}

Answer problem(int status, std::string_view text) { return json(status, {{"error", text}}); }

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid:
    case ErrorKind::too_large:
      return 400;
    case ErrorKind::denied:
      return 403;
    case ErrorKind::exhausted:
      return 429;
    case ErrorKind::timeout:
      return 408;
    default:
      return 503;
  }
}

Answer wrong_method(std::string_view allowed) {
  Answer answer = problem(405, "Use " + std::string(allowed) + ".");
  answer.fields.emplace_back("Allow", allowed);
  return answer;
}

Answer page() {
  Answer answer = guarded({.type = "text/html; charset=utf-8", .body = std::string(kStatusPageText)});
  answer.fields.emplace_back("Content-Security-Policy", kStatusPagePolicy);
  return answer;
}

// What people see of an item: a piece of a stream, a message or a body, whichever it has.
Json shown(const WatchEvent& event) {
  std::string text;
  if (event.kind == WatchEvent::Kind::gap) {
    text = "(something may be missing here: " + event.reason + ")";
  } else if (const Item& item = *event.item; item.http_stream && !item.http_stream->content.empty()) {
    text = item.http_stream->content.str();
  } else if (item.ws_message && !item.ws_message->content.empty()) {
    text = item.ws_message->content.str();
  } else if (item.http_response) {
    text = item.http_response->body.str();
  }
  text.resize(std::min(text.size(), kMostShown));
  const auto at = std::chrono::duration_cast<std::chrono::milliseconds>(
      (event.time == WallTime() ? SystemClock().wall() : event.time).time_since_epoch());
  return {{"at", at.count()}, {"text", std::move(text)}};
}

// What only the page itself can send.
bool from_page(const Request& request) {
  if (request.from_page != kFromPage) return false;
  if (!iequals(trim(request.content_type.substr(0, request.content_type.find(';'))), "application/json")) return false;
  if (request.origin.empty()) return true;  // no browser, or one that saw no other origin
  const size_t scheme = request.origin.find("://");
  return scheme != std::string_view::npos && iequals(request.origin.substr(scheme + 3), request.host);
}

}  // namespace

bool is_loopback_host(std::string_view host) {
  const size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && host.back() != ']') {
    if (!parse_uint(host.substr(colon + 1))) return false;
    host = host.substr(0, colon);
  }
  return iequals(host, "localhost") || host == "127.0.0.1" || host == "[::1]";
}

std::optional<Answer> StatusPage::answer(const Request& request) {
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (request.path == "/") return reads ? page() : wrong_method("GET, HEAD");
  if (request.path == "/status.json") return reads ? facts(request) : wrong_method("GET, HEAD");
  if (request.path == "/status/items") return reads ? items(request) : wrong_method("GET, HEAD");
  if (request.path == "/status/publish") return request.method == "POST" ? publish(request) : wrong_method("POST");
  return std::nullopt;
}

Answer StatusPage::needs_token() const {
  if (!authenticator_.asks()) return problem(403, "This needs a token, and this node knows none (control.http.token_file, control.auth).");
  return problem(401, "A valid token is needed.");
}

std::optional<Caller> StatusPage::caller_of(const Request& request) const {
  if (request.authorization.empty() || !authenticator_.asks()) return std::nullopt;
  auto caller = authenticator_.authenticate(request.authorization, {}, "admin");
  return caller ? std::optional(std::move(*caller)) : std::nullopt;
}

bool StatusPage::is_local(const Request& request) const { return loopback_ && is_loopback_host(request.host); }

Answer StatusPage::facts(const Request& request) const {
  const auto caller = caller_of(request);
  const bool here = is_local(request), asks = authenticator_.asks();
  const StatusAccess access{.private_parts = here || (caller && caller->operate), .publish = caller.has_value() || (here && !asks)};
  return guarded({.type = "application/json", .body = facts_.json(access, asks)});
}

Answer StatusPage::items(const Request& request) {
  if (request.from_page != kFromPage) return problem(403, "This is for the status page.");
  auto caller = caller_of(request);
  if (!caller && is_local(request)) caller = Caller::anybody();
  if (!caller) return needs_token();
  auto query = read_query(request.query, {"channel", "pad"});
  if (!query) return problem(400, query.error().text);
  const std::string channel = (*query)["channel"], pad = (*query)["pad"];
  if (channel.empty() || channel.size() > ItemLimits().max_channel_bytes) return problem(400, "channel: a name is needed.");
  if (pad.empty() || pad.size() > kMostPadName) return problem(400, "pad: 1 to 64 characters are needed.");
  const auto events = pads_.take(*caller, pad, channel);
  if (!events) return problem(status_of(events.error().kind), events.error().text);
  Json out = {{"items", Json::array()}};
  for (const auto& event : *events) {
    if (event.kind == WatchEvent::Kind::ended) out["ended"] = event.reason;
    if (event.kind == WatchEvent::Kind::item || event.kind == WatchEvent::Kind::gap) out["items"].push_back(shown(event));
  }
  return json(200, out);
}

Answer StatusPage::publish(const Request& request) {
  if (!from_page(request)) return problem(403, "This is for the status page. Publish through the control door.");
  auto caller = caller_of(request);
  if (!caller && is_local(request) && !authenticator_.asks()) caller = Caller::anybody();
  if (!caller) return needs_token();
  const auto body = request.body.read(kMostBody);
  if (!body) return problem(status_of(body.error().kind), body.error().text);
  auto items = parse_items(*body, {.max_items = 1});
  if (!items) return problem(400, items.error().text);
  const auto receipts = service_.publish(*caller, *std::move(items));
  if (!receipts.empty() && !receipts.front()) return problem(status_of(receipts.front().error().kind), receipts.front().error().text);
  return json(200, {{"published", true}});
}

}  // namespace holdfast::control
