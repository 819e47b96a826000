#include "gateway/upstream/core.h"

#include <algorithm>

#include "gateway/upstream/connection.h"
#include "gateway/upstream/pool.h"

namespace holdfast {

namespace {

constexpr size_t kKeptPools = 256;  // unused ones are dropped from here on: links of backends may name any number of hosts

Count& requests(Metrics& metrics, const char* outcome) {
  return metrics.counter("holdfast_upstream_requests_total", "Requests to backends, by what became of them.", {{"outcome", outcome}});
}

Count* requests(Metrics& metrics, UpstreamError error) { return &requests(metrics, to_string(error)); }

}  // namespace

UpstreamCounts::UpstreamCounts(Metrics& metrics)
    : ok(requests(metrics, "ok")),
      abandoned(requests(metrics, "abandoned")),
      errors{requests(metrics, UpstreamError::connect_failed), requests(metrics, UpstreamError::blocked),
             requests(metrics, UpstreamError::overloaded),     requests(metrics, UpstreamError::before_head),
             requests(metrics, UpstreamError::timeout),        requests(metrics, UpstreamError::mid_body)},
      connections(metrics.gauge("holdfast_upstream_connections", "Open connections to backends, idle ones included.")),
      connects(metrics.counter("holdfast_upstream_connects_total", "Connections made to backends.")),
      waiting(metrics.gauge("holdfast_upstream_waiting", "Requests that wait for a connection to their backend.")) {}

size_t UpstreamCore::EndpointHash::operator()(const Endpoint& endpoint) const {
  return std::hash<std::string>()(endpoint.host) ^ (size_t{endpoint.port} << 17) ^ (endpoint.tls ? 0x9e3779b9U : 0U);
}

UpstreamCore::UpstreamCore(Loop& its_loop, const UpstreamOptions& its_options, Metrics& metrics)
    : loop(its_loop), options(its_options), counts(metrics), resolver(its_loop) {}

UpstreamCore::~UpstreamCore() = default;

Pool& UpstreamCore::pool(const Endpoint& endpoint) {
  auto& pool = pools_[endpoint];
  if (!pool) pool = std::make_unique<Pool>(*this);
  return *pool;
}

Result<std::shared_ptr<const TlsContext>> UpstreamCore::tls(const Endpoint& endpoint) {
  auto& kept = tls_[{endpoint.client_cert, endpoint.client_key}];
  if (!kept) {
    auto made = TlsContext::client(options.ca_file, endpoint.client_cert, endpoint.client_key);
    if (!made) return fail(made.error());
    kept = std::move(*made);
  }
  return kept;
}

void UpstreamCore::post() {
  if (std::exchange(posted_, true)) return;
  // The post owns the core: a handler may drop its call and the client while a buried connection is on the stack.
  loop.post([core = shared_from_this()] { core->run(); });
}

void UpstreamCore::run() {
  posted_ = false;  // what is put off from here on gets a post of its own
  running_.swap(deferred_);
  for (size_t i = 0; i < running_.size(); ++i) {
    if (running_[i] == nullptr) continue;
    running_[i]->deferred_ = false;
    running_[i]->on_deferred();
  }
  running_.clear();
  const auto serve = std::exchange(serve_, {});
  for (auto* pool : serve) pool->serve();
  std::exchange(buried_, {}).clear();
  drop_unused_pools();
}

void UpstreamCore::defer(Deferred& user) {
  if (std::exchange(user.deferred_, true)) return;
  deferred_.push_back(&user);
  post();
}

void UpstreamCore::forget(Deferred& user) {
  // Both lists: while one is run through, its entries have lost their mark already.
  if (user.deferred_) std::replace(deferred_.begin(), deferred_.end(), &user, static_cast<Deferred*>(nullptr));
  if (!running_.empty()) std::replace(running_.begin(), running_.end(), &user, static_cast<Deferred*>(nullptr));
}

void UpstreamCore::serve_later(Pool& pool) {
  if (std::find(serve_.begin(), serve_.end(), &pool) != serve_.end()) return;
  serve_.push_back(&pool);
  post();
}

void UpstreamCore::bury(std::unique_ptr<Connection> connection) {
  buried_.push_back(std::move(connection));
  post();
}

void UpstreamCore::drop_unused_pools() {
  if (pools_.size() <= kKeptPools || !serve_.empty()) return;
  std::erase_if(pools_, [](const auto& entry) { return entry.second->unused(); });
}

void UpstreamCore::close() {
  closed_ = true;
  for (auto& [endpoint, pool] : pools_) pool->drop_all_idle();
}

}  // namespace holdfast
