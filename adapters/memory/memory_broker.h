#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "adapters/support/completions.h"
#include "adapters/support/store.h"
#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"
#include "gateway/base/options.h"
#include "gateway/broker/broker.h"

namespace holdfast {

struct MemoryOptions {
  int64_t history_messages = 1000;     // per channel
  Duration history_age{600'000};       // older ones are not replayed
  uint64_t history_bytes = 64u << 20;  // over all channels
  int64_t max_channels = 250'000;      // channels without listeners whose order is remembered
  uint64_t max_message = 4u << 20;     // one envelope
};
void declare(OptionSet& set, MemoryOptions& options);  // keys of section "broker.memory"

// A broker inside the process: one node, nothing survives it.
// Promise: ordered, exact resume while history holds it. A restart, or a channel that was dropped for want of room, begins a new epoch.
// Threads: as the contract says. A publication is handed to the sink on the publisher's thread, under the lock that gave it its position;
// completions run on one thread of the adapter. Calls after stop() are still answered, with `unavailable`.
class MemoryBroker final : public Broker, private History {
 public:
  MemoryBroker(const MemoryOptions& options, const Clock& clock, Metrics& metrics);
  ~MemoryBroker() override;

  void start(BrokerSink& sink) override;
  void stop() override;
  void publish(std::vector<PublishRequest> messages, ReceiptsDone done) override;
  void subscribe(const std::vector<std::string>& channels, Done done) override;
  void unsubscribe(const std::vector<std::string>& channels, Done done) override;
  History* history() override { return this; }

 private:
  void read(const std::string& channel, Position since, size_t limit, PageDone done) override;
  Result<PublishReceipt> publish_one(PublishRequest& message);
  void keep_within_bytes();
  MemoryStore& store_of(std::string_view channel);
  void set_subscribed(const std::vector<std::string>& channels, bool subscribed, Done done);

  // More stores than cores: two publishers rarely meet at one lock.
  static constexpr size_t kStores = 32;

  const MemoryOptions options_;
  const Clock& clock_;
  MemoryTotals totals_;
  std::array<std::unique_ptr<MemoryStore>, kStores> stores_;
  std::atomic<BrokerSink*> sink_{nullptr};  // null: not started, or stopped. Read under a store's lock
  Completions completions_;                 // last: its thread ends before anything it could touch
};

}  // namespace holdfast
