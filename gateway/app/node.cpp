#include "gateway/app/node.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include <unistd.h>

#include "adapters/registry.h"
#include "control/api/api.h"
#include "control/auth/authenticator.h"
#include "control/gap_log.h"
#include "control/grpc/grpc_door.h"
#include "control/http/server.h"
#include "control/service.h"
#include "control/zmq/zmq_door.h"
#include "gateway/app/channel_watches.h"
#include "gateway/app/node_metrics.h"
#include "gateway/app/node_watch.h"
#include "gateway/base/log.h"
#include "gateway/net/loop.h"
#include "gateway/session/sockjs/sockjs_sessions.h"
#include "gateway/upstream/zhttp/message_sockets.h"

namespace holdfast {

namespace {

// One loop and what it owns. Everything inside belongs to its thread once that runs.
struct Worker {
  Worker(const Clock& clock, Metrics& metrics, Hub& hub, size_t index, const Settings& settings, std::shared_ptr<const ForwardRules> rules,
         MessageSockets& sockets, std::shared_ptr<SockjsSessions> sockjs)
      : loop(clock, metrics),
        shard(
            hub, index, loop.timers(), [this](std::function<void()> work) { loop.post(std::move(work)); }, settings.delivery, metrics),
        upstream(loop, settings.upstream, metrics, &sockets),
        gateway(loop, shard, upstream, std::move(rules), settings.proxy, settings.hold, settings.websocket, metrics, std::move(sockjs)),
        server(loop, settings.edge, gateway, metrics),
        watches(shard, loop.timers(), gateway.door()) {
    shard.on_delivered([this](const Delivery& delivery, size_t listeners) {
      server.delivered(delivery.published());
      if (gateway.tracer() != nullptr && !delivery.item().origin.traceparent.empty()) trace(delivery, listeners);
    });
  }

  // From when a node took the message until the last listener on this loop had it.
  void trace(const Delivery& delivery, size_t listeners) {
    const Item& item = delivery.item();
    auto span = gateway.tracer()->begin(Span::Kind::consumer, "deliver", item.origin.traceparent, delivery.published());
    if (!span) return;
    span->attributes = {
        {"messaging.system", "holdfast"}, {"messaging.destination.name", item.channel}, {"holdfast.listeners", std::to_string(listeners)}};
    gateway.tracer()->end(std::move(*span), gateway.wall());
  }

  Loop loop;
  HubShard shard;
  UpstreamClient upstream;
  Gateway gateway;
  HttpServer server;
  ChannelWatches watches;
  std::thread thread;
  std::atomic<size_t> connections{1};  // until it is counted
  CallbackTimer drain_delay;
  std::atomic<bool> holds_ended{false};
};

std::shared_ptr<const RouteTable> make_table(std::vector<Route> routes) {
  std::vector<std::string> warnings;
  auto table = RouteTable::make(std::move(routes), &warnings);
  for (const auto& warning : warnings) log::warn("a route is left out", {{"reason", warning}});
  return table;
}

// Message sockets must be there before backends look for them.
void bind_message_sockets(const RouteTable& table, MessageSockets& sockets) {
  std::vector<std::string> addresses;
  for (const auto& route : table.routes()) {
    for (const auto& target : route.targets) {
      if (target.kind == Target::Kind::message_socket) addresses.push_back(target.host);
    }
  }
  for (const auto& problem : sockets.bind(addresses)) log::error("a message socket cannot be bound", {{"reason", problem}});
}

std::string new_node_id() {
  std::random_device random;
  char text[17];
  std::snprintf(text, sizeof text, "%08x%08x", random(), random());
  return text;
}

std::string host_name() {
  char name[256] = "unknown";
  ::gethostname(name, sizeof name - 1);
  return name;
}

std::string with_port(const std::string& address, uint16_t port) {
  return address.substr(0, address.rfind(':') + 1) + std::to_string(port);
}

ItemLimits limits_of(const control::GrpcOptions& options) {
  ItemLimits limits;
  limits.max_items = static_cast<size_t>(options.max_items);
  return limits;
}

}  // namespace

struct Node::State final : control::NodeFacts {
  State(Settings s, std::vector<Route> r) : settings(std::move(s)), routes(std::move(r)) {}

  // Signals are one way in: what waits for them does the rest.
  void drain() override { ::kill(::getpid(), SIGTERM); }

  void recover() override {
    for (auto& worker : workers) worker->loop.post([gateway = &worker->gateway] { gateway->recover(); });
  }

