#include "control/otlp/exporter.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include <httplib.h>
#include <nlohmann/json.hpp>

#include "gateway/base/log.h"

namespace holdfast::control {

namespace {

using Json = nlohmann::json;

constexpr size_t kMostWaiting = 4096;
constexpr size_t kBatch = 512;
constexpr std::chrono::seconds kEvery{1};
constexpr time_t kPatience = 2;  // seconds

Json attribute(const std::string& key, const std::string& value) { return {{"key", key}, {"value", {{"stringValue", value}}}}; }

std::string nanoseconds(WallTime time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

Json to_json(const Span& span) {
  Json out{{"traceId", span.trace_id},
           {"spanId", span.id},
           {"name", span.name},
           {"kind", static_cast<int>(span.kind)},
           {"startTimeUnixNano", nanoseconds(span.begin)},
           {"endTimeUnixNano", nanoseconds(span.end)},
           {"attributes", Json::array()}};
  if (!span.parent_id.empty()) out["parentSpanId"] = span.parent_id;
  for (const auto& [key, value] : span.attributes) out["attributes"].push_back(attribute(key, value));
  if (!span.fault.empty()) out["status"] = {{"code", 2}, {"message", span.fault}};
  return out;
}

}  // namespace

void declare(OptionSet& set, TracingOptions& o) {
  OptionSet::Section section(set, "tracing");
  set.text(
      "endpoint", o.endpoint,
      "Where spans go: the URL of an OpenTelemetry collector's OTLP/HTTP receiver, e.g. http://127.0.0.1:4318/v1/traces. Empty: nothing "
      "is traced, and trace headers are passed on as they are.");
  set.integer("sample", o.sample, "Per mille of requests and publications without a traceparent that begin a trace.").range(0, 1000);
  set.text("service", o.service, "Name of the service in traces.");
}

std::string to_otlp_json(const std::vector<Span>& spans, const std::string& service, const std::string& node) {
  Json list = Json::array();
  for (const auto& span : spans) list.push_back(to_json(span));
  Json scope{{"scope", {{"name", "holdfast"}}}, {"spans", std::move(list)}};
  Json resource{{"attributes", {attribute("service.name", service), attribute("service.instance.id", node)}}};
  const Json body{{"resourceSpans", {{{"resource", std::move(resource)}, {"scopeSpans", {std::move(scope)}}}}}};
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

struct OtlpExporter::State {
  State(std::string origin, std::string p, std::string s, std::string n, Metrics& metrics)
      : client(origin),
        path(std::move(p)),
        service(std::move(s)),
        node(std::move(n)),
        exported(metrics.counter("holdfast_trace_spans_total", "Spans, by what became of them.", {{"outcome", "exported"}})),
        dropped(metrics.counter("holdfast_trace_spans_total", "Spans, by what became of them.", {{"outcome", "dropped"}})) {
    client.set_connection_timeout(kPatience);
    client.set_read_timeout(kPatience);
    client.set_write_timeout(kPatience);
    client.set_keep_alive(true);
  }

  void run();
  void send(const std::vector<Span>& batch);

  httplib::Client client;
  const std::string path, service, node;
  Count& exported;
  Count& dropped;

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Span> waiting;
  bool ending = false;
  bool failing = false;  // said so already; the thread's
  std::thread thread;
};

void OtlpExporter::State::run() {
  std::unique_lock lock(mutex);
  while (!ending || !waiting.empty()) {
    changed.wait_for(lock, kEvery, [this] { return ending || waiting.size() >= kBatch; });
    std::vector<Span> all = std::move(waiting);
    waiting.clear();
    lock.unlock();
    for (size_t i = 0; i < all.size(); i += kBatch) {
      const auto begin = all.begin() + static_cast<std::ptrdiff_t>(i);
      send(
          {std::make_move_iterator(begin), std::make_move_iterator(begin + static_cast<std::ptrdiff_t>(std::min(kBatch, all.size() - i)))});
    }
    lock.lock();
    if (ending && failing) return;
  }
}

void OtlpExporter::State::send(const std::vector<Span>& batch) {
  const auto answer = client.Post(path.c_str(), to_otlp_json(batch, service, node), "application/json");
  const bool taken = answer && answer->status / 100 == 2;
  (taken ? exported : dropped).add(static_cast<int64_t>(batch.size()));
  if (taken != failing) return;
  failing = !taken;
  if (failing)
    log::warn("spans cannot be exported",
              {{"reason", answer ? "status " + std::to_string(answer->status) : httplib::to_string(answer.error())}});
  else
    log::info("spans are exported again");
}

Result<std::unique_ptr<OtlpExporter>> OtlpExporter::make(const TracingOptions& options, const std::string& node, Metrics& metrics) {
  const size_t scheme = options.endpoint.find("://");
  const std::string name = options.endpoint.substr(0, scheme);
  if (scheme == std::string::npos || (name != "http" && name != "https"))
    return invalid("tracing.endpoint: " + options.endpoint + " is no http or https URL");
  const size_t slash = options.endpoint.find('/', scheme + 3);
  auto state =
      std::make_unique<State>(options.endpoint.substr(0, slash), slash == std::string::npos ? "/v1/traces" : options.endpoint.substr(slash),
                              options.service, node, metrics);
  if (!state->client.is_valid()) return invalid("tracing.endpoint: " + options.endpoint + " is no URL");
  return std::unique_ptr<OtlpExporter>(new OtlpExporter(std::move(state)));
}

OtlpExporter::OtlpExporter(std::unique_ptr<State> state) : state_(std::move(state)) {
  state_->thread = std::thread([s = state_.get()] { s->run(); });
}

OtlpExporter::~OtlpExporter() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->ending = true;
  }
  state_->changed.notify_all();
  state_->thread.join();
}

void OtlpExporter::take(Span span) {
  const std::lock_guard lock(state_->mutex);
  if (state_->waiting.size() >= kMostWaiting) return state_->dropped.add();
  state_->waiting.push_back(std::move(span));
  if (state_->waiting.size() == kBatch) state_->changed.notify_all();
}

}  // namespace holdfast::control
