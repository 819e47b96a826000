#include "gateway/upstream/client.h"

#include "gateway/upstream/call.h"
#include "gateway/upstream/core.h"
#include "gateway/upstream/zhttp/message_call.h"

namespace holdfast {

std::string to_string(const Endpoint& endpoint) {
  if (!endpoint.message_socket.empty()) return endpoint.message_socket;
  if (endpoint.unix_socket) return "unix:" + endpoint.host;
  const bool bare_v6 = endpoint.host.find(':') != std::string::npos && endpoint.host.front() != '[';
  return (bare_v6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" + std::to_string(endpoint.port);
}

const char* to_string(UpstreamError error) {
  switch (error) {
    case UpstreamError::connect_failed:
      return "connect_failed";
    case UpstreamError::blocked:
      return "blocked";
    case UpstreamError::overloaded:
      return "overloaded";
    case UpstreamError::before_head:
      return "before_head";
    case UpstreamError::timeout:
      return "timeout";
    case UpstreamError::mid_body:
      return "mid_body";
  }
  return "unknown";
}

struct UpstreamClient::State final : UpstreamCore {
  State(Loop& its_loop, const UpstreamOptions& its_options, Metrics& metrics, MessageSockets* its_sockets)
      : UpstreamCore(its_loop, its_options, metrics), sockets(its_sockets) {}
  MessageSockets* sockets;
};

UpstreamClient::UpstreamClient(Loop& loop, const UpstreamOptions& options, Metrics& metrics, MessageSockets* sockets)
    : state_(std::make_shared<State>(loop, options, metrics, sockets)) {}

UpstreamClient::~UpstreamClient() { state_->close(); }

std::unique_ptr<UpstreamCall> UpstreamClient::request(UpstreamRequest request, UpstreamHandler& handler) {
  if (state_->sockets != nullptr && !request.endpoints.empty() && !request.endpoints.front().message_socket.empty()) {
    auto call = std::make_unique<MessageCall>(state_, *state_->sockets, std::move(request), handler);
    call->start();
    return call;
  }
  auto call = std::make_unique<Call>(state_, std::move(request), handler);
  call->start();
  return call;
}

}  // namespace holdfast
