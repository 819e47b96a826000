#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "gateway/base/clock.h"
#include "gateway/message/position.h"

namespace holdfast {

// Idempotency keys of the last two minutes and what was answered for them. When there are too many the oldest go first: a retry that late
// would be published again. Threads: one at a time.
class RecentKeys {
 public:
  static constexpr Duration kWindow = std::chrono::minutes(2);
  static constexpr size_t kMost = 20'000;

  // One text for a channel and a key of it; the length keeps ("ab", "c") and ("a", "bc") apart.
  static std::string key(std::string_view channel, std::string_view idempotency_key) {
    return std::to_string(channel.size()).append(":").append(channel).append(idempotency_key);
  }

  std::optional<Position> find(const std::string& key, TimePoint now) {
    drop_old(now);
    const auto it = positions_.find(key);
    if (it == positions_.end()) return std::nullopt;
    return it->second;
  }

  // What key() put together.
  static std::string_view channel_of(std::string_view key) {
    const size_t colon = key.find(':');
    size_t size = 0;
    for (const char c : key.substr(0, colon)) size = size * 10 + static_cast<size_t>(c - '0');
    return key.substr(colon + 1, size);
  }
  // Calls use(key, position) for each of the window, the oldest first.
  template <class Use>
  void each(TimePoint now, Use use) {
    drop_old(now);
    for (const auto& used : order_) use(used.key, positions_.at(used.key));
  }

  void put(std::string key, Position position, TimePoint now) {
    if (!positions_.emplace(key, position).second) return;
    order_.push_back({now, std::move(key)});
    if (order_.size() > kMost) drop_first();
  }

 private:
  struct Used {
    TimePoint at;
    std::string key;
  };
  void drop_old(TimePoint now) {
    while (!order_.empty() && now - order_.front().at >= kWindow) drop_first();
  }
  void drop_first() {
    positions_.erase(order_.front().key);
    order_.pop_front();
  }

  std::unordered_map<std::string, Position> positions_;
  std::deque<Used> order_;
};

}  // namespace holdfast
