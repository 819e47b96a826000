#include "control/grpc/grpc_door.h"

#include <optional>

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>

#include "control/address.h"
#include "control/elastic_pool.h"
#include "control/grpc/calls.h"
#include "control/grpc/credentials.h"
#include "control/grpc/health.h"
#include "holdfast/control/v1/control.grpc.pb.h"

namespace holdfast::control {
namespace {

constexpr auto kFarewell = std::chrono::seconds(2);
constexpr size_t kMemory = 256 << 20;  // of all connections' buffers
constexpr size_t kMostPublishStreams = 1024;
// Operations that ask other nodes wait for them: not on gRPC's threads, of which there are two.
constexpr ElasticPool::Limits kPool{.threads = 16, .waiting = 256};

using Context = grpc::CallbackServerContext;

class ControlCalls final : public v1::Control::CallbackService {
 public:
  ControlCalls(CallContext& shared, ElasticPool& pool) : shared_(shared), pool_(pool) {}

 private:
  grpc::ServerUnaryReactor* Publish(Context* call, const v1::PublishRequest* request, v1::PublishResponse* response) override {
    return begin_publish(shared_, call, request, response);
  }
  grpc::ServerBidiReactor<v1::PublishStreamRequest, v1::PublishStreamResponse>* PublishStream(Context* call) override {
    return begin_publish_stream(shared_, call);
  }
  grpc::ServerWriteReactor<v1::SubscribeResponse>* Subscribe(Context* call, const v1::SubscribeRequest* request) override {
    return begin_subscribe(shared_, call, request);
  }

  grpc::ServerUnaryReactor* Channels(Context* call, const v1::ChannelsRequest* request, v1::ChannelsResponse* response) override {
    return in_pool(call, request, response, &Api::channels);
  }
  grpc::ServerUnaryReactor* Channel(Context* call, const v1::ChannelRequest* request, v1::ChannelResponse* response) override {
    return in_pool(call, request, response, &Api::channel);
  }
  grpc::ServerUnaryReactor* Connections(Context* call, const v1::ConnectionsRequest* request, v1::ConnectionsResponse* response) override {
    return in_pool(call, request, response, &Api::connections);
  }
  grpc::ServerUnaryReactor* Disconnect(Context* call, const v1::DisconnectRequest* request, v1::DisconnectResponse* response) override {
    return in_pool(call, request, response, &Api::disconnect);
  }
  grpc::ServerUnaryReactor* Refresh(Context* call, const v1::RefreshRequest* request, v1::RefreshResponse* response) override {
    return in_pool(call, request, response, &Api::refresh);
  }
  grpc::ServerUnaryReactor* Nodes(Context* call, const v1::NodesRequest* request, v1::NodesResponse* response) override {
    return in_pool(call, request, response, &Api::nodes);
  }
  grpc::ServerUnaryReactor* Drain(Context* call, const v1::DrainRequest* request, v1::DrainResponse* response) override {
    return in_pool(call, request, response, &Api::drain);
  }
  grpc::ServerUnaryReactor* Recover(Context* call, const v1::RecoverRequest* request, v1::RecoverResponse* response) override {
    return in_pool(call, request, response, &Api::recover);
  }

  template <class Request, class Response>
  grpc::ServerUnaryReactor* in_pool(Context* call, const Request* request, Response* response,
                                    Result<Response> (Api::*operation)(const Caller&, const Request&)) {
    auto* reactor = call->DefaultReactor();
    const auto job = [this, call, request, response, operation, reactor] { reactor->Finish(run(*call, *request, *response, operation)); };
    if (!pool_.offer(job)) reactor->Finish({grpc::StatusCode::RESOURCE_EXHAUSTED, "too many calls wait"});
    return reactor;
  }

  template <class Request, class Response>
  grpc::Status run(const Context& call, const Request& request, Response& response,
                   Result<Response> (Api::*operation)(const Caller&, const Request&)) {
    if (call.IsCancelled() || call.deadline() <= std::chrono::system_clock::now())
      return {grpc::StatusCode::DEADLINE_EXCEEDED, "the deadline had passed before anything was done"};
    const auto caller = shared_.caller_of(call);
    if (!caller) return caller.error();
    auto answer = (shared_.api.*operation)(*caller, request);
    if (!answer) return to_status(answer.error());
    response = *std::move(answer);
    return grpc::Status::OK;
  }

