#pragma once

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "adapters/redis/redis_broker.h"
#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"
#include "harness.h"
#include "redis_server.h"

namespace holdfast::broker_test {

using Texts = std::vector<std::string>;

class RedisTest : public testing::Test {
 protected:
  void TearDown() override {
    if (broker) broker->stop();
  }

  void connect(const RedisServer& server, const RedisOptions& wanted = {}) {
    RedisOptions options = wanted;
    options.address = server.address();
    connect(options);
  }
  void connect(const RedisOptions& options) {
    broker = std::make_unique<RedisBroker>(options, clock, metrics);
    broker->start(sink);
  }
  Result<PublishReceipt> publish(Broker& through, const std::string& channel, const std::string& text, const std::string& key = {}) {
    std::promise<std::vector<Result<PublishReceipt>>> answer;
    through.publish({{channel, Bytes::copy(text), key}},
                    [&](std::vector<Result<PublishReceipt>> receipts) { answer.set_value(std::move(receipts)); });
    return answer.get_future().get().at(0);
  }
  Result<PublishReceipt> publish(const std::string& channel, const std::string& text, const std::string& key = {}) {
    return publish(*broker, channel, text, key);
  }
  Result<void> subscribe(const std::vector<std::string>& channels) {
    std::promise<Result<void>> answer;
    broker->subscribe(channels, [&](Result<void> result) { answer.set_value(std::move(result)); });
    return answer.get_future().get();
  }
  Result<HistoryPage> read(const std::string& channel, Position since) {
    std::promise<Result<HistoryPage>> answer;
    broker->history()->read(channel, since, 1000, [&](Result<HistoryPage> page) { answer.set_value(std::move(page)); });
    return answer.get_future().get();
  }
  static Texts texts(const std::vector<PublicationPtr>& publications) {
    Texts out;
    for (const auto& publication : publications) out.push_back(publication->envelope.str());
    return out;
  }

  SystemClock clock;
  Metrics metrics;
  RecordingSink sink;
  std::unique_ptr<RedisBroker> broker;
};

}  // namespace holdfast::broker_test