  std::vector<std::string> alive(const std::vector<std::string>& connections) override {
    const auto on_loops =
        ask_each_loop<std::vector<std::string>>([connections](Worker& worker) { return worker.gateway.held(connections); });
    std::vector<std::string> all;
    for (const auto& found : on_loops) all.insert(all.end(), found.begin(), found.end());
    return all;
  }
  bool refresh(const std::string& connection) override {
    return with_connection(connection, [](Session& session) { return session.refresh(); });
  }
  bool disconnect(const std::string& connection) override {
    return with_connection(connection, [](Session& session) { return session.drain(); });
  }
  std::vector<control::ConnectionInfo> connections(const control::ConnectionQuery& query) override {
    using List = std::vector<control::ConnectionInfo>;
    List all;
    for (auto& list : ask_each_loop<List>([query](Worker& worker) { return connections_of(worker.gateway, query); }))
      std::move(list.begin(), list.end(), std::back_inserter(all));
    if (all.size() > query.most) all.resize(query.most);
    return all;
  }
  // A channel always on the same loop, so that its watchers share what the hub knows of it.
  void watch(const std::string& channel, std::optional<Position> since, std::shared_ptr<control::WatchFeed> feed) override {
    Worker& worker = *workers[std::hash<std::string>()(channel) % workers.size()];
    worker.loop.post([&worker, channel, since, feed = std::move(feed)] { worker.watches.add(channel, since, feed); });
  }
  bool listened(const std::string& channel) override { return hub->listened(channel); }
  std::vector<control::ChannelInfo> channels(const std::string& prefix, size_t most) override {
    std::map<std::string, control::ChannelInfo> all;
    const auto on_loops = ask_each_loop<std::vector<std::pair<std::string, HubShard::Counts>>>(
        [prefix, most](Worker& worker) { return worker.shard.listed(prefix, most); });
    for (const auto& list : on_loops) {
      for (const auto& [name, counts] : list) add(all[name], counts);
    }
    std::vector<control::ChannelInfo> out;
    for (auto& [name, info] : all) {
      info.name = name;
      out.push_back(std::move(info));
    }
    return out;
  }
  control::ChannelInfo channel(const std::string& name) override {
    control::ChannelInfo info{name};
    for (const auto& counts : ask_each_loop<HubShard::Counts>([name](Worker& worker) { return worker.shard.listeners(name); }))
      add(info, counts);
    return info;
  }
  Held held() override {
    Held out;
    for (const char* mode : {"response", "stream", "websocket"})
      out.connections += metrics.gauge("holdfast_holds", "", {{"mode", mode}}).value();
    out.channels = metrics.gauge("holdfast_channels", "").value();
    return out;
  }
  static std::vector<control::ConnectionInfo> connections_of(const Gateway& gateway, const control::ConnectionQuery& query) {
    static constexpr std::array<const char*, kHoldKinds> kKinds{"", "response", "stream", "websocket"};
    std::vector<control::ConnectionInfo> out;
    gateway.each_held([&](const std::string& id, const Session& session) {
      const std::string kind = kKinds[static_cast<size_t>(session.kind())];
      if (!query.kind.empty() && query.kind != kind) return true;
      auto channels = session.channels();
      if (!query.channel.empty() && std::find(channels.begin(), channels.end(), query.channel) == channels.end()) return true;
      out.push_back({id, {}, kind, session.peer_address(), std::move(channels)});
      return out.size() < query.most;
    });
    return out;
  }
  static void add(control::ChannelInfo& info, const HubShard::Counts& counts) {
    info.response += static_cast<int64_t>(counts[static_cast<size_t>(HoldKind::response)]);
    info.stream += static_cast<int64_t>(counts[static_cast<size_t>(HoldKind::stream)]);
    info.websocket += static_cast<int64_t>(counts[static_cast<size_t>(HoldKind::websocket)]);
  }

  template <class Work>
  bool with_connection(const std::string& connection, Work work) {
    const auto on_loops = ask_each_loop<char>([connection, work](Worker& worker) -> char {
      Session* session = worker.gateway.find(connection);
      return session != nullptr && work(*session) ? 1 : 0;
    });
    return std::count(on_loops.begin(), on_loops.end(), 1) > 0;
  }

