#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gateway/base/bytes.h"
#include "gateway/base/metrics.h"
#include "gateway/base/options.h"
#include "gateway/base/result.h"
#include "gateway/net/http.h"

namespace holdfast {

class Loop;
class MessageSockets;

struct UpstreamOptions {
  Duration connect_timeout{5000};
  Duration response_timeout{60000};           // from the whole request sent to the response head, and between pieces of a body
  Duration idle_timeout{30000};               // of pooled connections
  int64_t max_idle_per_target = 1024;         // per loop; as many as may be open, so that bursts reconnect nothing
  int64_t max_connections_per_target = 1024;  // per loop; more requests wait
  int64_t max_waiting_per_target = 10000;     // more are refused (unavailable)
  uint64_t max_response_head = 65536;
  std::string ca_file;  // empty: the system's
};
void declare(OptionSet& set, UpstreamOptions& options);  // section "upstream"

// One address that a request may be sent to. Requests with equal endpoints share connections.
struct Endpoint {
  std::string host;  // name, IPv4 or IPv6 without brackets; or the path of a Unix socket when `unix_socket`
  uint16_t port = 80;
  bool unix_socket = false;
  bool tls = false;
  std::string server_name;  // SNI and the name the certificate must have
  bool verify = true;
  std::string client_cert, client_key;
  std::string message_socket;  // requests travel as messages of this ZeroMQ socket; the rest does not matter then
  bool public_only = false;    // refuse loopback, private and link-local addresses, after resolving

  bool operator==(const Endpoint&) const = default;
};
std::string to_string(const Endpoint& endpoint);  // "host:port", "[v6]:port"

enum class UpstreamError {
  connect_failed,  // nothing was sent: another endpoint may be tried
  blocked,         // the address is not allowed (public_only); nothing was sent
  overloaded,      // too many wait already; nothing was sent
  before_head,     // the peer closed, broke the protocol or reset before a response head: the request may have been processed
  timeout,         // no head in time
  mid_body,        // the response broke off (closed, garbage, stalled) after its head
};
const char* to_string(UpstreamError error);

// Told what becomes of one request. Threads: its loop; never from inside a call to UpstreamClient or UpstreamCall.
class UpstreamHandler {
 public:
  virtual ~UpstreamHandler() = default;
  // Room for more of the request body (after the connection is made, and after send() said `false`).
  virtual void on_send_ready() = 0;
  // The head of the final response (other 1xx than an asked-for 101 are dropped). `framing` says how its body comes. After a 101 the body,
  // and what send() is given, are the bytes of the new protocol, either way until its side ends; no time-outs apply.
  virtual void on_head(ResponseHead head, BodyFraming framing) = 0;
  virtual void on_body(Bytes piece) = 0;
  virtual void on_end() = 0;                                                // the response is whole; nothing follows
  virtual void on_error(UpstreamError error, const std::string& text) = 0;  // nothing follows
};

// A request under way. Destroying it gives the request up: its connection is closed unless the response was whole and the request body
// sent.
class UpstreamCall {
 public:
  virtual ~UpstreamCall() = default;
  // A piece of the request body; `last` ends it. False: wait for on_send_ready before sending more (the piece was taken).
  virtual bool send(Bytes piece, bool last) = 0;
  // Stops and restarts reading of the response body: backpressure.
  virtual void pause() = 0;
  virtual void resume() = 0;
  // For logs: what was connected to.
  virtual const Endpoint& endpoint() const = 0;
};

struct UpstreamRequest {
  std::vector<Endpoint> endpoints;  // tried in this order while nothing was sent
  RequestHead head;                 // Host included; framing headers are written here and ignored in `head`
  BodyFraming body;                 // none, length or chunked
  Duration response_timeout{0};     // 0: the option's
  std::string upgrade;              // asks for this protocol (Upgrade and Connection are written here); the body is none
};

// One loop's client towards backends: pooled keep-alive connections, TLS with verification, name resolution off the loop.
// A request that may have been processed is never sent again. A pooled connection is looked at before it is used, and one that the peer
// closed meanwhile is replaced. Threads: its loop.
class UpstreamClient {
 public:
  // `sockets` outlives the client's calls; null: none are offered.
  UpstreamClient(Loop& loop, const UpstreamOptions& options, Metrics& metrics, MessageSockets* sockets = nullptr);
  ~UpstreamClient();
  UpstreamClient(const UpstreamClient&) = delete;
  UpstreamClient& operator=(const UpstreamClient&) = delete;

  // The handler must outlive the call. When `body` is none, the request is complete; otherwise on_send_ready asks for it.
  std::unique_ptr<UpstreamCall> request(UpstreamRequest request, UpstreamHandler& handler);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace holdfast
