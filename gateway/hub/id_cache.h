#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

#include "gateway/base/clock.h"
#include "gateway/message/position.h"

namespace holdfast {

// The (id, channel) pairs that one loop has seen lately, and where each was first. Past kMost the oldest go before their time: then a late
// duplicate is delivered twice, nothing is lost. Threads: one loop.
class IdCache {
 public:
  static constexpr size_t kMost = 200'000;

  explicit IdCache(Duration ttl) : ttl_(ttl) {}

  // Where the pair was seen first, if it was; else remembers it as seen at `position`. The pointer is good until the next call.
  const Position* seen(std::string_view channel, std::string_view id, Position position, TimePoint now) {
    if (ttl_.count() == 0) return nullptr;
    while (!order_.empty() && (now - order_.front().at >= ttl_ || order_.size() > kMost)) {
      first_.erase(*order_.front().key);
      order_.pop_front();
    }
    const auto [it, fresh] = first_.try_emplace(key(channel, id), position);
    if (!fresh) return &it->second;
    order_.push_back({now, &it->first});
    return nullptr;
  }

  const Position* find(std::string_view channel, std::string_view id) const {
    if (ttl_.count() == 0) return nullptr;
    const auto it = first_.find(key(channel, id));
    return it == first_.end() ? nullptr : &it->second;
  }

  bool enabled() const { return ttl_.count() > 0; }

 private:
  struct Seen {
    TimePoint at;
    const std::string* key;  // in the map, whose nodes stay where they are
  };
  // The length keeps ("ab", "c") and ("a", "bc") apart.
  static std::string key(std::string_view channel, std::string_view id) {
    std::string out;
    out.reserve(channel.size() + id.size() + 4);
    const size_t length = channel.size();
    for (const size_t shift : {0, 8, 16, 24}) out.push_back(static_cast<char>(length >> shift));
    return out.append(channel).append(id);
  }

  Duration ttl_;
  std::unordered_map<std::string, Position> first_;
  std::deque<Seen> order_;
};

}  // namespace holdfast
