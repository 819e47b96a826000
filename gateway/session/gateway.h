#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "gateway/base/metrics.h"
#include "gateway/base/options.h"
#include "gateway/base/trace.h"
#include "gateway/hub/hub.h"
#include "gateway/net/exchange.h"
#include "gateway/net/loop.h"
#include "gateway/route/route.h"
#include "gateway/session/forward.h"
#include "gateway/session/session.h"
#include "gateway/session/websocket/ws_options.h"
#include "gateway/upstream/client.h"

namespace holdfast {

struct HoldOptions {
  int64_t channels_per_connection = 20;  // more are not subscribed, as with Pushpin
  std::string rerequest = "auto";        // auto | always | never
  int64_t queue_messages = 100;          // kept for a hold while its backend is asked again
  int64_t rerequest_rate = 500;          // a second and loop; those over it wait
  Duration sse_retry{3000};              // told to direct SSE clients on drain, +-50 %
};
void declare(OptionSet& set, HoldOptions& options);  // section "hold"

enum class Rerequest { automatic, always, never };

struct HeldRequest;
class LoopDoor;
class SockjsSessions;

// What every session of a loop uses. Threads: its loop.
class Gateway final : public ExchangeHandler {
 public:
  Gateway(Loop& loop, HubShard& hub, UpstreamClient& upstream, std::shared_ptr<const ForwardRules> rules, const ProxyOptions& proxy,
          const HoldOptions& holds, const WsOptions& websocket, Metrics& metrics, std::shared_ptr<SockjsSessions> sockjs);
  ~Gateway() override;

  void set_routes(std::shared_ptr<const RouteTable> routes);
  void recover();
  // Ends all holds, spread evenly over the window; then calls done. Proxied requests go on.
  void drain(Duration window, std::function<void()> done);
  size_t sessions() const { return sessions_.size(); }
  // Before the loop runs. Null: nobody watches.
  void set_watcher(SessionWatcher* watcher) { watcher_ = watcher; }
  void set_tracer(const Tracer* tracer) { tracer_ = tracer; }
  const Tracer* tracer() const { return tracer_; }  // null: nothing is traced
  // What the connection is called: in requests to backends (Connection-Id), in stats and commands. A UUID, the same for all its life.
  std::string connection_id(uint32_t serial) const;
  // The held connection with this id; null: not on this loop.
  Session* find(std::string_view connection_id);
  // Those of the ids that are held here; one walk over the sessions.
  std::vector<std::string> held(const std::vector<std::string>& connection_ids) const;
  // Calls `visit` for held connections, in no order, until it answers false.
  void each_held(const std::function<bool(const std::string& connection_id, const Session& session)>& visit) const;

  void on_request(Exchange& exchange, RequestHead head, BodyFraming body) override;

  // For sessions.
  Loop& loop() { return loop_; }
  Timers& timers() { return loop_.timers(); }
  HubShard& hub() { return hub_; }
  UpstreamClient& upstream() { return upstream_; }
  const ForwardRules& rules() const { return *rules_; }
  const HoldOptions& holds() const { return hold_options_; }
  const WsOptions& websocket() const { return websocket_; }
  Rerequest rerequest() const { return rerequest_; }
  SockjsSessions& sockjs() { return *sockjs_; }
  const std::shared_ptr<LoopDoor>& door() { return door_; }  // into this loop, from others
  WallTime wall() const { return loop_.timers().clock().wall(); }
  bool debug(const Route& route) const { return proxy_.debug || route.debug; }
  bool cross_origin(const Route& route) const { return proxy_.auto_cross_origin || route.cross_origin; }
  // The key and issuer of a route; null: the node's own.
  const SignatureKey* route_key(const Route& route);

  // The route's id, kept as long as this gateway.
  const std::string& rate_group(const Route& route) { return *groups_.insert(route.id).first; }

  template <class S>
  S& adopt(std::unique_ptr<S> session) {
    S& adopted = *session;
    own(std::move(session));
    return adopted;
  }
  // Destroys the session.
  void finish(Session& session);
  // When the next re-request that an event for many holds causes may start: a storm becomes a breeze.
  Duration pace();
  Duration jitter(Duration up_to);

  struct Counts {
    explicit Counts(Metrics& metrics);
    Count &response_holds, &stream_holds, &websockets;  // gauges
    Count &held, &client_messages, &delivered, &filtered, &rerequests, &timeouts, &bad_instructs, &over_subscribed, &queue_dropped,
        &mid_body, &slow_dropped;
  };
  Counts counts;

 private:
  void own(std::unique_ptr<Session> session);
  std::optional<uint32_t> serial_of(std::string_view connection_id) const;
  void drain_slice();
  void on_websocket(Exchange& exchange, std::unique_ptr<HeldRequest> request, const RouteMatch& match);

  Loop& loop_;
  HubShard& hub_;
  UpstreamClient& upstream_;
  std::shared_ptr<const ForwardRules> rules_;
  const ProxyOptions proxy_;
  const HoldOptions hold_options_;
  const WsOptions websocket_;
  Rerequest rerequest_;
  std::shared_ptr<const RouteTable> routes_;
  std::unordered_map<std::string, SignatureKey> route_keys_;
  std::set<std::string> groups_;
  std::shared_ptr<SockjsSessions> sockjs_;
  std::shared_ptr<LoopDoor> door_;
  std::vector<std::unique_ptr<Session>> sessions_;
  SessionWatcher* watcher_ = nullptr;
  const Tracer* tracer_ = nullptr;
  std::array<uint32_t, 3> id_seed_;
  uint32_t last_serial_ = 0;
  std::minstd_rand random_;
  TimePoint next_slot_;

  CallbackTimer drain_timer_;
  TimePoint drain_ends_;
  std::function<void()> drained_;
};

// A text answer of the gateway's own.
void answer(Exchange& exchange, int status, std::string_view text);
void answer(Exchange& exchange, const ResponseHead& head, std::string_view text);

}  // namespace holdfast
