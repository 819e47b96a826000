#include "gateway/app/serve.h"

#include <cstdio>
#include <sys/resource.h>

#include <signal.h>

#include "control/auth/authenticator.h"
#include "control/grpc/grpc_door.h"
#include "control/http/server.h"
#include "gateway/app/file_watch.h"
#include "gateway/app/load.h"
#include "gateway/app/load_auth.h"
#include "gateway/app/node.h"
#include "gateway/base/log.h"
#include "gateway/config/print.h"

namespace holdfast {

namespace {

int complain(const std::vector<std::string>& problems) {
  for (const auto& problem : problems) std::fprintf(stderr, "%s\n", problem.c_str());
  std::fprintf(stderr, "%zu problem%s; nothing was started.\n", problems.size(), problems.size() == 1 ? "" : "s");
  return 2;
}

// As many connections as the system allows us to hold.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// The path of a direct route with something in the place of its parameters.
std::string example_path(const std::string& path_template) {
  std::string out;
  bool inside = false;
  for (const char c : path_template) {
    if (c == '{') {
      inside = true;
      out += "hello";
    }
    if (!inside) out += c;
    if (c == '}') inside = false;
  }
  return out;
}

const Route* find_direct(const std::vector<Route>& routes, DirectHold::Mode mode) {
  for (const auto& route : routes) {
    if (route.hold && route.hold->mode == mode && route.path_template) return &route;
  }
  return nullptr;
}

// The first thing a newcomer sees: where everything is, and what to paste.
void greet(const Node& node, const Settings& settings, const std::vector<Route>& routes) {
  const char* publishing = settings.control.tls.any() ? "https://" : "http://";
  std::printf("holdfast %s is ready\n", HOLDFAST_VERSION);
  for (const auto& address : node.edge_addresses()) std::printf("  clients     %s\n", address.c_str());
  if (!node.control_address().empty()) std::printf("  publishers  %s%s\n", publishing, node.control_address().c_str());
  if (!node.grpc_address().empty()) std::printf("  grpc        %s\n", node.grpc_address().c_str());
  for (const auto& address : node.socket_addresses()) std::printf("  sockets     %s\n", address.c_str());
  const auto* stream = find_direct(routes, DirectHold::Mode::stream);
  const auto* poll = find_direct(routes, DirectHold::Mode::response);
  const std::string edge = node.edge_addresses().empty() ? std::string() : node.edge_addresses().front();
  if (settings.admin.page) std::printf("  status      http://%s/\n", node.admin_address().c_str());
  std::printf("  metrics     http://%s/metrics\n", node.admin_address().c_str());
  if (stream != nullptr && !edge.empty() && !node.control_address().empty()) {
    std::printf("\nPaste into other terminals: hold a stream, publish to it, hold a long poll.\n\n");
    std::printf("  curl -N %s%s\n", edge.c_str(), example_path(*stream->path_template).c_str());
    std::printf("  curl -d '{\"items\":[{\"channel\":\"hello\",\"formats\":{\"http-stream\":{\"content\":\"Hello!\"}}}]}' %s%s/publish/\n",
                publishing, node.control_address().c_str());
    if (poll != nullptr) std::printf("  curl -i %s%s\n", edge.c_str(), example_path(*poll->path_template).c_str());
    std::printf("\nCtrl-C ends it.\n");
  }
  std::fflush(stdout);
}

void reload_routes(Node& node, const Settings& settings) {
  std::vector<std::string> problems;
  auto routes = read_routes(settings, problems);
  for (const auto& problem : problems) log::error("a route is wrong", {{"reason", problem}});
  // A bad line costs that line, as with Pushpin; a file that cannot be read, or has no good line, costs nothing.
  if (!problems.empty() && routes.size() == settings.routes.size()) {
    log::error("the old routes stay", {{"file", settings.node.routes_file}});
    return;
  }
  const size_t count = routes.size();
  node.set_routes(std::move(routes));
  log::info("routes were read again", {{"routes", count}});
}

}  // namespace

int serve(const ConfigSource& source) {
  const auto loaded = load(source);
  const Settings& settings = *loaded->settings;
  if (!loaded->problems.empty()) return complain(loaded->problems);
  log::Level level{};
  log::parse_level(settings.node.log_level, level);
  log::configure(level, settings.node.log_format == "json" ? log::Format::json : log::Format::text);
  for (const auto& warning : loaded->config.warnings) log::warn("configuration", {{"reason", warning}});
  std::vector<std::string> problems;
  const auto routes = read_routes(settings, problems);
  for (const auto& problem : problems) log::error("a route is wrong and left out", {{"reason", problem}});
  raise_descriptor_limit();

  // Before any thread starts, so that every one has it: signals are waited for here.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);

  Node node(settings, routes);
  if (auto started = node.start(); !started) return complain({started.error().text});
  greet(node, settings, routes);

  std::vector<std::string> certificates;
  for (const auto& listen : settings.listen) {
    for (const auto& certificate : listen.certificates) {
      certificates.push_back(certificate.cert_file);
      certificates.push_back(certificate.key_file);
    }
  }
  for (const auto& file : {settings.control.tls.cert, settings.control.tls.key, settings.control.tls.client_ca})
    certificates.push_back(file);
  FileWatch routes_watch({settings.node.routes_file});
  FileWatch certificates_watch(certificates);
  FileWatch keys_watch(control::files_of(settings.auth));
  bool draining = false;
  const timespec idle{0, 500'000'000}, busy{0, 20'000'000};
  for (;;) {
    const int signal = ::sigtimedwait(&signals, nullptr, draining ? &busy : &idle);
    if (signal == SIGTERM || signal == SIGINT) {
      if (draining) break;
      draining = true;
      node.begin_drain();
    }
    if (draining && node.drained()) break;
    const bool asked = signal == SIGHUP;
    if (routes_watch.changed() || asked) reload_routes(node, settings);
    if (certificates_watch.changed() || asked) node.reload_certificates();
    if (keys_watch.changed() || asked) node.reload_keys();
  }
  node.stop();
  log::info("stopped");
  return 0;
}

namespace {

// What is asked at the doors of publishers, and whether they may be opened as they are.
void check_doors(const Settings& settings, std::vector<std::string>& problems) {
  const auto keys = control::KeyRing::load(settings.auth);
  if (!keys) return problems.push_back(keys.error().text);
  const bool asks = !(*keys)->empty();
  if (auto door = control::check(settings.control, asks); !door) problems.push_back(door.error().text);
  if (auto door = control::check(settings.grpc, asks); !door) problems.push_back(door.error().text);
}

}  // namespace

int check_config(const ConfigSource& source) {
  const auto loaded = load(source);
  auto problems = loaded->problems;
  const auto routes = read_routes(*loaded->settings, problems);
  for (const auto& listen : loaded->settings->listen) {
    if (listen.certificates.empty()) continue;
    if (auto made = TlsContext::server(listen.certificates); !made) problems.push_back(listen.where + ": " + made.error().text);
  }
  if (auto rules = ForwardRules::make(loaded->settings->proxy); !rules) problems.push_back(rules.error().text);
  if (auto broker = check(loaded->settings->broker); !broker) problems.push_back(broker.error().text);
  if (loaded->problems.empty() && loaded->settings->node.role != "gateway") check_doors(*loaded->settings, problems);
  if (const auto& tls = loaded->settings->control.tls; tls.any()) {
    if (auto read = control::TlsAcceptor(tls).load(); !read) problems.push_back("control.http.tls: " + read.error().text);
  }
  std::vector<std::string> warnings = loaded->config.warnings;
  RouteTable::make(routes, &warnings);
  for (const auto& warning : warnings) std::fprintf(stderr, "warning: %s\n", warning.c_str());
  for (const auto& problem : problems) std::fprintf(stderr, "%s\n", problem.c_str());
  if (!problems.empty()) return 2;
  std::printf("%s: good, %zu routes\n", source.file.c_str(), routes.size());
  return 0;
}

int print_config(const ConfigSource& source) {
  const auto loaded = load(source);
  if (!loaded->problems.empty()) return complain(loaded->problems);
  std::fputs(print_config(loaded->options, loaded->config.structures, {"signature_key", "sig_key", "token", "secret"}).c_str(), stdout);
  return 0;
}

}  // namespace holdfast
