#pragma once

#include <string>
#include <vector>

#include "adapters/registry.h"
#include "control/auth/options.h"
#include "control/grpc/options.h"
#include "control/http/options.h"
#include "control/otlp/exporter.h"
#include "control/zmq/options.h"
#include "gateway/base/options.h"
#include "gateway/hub/hub.h"
#include "gateway/net/server.h"
#include "gateway/route/route.h"
#include "gateway/session/gateway.h"
#include "gateway/upstream/client.h"

namespace holdfast {

struct NodeOptions {
  std::string role = "all";
  int64_t loops = 0;  // 0: one per core
  std::string routes_file;
  std::string log_level = "info";
  std::string log_format = "text";
  Duration drain_delay{0};
  Duration drain_window{5000};
};
void declare(OptionSet& set, NodeOptions& options);

// Everything a node is told. The structs belong to their components; this is only the list of them.
struct Settings {
  NodeOptions node;
  std::vector<ListenOptions> listen;
  std::vector<Route> routes;  // of the YAML file; those of routes_file are read beside it
  EdgeOptions edge;
  ProxyOptions proxy;
  UpstreamOptions upstream;
  HubOptions delivery;
  HoldOptions hold;
  WsOptions websocket;
  BrokerOptions broker;
  control::AuthOptions auth;
  control::HttpControlOptions control;
  control::GrpcOptions grpc;
  control::ZmqOptions zmq;
  control::AdminOptions admin;
  control::TracingOptions tracing;
};

// Declares every option, bound to `settings`.
void declare_all(OptionSet& set, Settings& settings);

}  // namespace holdfast
