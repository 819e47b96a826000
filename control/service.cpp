#include "control/service.h"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "control/fleet.h"
#include "gateway/message/item_codec.h"

namespace holdfast::control {
namespace {

// Where the broker's completion and the waiting publisher meet. Shared, because a completion may come after the publisher gave up.
struct Meeting {
  std::mutex mutex;
  std::condition_variable arrived;
  bool done = false;
  Service::Receipts receipts;
};

std::vector<PublishRequest> to_requests(std::vector<Item>& items, const std::vector<std::string>& keys) {
  std::vector<PublishRequest> requests;
  requests.reserve(items.size());
  for (const Item& item : items) {
    const size_t index = requests.size();
    requests.push_back({.channel = item.channel, .envelope = encode(item), .idempotency_key = index < keys.size() ? keys[index] : ""});
  }
  return requests;
}

}  // namespace

Service::Service(Broker& broker, NodeFacts& node, Metrics& metrics, Duration patience)
    : broker_(broker),
      node_(node),
      items_(metrics.counter("holdfast_published_items_total", "Items that the broker has accepted from this node.")),
      refused_(metrics.counter("holdfast_publish_refused_total", "Items that the broker refused or did not answer for in time.")),
      requests_(metrics.counter("holdfast_publish_requests_total", "Publish requests with valid items, accepted or not.")),
      seconds_(metrics.histogram("holdfast_publish_seconds", "Time from valid items to the broker's answer.",
                                 {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5, 10})),
      patience_(patience) {}

Service::Receipts Service::publish(std::vector<Item> items, const std::vector<std::string>& keys) {
  requests_.add();
  const size_t count = items.size();
  if (count == 0) return {};
  const auto begin = std::chrono::steady_clock::now();

  // Only nodes speak there.
  const auto reserved = std::find_if(items.begin(), items.end(), [](const Item& item) { return is_reserved(item.channel); });
  if (reserved != items.end()) {
    refused_.add(static_cast<int64_t>(count));
    return {count, Result<PublishReceipt>(invalid("a channel's name must not begin with the byte 1"))};
  }

  auto meeting = std::make_shared<Meeting>();
  broker_.publish(to_requests(items, keys), [meeting](Receipts receipts) {
    const std::lock_guard lock(meeting->mutex);
    meeting->receipts = std::move(receipts);
    meeting->done = true;
    meeting->arrived.notify_one();
  });

  Receipts receipts;
  {
    std::unique_lock lock(meeting->mutex);
    if (meeting->arrived.wait_for(lock, patience_, [&] { return meeting->done; }))
      receipts = std::move(meeting->receipts);
    else
      receipts.assign(count, fail(ErrorKind::unavailable, "the broker did not answer in time"));
  }
  // Never more confidence than the broker gave: an item without a receipt counts as refused.
  receipts.resize(count, fail(ErrorKind::internal, "the broker gave no receipt"));

  const auto refused = std::count_if(receipts.begin(), receipts.end(), [](const auto& receipt) { return !receipt; });
  refused_.add(refused);
  items_.add(static_cast<int64_t>(count) - refused);
  seconds_.observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  return receipts;
}

}  // namespace holdfast::control
