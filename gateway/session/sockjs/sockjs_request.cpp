#include "gateway/session/sockjs/sockjs_request.h"

#include "gateway/net/websocket_handshake.h"
#include "gateway/session/sockjs/sockjs_paths.h"

namespace holdfast {

// ---- answers

void add_sockjs_cors(std::string_view origin, Headers& headers) {
  headers.set("Access-Control-Allow-Origin", origin.empty() ? "*" : origin);
  if (origin.empty()) return;
  headers.set("Access-Control-Allow-Credentials", "true");
  headers.add("Vary", "Origin");
}

void add_sockjs_headers(std::string_view origin, Headers& headers) {
  headers.set("Cache-Control", "no-store, no-cache, no-transform, must-revalidate, max-age=0");
  add_sockjs_cors(origin, headers);
}

void answer_sockjs(Exchange& exchange, const ResponseHead& head, Bytes body) {
  exchange.respond(head, {body.empty() ? Framing::none : Framing::length, body.size()});
  exchange.write(std::move(body));
  exchange.end();
}

void answer_sockjs(Exchange& exchange, std::string_view origin, int status, std::string_view content_type, std::string_view text) {
  ResponseHead head;
  head.status = status;
  head.headers.add("Content-Type", content_type);
  add_sockjs_headers(origin, head.headers);
  answer_sockjs(exchange, head, Bytes::copy(text));
}

// ---- the session's opening

std::string sockjs_key(const Route& route, std::string_view session) {
  return route.domain + '\n' + route.sockjs_prefix + '\n' + std::string(session);
}

void rewrite_for_sockjs(const Route& route, RequestHead& head) {
  const size_t query = head.target.find('?');
  head.target = route.sockjs_as_path + (query == std::string::npos ? std::string() : head.target.substr(query));
}

void become_handshake(HeldRequest& request) {
  rewrite_for_sockjs(*request.route, request.head);
  request.head.method = "GET";
  request.head.headers.remove_if([](const Headers::Field& field) {
    return istarts_with(field.first, "Content-") || istarts_with(field.first, "Sec-WebSocket-") ||
           iequals(field.first, "Transfer-Encoding") || iequals(field.first, "Expect");
  });
  request.head.headers.add("Sec-WebSocket-Version", "13");
  request.head.headers.add("Sec-WebSocket-Key", new_websocket_key());
  request.framing = {};
}

void end_grip_here(HeldRequest& request) { request.facts.trusted = false; }

// ---- one request

SockjsRequest::SockjsRequest(Gateway& gateway, Exchange& exchange, std::unique_ptr<HeldRequest> request, size_t most_body)
    : gateway_(gateway),
      exchange_(&exchange),
      request_(std::move(request)),
      origin_(request_->head.headers.get("Origin")),
      key_(sockjs_key(*request_->route, parse_sockjs_path(request_->route->sockjs_prefix, request_->head.target).session)),
      most_body_(most_body) {
  exchange.set_observer(this);
}

void SockjsRequest::start() {
  if (request_->framing.kind == Framing::none) return on_request_read();
  exchange_->pull_body();
}

void SockjsRequest::on_body(Bytes piece, bool last) {
  if (body_.size() + piece.size() > most_body_) return respond(413, kSockjsText, "Payload too large.");
  body_.append(piece.view());
  if (last) return on_request_read();
  exchange_->pull_body();
}

void SockjsRequest::respond(int status, std::string_view content_type, std::string_view text) {
  answer_sockjs(*exchange_, origin_, status, content_type, text);
  gateway_.finish(*this);
}

}  // namespace holdfast
