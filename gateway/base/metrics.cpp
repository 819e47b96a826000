#include "gateway/base/metrics.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <map>
#include <mutex>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace holdfast {

namespace metrics_detail {

size_t cell_of_this_thread() {
  static std::atomic<size_t> next{0};
  static thread_local const size_t mine = next.fetch_add(1, std::memory_order_relaxed) % kCells;
  return mine;
}

}  // namespace metrics_detail

int64_t Count::value() const {
  int64_t sum = 0;
  for (const auto& cell : cells_) sum += cell.value.load(std::memory_order_relaxed);
  return sum;
}

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), counts_(std::make_unique<std::atomic<uint64_t>[]>(bounds_.size() + 1)) {
  assert(std::is_sorted(bounds_.begin(), bounds_.end()));
}

void Histogram::observe(double value) {
  const auto bucket = static_cast<size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin());
  counts_[bucket].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

std::vector<uint64_t> Histogram::counts() const {
  std::vector<uint64_t> out;
  for (size_t i = 0; i <= bounds_.size(); ++i) out.push_back(counts_[i].load(std::memory_order_relaxed));
  return out;
}

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// One of the three is set.
struct Series {
  std::unique_ptr<Count> count;
  std::unique_ptr<Histogram> histogram;
  std::function<double()> call;
};

struct Family {
  std::string help;
  MetricType type = MetricType::Untyped;
  std::map<Metrics::Labels, Series> series;
};

ClientMetric::Histogram buckets_of(const Histogram& histogram) {
  ClientMetric::Histogram out;
  const auto counts = histogram.counts();
  for (size_t i = 0; i < counts.size(); ++i) {
    out.sample_count += counts[i];
    const bool last = i == histogram.bounds().size();
    out.bucket.push_back({out.sample_count, last ? std::numeric_limits<double>::infinity() : histogram.bounds()[i]});
  }
  out.sample_sum = histogram.sum();
  return out;
}

ClientMetric sample_of(const Series& series, const Metrics::Labels& labels, MetricType type) {
  ClientMetric out;
  for (const auto& [name, value] : labels) out.label.push_back({name, value});
  if (series.histogram) {
    out.histogram = buckets_of(*series.histogram);
    return out;
  }
  const double value = series.call ? series.call() : static_cast<double>(series.count->value());
  if (type == MetricType::Counter) {
    out.counter.value = value;
  } else {
    out.gauge.value = value;
  }
  return out;
}

}  // namespace

struct Metrics::State {
  // Families and labels are in order, so that two scrapes list the same lines in the same places.
  Series& series(const std::string& name, std::string help, MetricType type, Labels labels) {
    std::sort(labels.begin(), labels.end());
    Family& family = families[name];
    if (family.series.empty()) family = {std::move(help), type, {}};
    assert(family.type == type && "one name, two types");
    return family.series[std::move(labels)];
  }

  std::mutex mutex;
  std::map<std::string, Family> families;
};

Metrics::Metrics() : state_(std::make_unique<State>()) {}
Metrics::~Metrics() = default;

Count& Metrics::counter(std::string name, std::string help, Labels labels) {
  const std::lock_guard lock(state_->mutex);
  Series& series = state_->series(name, std::move(help), MetricType::Counter, std::move(labels));
  if (!series.count) series.count = std::make_unique<Count>();
  return *series.count;
}

Count& Metrics::gauge(std::string name, std::string help, Labels labels) {
  const std::lock_guard lock(state_->mutex);
  Series& series = state_->series(name, std::move(help), MetricType::Gauge, std::move(labels));
  if (!series.count) series.count = std::make_unique<Count>();
  return *series.count;
}

Histogram& Metrics::histogram(std::string name, std::string help, std::vector<double> bounds, Labels labels) {
  const std::lock_guard lock(state_->mutex);
  Series& series = state_->series(name, std::move(help), MetricType::Histogram, std::move(labels));
  if (!series.histogram) series.histogram = std::make_unique<Histogram>(std::move(bounds));
  return *series.histogram;
}

void Metrics::gauge_call(std::string name, std::string help, std::function<double()> read, Labels labels) {
  const std::lock_guard lock(state_->mutex);
  state_->series(name, std::move(help), MetricType::Gauge, std::move(labels)).call = std::move(read);
}

void Metrics::counter_call(std::string name, std::string help, std::function<double()> read, Labels labels) {
  const std::lock_guard lock(state_->mutex);
  state_->series(name, std::move(help), MetricType::Counter, std::move(labels)).call = std::move(read);
}

std::string Metrics::render() const {
  std::vector<MetricFamily> families;
  {
    const std::lock_guard lock(state_->mutex);
    for (const auto& [name, family] : state_->families) {
      MetricFamily& out = families.emplace_back(MetricFamily{name, family.help, family.type, {}});
      for (const auto& [labels, series] : family.series) out.metric.push_back(sample_of(series, labels, family.type));
    }
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace holdfast