  // Waits for the answers; a loop that does not answer within a second is left out.
  template <class T, class Work>
  std::vector<T> ask_each_loop(Work work) {
    struct Answers {
      std::mutex mutex;
      std::condition_variable more;
      std::vector<T> list;
    };
    const auto answers = std::make_shared<Answers>();
    on_each_loop([answers, work](Worker& worker) {
      T answer = work(worker);
      const std::lock_guard lock(answers->mutex);
      answers->list.push_back(std::move(answer));
      answers->more.notify_one();
    });
    std::unique_lock lock(answers->mutex);
    answers->more.wait_for(lock, std::chrono::seconds(1), [&] { return answers->list.size() == workers.size(); });
    return answers->list;
  }

  template <class Work>
  void on_each_loop(Work work) {
    for (auto& worker : workers) worker->loop.post([worker = worker.get(), work] { work(*worker); });
  }

  control::Readiness readiness() const {
    if (draining) return {false, "draining"};
    if (!hub->healthy()) return {false, "the broker is not reachable", "broker"};
    return {};
  }

  // The tokens are every door's.
  control::GrpcDoor::Wiring grpc_wiring() {
    const auto authenticate = [this](std::string_view authorization, const std::vector<std::string>& certificate_names,
                                     std::string_view peer) -> Result<control::Caller> {
      if (!authenticator->asks()) return control::Caller::anybody();
      return authenticator->authenticate(authorization, certificate_names, "grpc", peer);
    };
    return {.authenticate = authenticate, .knows_callers = authenticator->asks(), .ready = [this] { return readiness().ready; }};
  }

  // For dashboards made for Pushpin.
  void pushpin_metrics() {
    const auto sum = [this](const char* name, std::initializer_list<Metrics::Labels> labels, bool gauge) {
      std::vector<Count*> counts;
      for (const auto& l : labels) counts.push_back(gauge ? &metrics.gauge(name, "", l) : &metrics.counter(name, "", l));
      return [counts] {
        int64_t total = 0;
        for (const auto* count : counts) total += count->value();
        return static_cast<double>(total);
      };
    };
    metrics.gauge_call("request_received", "Requests received, under Pushpin's name.", sum("holdfast_requests_total", {{}}, false));
    metrics.gauge_call("message_received", "Items published through this node, under Pushpin's name.",
                       sum("holdfast_published_items_total", {{}}, false));
    metrics.gauge_call("message_sent", "Messages handed to clients, under Pushpin's name.", sum("holdfast_deliveries_total", {{}}, false));
    metrics.gauge_call("connection_connected", "Open client connections, under Pushpin's name.", sum("holdfast_connections", {{}}, true));
  }

  void add_metrics() {
    process_metrics(metrics);
    limit_metrics(metrics, settings, *hub, workers.size());
    metrics.gauge_call("holdfast_ready", "Whether /readyz says so: 1 or 0.", [this] { return readiness().ready ? 1.0 : 0.0; });
    metrics.gauge_call("holdfast_draining", "Whether the node ends its connections and then itself: 1 or 0.",
                       [this] { return draining ? 1.0 : 0.0; });
    metrics.gauge_call("holdfast_drain_deadline_timestamp_seconds", "When the drain cuts what is left; 0: no drain.",
                       [this] { return drain_deadline.load(); });
  }

  Result<void> start();
  Result<void> listen();

