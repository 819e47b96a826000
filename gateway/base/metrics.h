#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast {

namespace metrics_detail {
// Threads count in different cache lines; more threads than cells only share one.
inline constexpr size_t kCells = 16;
size_t cell_of_this_thread();
struct alignas(64) Cell {
  std::atomic<int64_t> value{0};
};
}  // namespace metrics_detail

// A number that any thread adds to and the scrape sums up. Cost: one uncontended atomic add.
class Count {
 public:
  void add(int64_t by = 1) { cells_[metrics_detail::cell_of_this_thread()].value.fetch_add(by, std::memory_order_relaxed); }
  void sub(int64_t by = 1) { add(-by); }
  int64_t value() const;

 private:
  std::array<metrics_detail::Cell, metrics_detail::kCells> cells_;
};

// Observations in fixed buckets (seconds). Threads: any.
class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds);
  void observe(double value);

  const std::vector<double>& bounds() const { return bounds_; }
  std::vector<uint64_t> counts() const;  // one more than bounds: the last is +Inf; not cumulative
  double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  std::vector<double> bounds_;
  std::unique_ptr<std::atomic<uint64_t>[]> counts_;
  std::atomic<double> sum_{0};
};

// Every metric of the process. Names: prefix holdfast_, base units, counters end in _total; no channel, user or client as a label.
// Threads: registering and rendering from any thread. Handles live as long as the registry. Asking twice for the same name and labels gives
// the same handle.
class Metrics {
 public:
  using Labels = std::vector<std::pair<std::string, std::string>>;

  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  Count& counter(std::string name, std::string help, Labels labels = {});
  Count& gauge(std::string name, std::string help, Labels labels = {});
  Histogram& histogram(std::string name, std::string help, std::vector<double> bounds, Labels labels = {});
  // A value that is asked for at scrape time. The call must be safe from any thread and must not use this registry.
  void gauge_call(std::string name, std::string help, std::function<double()> read, Labels labels = {});
  void counter_call(std::string name, std::string help, std::function<double()> read, Labels labels = {});

  // Prometheus text format 0.0.4.
  std::string render() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast
