#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/base/clock.h"

namespace holdfast {

// W3C Trace Context, version 00: "00-" 32 digits "-" 16 digits "-" 2 digits; no zero ids, lower case.
bool is_traceparent(std::string_view text);
inline constexpr std::string_view kTraceparent = "traceparent";  // the header's name

// A piece of work that somebody may want to see, as OpenTelemetry has it.
struct Span {
  enum class Kind { server = 2, client = 3, producer = 4, consumer = 5 };
  Kind kind = Kind::server;
  std::string name;
  std::string trace_id, id, parent_id;  // hexadecimal; parent empty: a root
  WallTime begin, end;
  std::vector<std::pair<std::string, std::string>> attributes;
  std::string fault;  // empty: it went well

  std::string traceparent() const { return "00-" + trace_id + "-" + id + "-01"; }
};

// Where finished spans go. Threads: any; never blocks.
class SpanSink {
 public:
  virtual ~SpanSink() = default;
  virtual void take(Span span) = 0;
};

// Decides what is traced: what a traceparent says is sampled, and a share of what comes without one. Threads: any.
class Tracer {
 public:
  Tracer(SpanSink& sink, double ratio) : sink_(sink), ratio_(ratio) {}

  // nullopt: not traced; what was got is passed on as it is.
  std::optional<Span> begin(Span::Kind kind, std::string name, std::string_view parent, WallTime now) const;
  void end(Span span, WallTime now) const;

 private:
  SpanSink& sink_;
  const double ratio_;
};

}  // namespace holdfast