  Settings settings;
  std::vector<Route> routes;
  SystemClock clock;
  Metrics metrics;
  control::GapLog gap_log{clock};
  std::unique_ptr<Broker> broker;
  std::unique_ptr<control::OtlpExporter> exporter;  // null: nothing is traced
  std::unique_ptr<Tracer> tracer;
  std::unique_ptr<Hub> hub;
  std::unique_ptr<MessageSockets> sockets;  // outlives the workers
  std::vector<std::unique_ptr<Worker>> workers;
  std::unique_ptr<control::Fleet> fleet;
  std::unique_ptr<control::Service> service;
  std::unique_ptr<control::Authenticator> authenticator;
  std::unique_ptr<control::Api> api;
  std::unique_ptr<control::GrpcDoor> grpc_door;
  std::unique_ptr<control::HttpServer> control_door;
  std::unique_ptr<control::ZmqDoor> zmq_door;
  std::unique_ptr<NodeWatch> node_watch;
  std::unique_ptr<control::FleetSink> sink;
  std::unique_ptr<control::AdminServer> admin_door;
  std::vector<std::string> edge_addresses;
  std::vector<size_t> tls_listeners;  // by settings.listen: its index in each server
  std::atomic<bool> draining{false};
  std::atomic<double> drain_deadline{0};  // seconds since 1970
  TimePoint drain_ends;
  bool running = false;
};

Result<void> Node::State::listen() {
  for (size_t i = 0; i < settings.listen.size(); ++i) {
    const auto& options = settings.listen[i];
    std::shared_ptr<const TlsContext> tls;
    if (!options.certificates.empty()) {
      auto made = TlsContext::server(options.certificates);
      if (!made) return fail(ErrorKind::invalid, options.where + ": " + made.error().text);
      tls = std::move(*made);
    }
    auto bound = bind_address(options, workers.size(), settings.edge);
    if (!bound) return fail(bound.error());
    for (size_t w = 0; w < workers.size(); ++w) workers[w]->server.listen(bound->sockets[w], tls);
    edge_addresses.push_back((tls ? "https://" : "http://") + bound->address);
  }
  return {};
}

Result<void> Node::State::start() {
  auto rules = ForwardRules::make(settings.proxy);
  if (!rules) return fail(rules.error());
  // Keys stay with the nodes that ask for them.
  const bool opens_doors = settings.node.role != "gateway";
  authenticator = std::make_unique<control::Authenticator>(opens_doors ? settings.auth : control::AuthOptions(), clock, metrics);
  if (auto loaded = authenticator->load(); !loaded) return loaded;
  const auto shared_rules = std::make_shared<const ForwardRules>(std::move(*rules));
  auto made = make_broker(settings.broker, clock, metrics);
  if (!made) return fail(made.error());
  broker = std::move(*made);
  const std::string id = new_node_id();
  if (!settings.tracing.endpoint.empty()) {
    auto exporting = control::OtlpExporter::make(settings.tracing, id, metrics);
    if (!exporting) return fail(exporting.error());
    exporter = std::move(*exporting);
    tracer = std::make_unique<Tracer>(*exporter, static_cast<double>(settings.tracing.sample) / 1000);
  }
  hub = std::make_unique<Hub>(*broker, settings.delivery, metrics);
  hub->on_gap_told([this](const std::string& channel, Gap gap, size_t listeners) { gap_log.add(channel, to_string(gap), listeners); });

  const auto& role = settings.node.role;
  const size_t cores = std::max(1U, std::thread::hardware_concurrency());
  // A control node has no clients, but doors that watch channels.
  const size_t loops = role == "control" ? 1 : settings.node.loops > 0 ? static_cast<size_t>(settings.node.loops) : cores;
  const auto table = make_table(std::move(routes));
  sockets = std::make_unique<MessageSockets>();
  bind_message_sockets(*table, *sockets);
  const auto sockjs = std::make_shared<SockjsSessions>();
  for (size_t i = 0; i < loops; ++i) {
    workers.push_back(std::make_unique<Worker>(clock, metrics, *hub, i, settings, shared_rules, *sockets, sockjs));
    auto& worker = *workers.back();
    hub->add(worker.shard, i, [loop = &worker.loop](std::function<void()> work) { loop->post(std::move(work)); });
    worker.gateway.set_routes(table);
    worker.gateway.set_tracer(tracer.get());
  }
  if (role != "control") {
    if (auto listening = listen(); !listening) return listening;
  }

  fleet = std::make_unique<control::Fleet>(*broker, *this, control::NodeInfo{id, host_name(), role, HOLDFAST_VERSION}, clock, metrics);
  service = std::make_unique<control::Service>(*broker, *this, *fleet, metrics);
  service->trace(tracer.get());
  zmq_door = std::make_unique<control::ZmqDoor>(settings.zmq, *service, ItemLimits(), metrics);
  node_watch = std::make_unique<NodeWatch>(*zmq_door);
  if (node_watch->wanted(settings.zmq)) {
    hub->watch(node_watch.get());
    for (auto& worker : workers) worker->gateway.set_watcher(node_watch.get());
  }
  sink = std::make_unique<control::FleetSink>(*fleet, *hub);
  pushpin_metrics();
  add_metrics();
  api = std::make_unique<control::Api>(*service, durability_of(settings.broker), limits_of(settings.grpc));
  grpc_door = std::make_unique<control::GrpcDoor>(settings.grpc, *api, grpc_wiring(), metrics);
  control_door = std::make_unique<control::HttpServer>(settings.control, *service, *authenticator, metrics, durability_of(settings.broker));
  admin_door = std::make_unique<control::AdminServer>(settings.admin, metrics, [this] { return readiness(); });
  admin_door->set_page({service.get(), this, fleet.get(), &gap_log, authenticator.get(), settings.broker.type});
  broker->start(*sink);
  for (auto& worker : workers) worker->thread = std::thread([w = worker.get()] { w->loop.run(); });
  running = true;
  fleet->start();
  if (role != "gateway") {
    if (auto opened = control_door->start(); !opened) return opened;
    if (auto opened = grpc_door->start(); !opened) return opened;
  }
  if (auto opened = zmq_door->start(authenticator->asks() ? control::SocketGuests::nobody : control::SocketGuests::loopback); !opened)
    return opened;
  return admin_door->start();
}

Node::Node(Settings settings, std::vector<Route> routes) : state_(std::make_unique<State>(std::move(settings), std::move(routes))) {}
Node::~Node() { stop(); }

Result<void> Node::start() {
  auto started = state_->start();
  if (!started) stop();
  return started;
}

const std::vector<std::string>& Node::edge_addresses() const { return state_->edge_addresses; }
const std::vector<std::string>& Node::socket_addresses() const { return state_->zmq_door->addresses(); }
std::string Node::control_address() const {
  if (state_->settings.node.role == "gateway") return {};
  return with_port(state_->settings.control.address, state_->control_door->port());
}
std::string Node::grpc_address() const {
  if (state_->grpc_door->port() == 0) return {};
  return with_port(state_->settings.grpc.address, state_->grpc_door->port());
}
std::string Node::admin_address() const { return with_port(state_->settings.admin.address, state_->admin_door->port()); }

void Node::set_routes(std::vector<Route> routes) {
  auto table = make_table(std::move(routes));
  bind_message_sockets(*table, *state_->sockets);
  state_->on_each_loop([table = std::move(table)](Worker& worker) { worker.gateway.set_routes(table); });
}

void Node::reload_certificates() {
  if (auto read = state_->control_door->reload_tls(); !read)
    log::error("new certificates cannot be used; the old ones stay",
               {{"listen", state_->settings.control.address}, {"reason", read.error().text}});
  for (size_t i = 0; i < state_->settings.listen.size(); ++i) {
    const auto& options = state_->settings.listen[i];
    if (options.certificates.empty()) continue;
    auto made = TlsContext::server(options.certificates);
    if (!made) {
      log::error("new certificates cannot be used; the old ones stay", {{"listen", options.address}, {"reason", made.error().text}});
      continue;
    }
    state_->on_each_loop([i, tls = *made](Worker& worker) { worker.server.set_tls(i, tls); });
    log::info("certificates were read again", {{"listen", options.address}});
  }
}

void Node::reload_keys() {
  if (auto loaded = state_->authenticator->load(); !loaded) {
    log::error("new keys of callers cannot be used; the old ones stay", {{"reason", loaded.error().text}});
    return;
  }
  log::info("keys of callers were read again");
}

void Node::begin_drain() {
  auto& state = *state_;
  if (state.draining.exchange(true)) return;
  const auto window = state.settings.node.drain_window;
  state.drain_ends = state.clock.now() + state.settings.node.drain_delay + window;
  state.drain_deadline = seconds_since_1970(state.clock.wall() + state.settings.node.drain_delay + window);
  log::info("draining", {{"window_ms", window.count()}, {"delay_ms", state.settings.node.drain_delay.count()}});
  state.on_each_loop([window, delay = state.settings.node.drain_delay](Worker& worker) {
    const auto begin = [&worker, window] {
      worker.server.stop_accepting();
      worker.gateway.drain(window, [&worker] { worker.holds_ended = true; });
    };
    if (delay.count() == 0) return begin();
    worker.drain_delay.set_callback(begin);
    worker.loop.timers().set_in(worker.drain_delay, delay);
  });
}

bool Node::drained() const {
  auto& state = *state_;
  // A node that only takes publications has nobody to wait for but those who do not know yet that it goes.
  bool all = !state.workers.empty() || state.clock.now() > state.drain_ends - state.settings.node.drain_window;
  for (auto& worker : state.workers) {
    worker->loop.post([w = worker.get()] { w->connections = w->server.connections(); });
    all = all && worker->holds_ended && worker->connections == 0;
  }
  return all || state.clock.now() > state.drain_ends + std::chrono::seconds(1);
}

void Node::stop() {
  auto& state = *state_;
  if (state.control_door) state.control_door->stop();
  if (state.grpc_door) state.grpc_door->stop();
  if (state.zmq_door) state.zmq_door->stop();
  if (state.admin_door) state.admin_door->stop();
  if (state.fleet) state.fleet->stop();
  if (state.broker && state.running) state.broker->stop();
  for (auto& worker : state.workers) worker->loop.stop();
  for (auto& worker : state.workers) {
    if (worker->thread.joinable()) worker->thread.join();
  }
  state.workers.clear();
  state.running = false;
}

}  // namespace holdfast
