#include "gateway/session/sockjs/sockjs.h"

#include "gateway/net/websocket_handshake.h"
#include "gateway/session/sockjs/sockjs_pages.h"
#include "gateway/session/sockjs/sockjs_receiver.h"
#include "gateway/session/sockjs/sockjs_sender.h"
#include "gateway/session/sockjs/sockjs_socket.h"
#include "gateway/session/websocket/ws_request.h"
#include "gateway/session/websocket/ws_session.h"

namespace holdfast {

namespace {

// The methods of a resource; OPTIONS is every other's.
std::string_view methods_of(SockjsResource resource) {
  switch (resource) {
    case SockjsResource::xhr:
    case SockjsResource::xhr_streaming:
    case SockjsResource::xhr_send:
    case SockjsResource::jsonp_send:
      return "POST";
    default:
      return "GET";
  }
}

bool has_preflight(SockjsResource resource) {
  return resource == SockjsResource::info || resource == SockjsResource::xhr || resource == SockjsResource::xhr_streaming ||
         resource == SockjsResource::xhr_send;
}

bool is_of_session(SockjsResource resource) {
  switch (resource) {
    case SockjsResource::none:
    case SockjsResource::greeting:
    case SockjsResource::info:
    case SockjsResource::iframe:
      return false;
    default:
      return true;
  }
}

// Still encoded parameters of the target's query.
std::string_view parameter(std::string_view target, std::string_view name) {
  const size_t query = target.find('?');
  if (query == std::string_view::npos) return {};
  for (const auto field : split(target.substr(query + 1), '&')) {
    if (field.starts_with(name) && field.size() > name.size() && field[name.size()] == '=') return field.substr(name.size() + 1);
  }
  return {};
}

class Request {
 public:
  Request(Gateway& gateway, Exchange& exchange, std::unique_ptr<HeldRequest> request)
      : gateway_(gateway),
        exchange_(exchange),
        request_(std::move(request)),
        resource_(parse_sockjs_path(route().sockjs_prefix, head().target).resource) {}

  void serve(bool websocket) {
    if (resource_ == SockjsResource::none) return say(404, "Not found.");
    if (head().method == "OPTIONS" && has_preflight(resource_)) return answer_sockjs_preflight(exchange_, head(), methods_of(resource_));
    const auto methods = methods_of(resource_);
    const bool head_of_page = head().method == "HEAD" && !is_of_session(resource_);
    if (head().method != methods && !head_of_page) return refuse_method(methods);
    if (is_of_session(resource_) && !origin_allowed()) return say(403, "This origin is not allowed here.");
    switch (resource_) {
      case SockjsResource::none:
        return;
      case SockjsResource::greeting:
        return say(200, "Welcome to SockJS!\n");
      case SockjsResource::info:
        return answer_sockjs_info(exchange_, head());
      case SockjsResource::iframe:
        return answer_sockjs_iframe(exchange_, head(), gateway_.websocket().sockjs_url);
      case SockjsResource::xhr:
        return receive(SockjsTransport::xhr, {});
      case SockjsResource::xhr_streaming:
        return receive(SockjsTransport::xhr_streaming, {});
      case SockjsResource::eventsource:
        return receive(SockjsTransport::eventsource, {});
      case SockjsResource::jsonp:
        return receive_by_script();
      case SockjsResource::xhr_send:
        return send(false);
      case SockjsResource::jsonp_send:
        return send(true);
      case SockjsResource::websocket:
      case SockjsResource::raw_websocket:
        if (!websocket) return say(400, "Can \"Upgrade\" only to \"WebSocket\".");
        return open_socket(resource_ == SockjsResource::websocket);
    }
  }

 private:
  const RequestHead& head() const { return request_->head; }
  const Route& route() const { return *request_->route; }
  std::string_view origin() const { return head().headers.get("Origin"); }
  // A page's scripts load without saying where the page is from, so nobody is let in by one where it matters.
  bool origin_allowed() const {
    if (resource_ == SockjsResource::jsonp && !route().origins.empty()) return false;
    return holdfast::origin_allowed(route(), head());
  }

  void say(int status, std::string_view text) { answer_sockjs(exchange_, origin(), status, kSockjsText, text); }

  void refuse_method(std::string_view methods) {
    ResponseHead answer;
    answer.status = 405;
    answer.headers.add("Allow", has_preflight(resource_) ? "OPTIONS, " + std::string(methods) : std::string(methods));
    add_sockjs_headers(origin(), answer.headers);
    answer_sockjs(exchange_, answer, {});
  }

  void receive(SockjsTransport transport, std::string callback) {
    gateway_.adopt(std::make_unique<SockjsReceiver>(gateway_, exchange_, std::move(request_), transport, std::move(callback))).start();
  }

  void receive_by_script() {
    const auto callback = percent_decode(parameter(head().target, "c"), true);
    if (callback && callback->empty()) return say(500, "\"callback\" parameter required");
    if (!callback || !is_sockjs_callback(*callback)) return say(500, "invalid \"callback\" parameter");
    receive(SockjsTransport::jsonp, *callback);
  }

  void send(bool is_form) { gateway_.adopt(std::make_unique<SockjsSender>(gateway_, exchange_, std::move(request_), is_form)).start(); }

  void open_socket(bool framed) {
    if (const auto refusal = judge_handshake(head(), request_->framing)) return answer(exchange_, refusal->head, refusal->text);
    if (gateway_.cross_origin(route())) request_->cors = cors_request_part(head().headers);
    rewrite_for_sockjs(route(), request_->head);
    if (framed) end_grip_here(*request_);
    const RequestHead& handshake = head();  // the session keeps the request where it is
    WsSession::start(gateway_, std::move(request_), [&](ClientEnd::User& user) -> std::unique_ptr<ClientEnd> {
      if (framed) return std::make_unique<SockjsSocket>(gateway_, exchange_, handshake, user);
      return std::make_unique<SocketEnd>(gateway_.websocket(), exchange_, handshake, user);
    });
  }

  Gateway& gateway_;
  Exchange& exchange_;
  std::unique_ptr<HeldRequest> request_;
  const SockjsResource resource_;
};

}  // namespace

void start_sockjs(Gateway& gateway, Exchange& exchange, std::unique_ptr<HeldRequest> request, bool websocket) {
  Request(gateway, exchange, std::move(request)).serve(websocket);
}

}  // namespace holdfast
