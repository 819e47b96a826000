#pragma once

#include <memory>
#include <string>

#include "gateway/base/metrics.h"
#include "gateway/base/options.h"
#include "gateway/base/result.h"
#include "gateway/base/trace.h"

namespace holdfast::control {

struct TracingOptions {
  std::string endpoint;  // empty: nothing is traced
  int64_t sample = 0;    // per mille of requests and publications that come without a traceparent
  std::string service = "holdfast";
};
void declare(OptionSet& set, TracingOptions& options);  // section "tracing"

// Sends spans to a collector as OTLP over HTTP with JSON (opentelemetry.io/docs/specs/otlp). Bounded: spans that the collector does not
// take in time are dropped and counted. Threads: one of its own.
class OtlpExporter final : public SpanSink {
 public:
  // `node`: the node's id, a resource attribute. Errors: invalid (the endpoint is no http or https URL).
  static Result<std::unique_ptr<OtlpExporter>> make(const TracingOptions& options, const std::string& node, Metrics& metrics);
  ~OtlpExporter() override;  // sends what is left, for two seconds at most

  void take(Span span) override;

 private:
  struct State;
  explicit OtlpExporter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// One export request; for tests.
std::string to_otlp_json(const std::vector<Span>& spans, const std::string& service, const std::string& node);

}  // namespace holdfast::control
