#include "gateway/upstream/client.h"

#include "gateway/upstream/call.h"
#include "gateway/upstream/core.h"

namespace holdfast {

std::string to_string(const Endpoint& endpoint) {
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
  using UpstreamCore::UpstreamCore;
};

UpstreamClient::UpstreamClient(Loop& loop, const UpstreamOptions& options, Metrics& metrics)
    : state_(std::make_shared<State>(loop, options, metrics)) {}

UpstreamClient::~UpstreamClient() { state_->close(); }

std::unique_ptr<UpstreamCall> UpstreamClient::request(UpstreamRequest request, UpstreamHandler& handler) {
  auto call = std::make_unique<Call>(state_, std::move(request), handler);
  call->start();
  return call;
}

}  // namespace holdfast