  CallContext& shared_;
  ElasticPool& pool_;
};

void apply(const GrpcOptions& options, grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(static_cast<int>(options.max_message));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, static_cast<int>(options.max_streams));
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a second process would silently share the port
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(options.keepalive_time.count()));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, static_cast<int>(options.min_ping_interval.count()));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 2);
  grpc::ResourceQuota quota("control");
  quota.Resize(kMemory);
  builder.SetResourceQuota(quota);
}

}  // namespace

Result<void> check(const GrpcOptions& options, bool knows_callers) {
  if (options.address.empty()) return {};
  const auto address = parse_listen_address(options.address);
  if (!address) return invalid("control.grpc.address: " + address.error().text);
  if (!address->loopback && !knows_callers && options.tls.client_ca.empty() && !options.allow_anonymous)
    return fail(ErrorKind::denied,
                "control.grpc.address " + options.address +
                    " can be reached from other machines, and everybody there could publish: set control.http.token_file, which is every "
                    "door's, or control.grpc.tls.client_ca, listen on 127.0.0.1, or set control.grpc.allow_anonymous: true if only trusted "
                    "machines get there");
  if (const auto credentials = make_credentials(options.tls); !credentials) return fail(credentials.error());
  return {};
}

// Order of members: the server goes before what its calls use.
struct GrpcDoor::State {
  State(GrpcOptions o, Api& a, Wiring w, Metrics& metrics)
      : options(std::move(o)),
        api(a),
        wiring(std::move(w)),
        watches(static_cast<size_t>(options.max_watches), shown(metrics, "subscribe")),
        streams(kMostPublishStreams, shown(metrics, "publish")) {}

  static Count& shown(Metrics& metrics, const char* kind) {
    return metrics.gauge("holdfast_control_streams", "Open streams of publishers and readers.", {{"door", "grpc"}, {"kind", kind}});
  }

  GrpcOptions options;
  Api& api;
  Wiring wiring;
  OpenCalls watches, streams;
  CallContext shared{api, wiring.authenticate, watches, streams};
  ElasticPool pool{kPool};
  ControlCalls calls{shared, pool};
  std::unique_ptr<grpc::Server> server;
  std::optional<HealthTeller> health;
  int port = 0;
};

GrpcDoor::GrpcDoor(GrpcOptions options, Api& api, Wiring wiring, Metrics& metrics)
    : state_(new State(std::move(options), api, std::move(wiring), metrics)) {}
GrpcDoor::~GrpcDoor() { stop(); }

Result<void> GrpcDoor::start() {
  auto& state = *state_;
  const auto& options = state.options;
  if (options.address.empty()) return {};
  if (auto good = check(options, state.wiring.knows_callers); !good) return good;
  const auto address = parse_listen_address(options.address);
  const auto credentials = make_credentials(options.tls);
  if (!address || !credentials) return fail(address ? credentials.error() : address.error());

  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  apply(options, builder);
  const std::string host = address->ipv6 ? "[" + address->host + "]" : address->host;
  builder.AddListeningPort(host + ":" + std::to_string(address->port), *credentials, &state.port);
  builder.RegisterService(&state.calls);
  state.server = builder.BuildAndStart();
  if (!state.server || state.port == 0) return fail(ErrorKind::unavailable, "cannot listen on control.grpc.address " + options.address);
  state.health.emplace(state.wiring.ready, [server = state.server.get()](bool ready) {
    auto* health = server->GetHealthCheckService();
    for (const std::string& service : {std::string(), std::string(v1::Control::service_full_name())})
      health->SetServingStatus(service, ready);
  });
  return {};
}

uint16_t GrpcDoor::port() const { return static_cast<uint16_t>(state_->port); }

void GrpcDoor::stop() {
  auto& state = *state_;
  if (!state.server) return;
  state.health.reset();
  state.watches.close_all();
  state.streams.close_all();
  state.server->Shutdown(std::chrono::system_clock::now() + kFarewell);
  state.server->Wait();
  state.pool.close();
  state.server.reset();
}

}  // namespace holdfast::control
