#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "control/service.h"
#include "gateway/base/clock.h"

namespace holdfast::control {

// Channels that open status pages listen to. A page comes by every second for what arrived; one that stays away loses its place. So no
// thread of the listener waits, and probes always find one. Bounded in places, and each feed in what it keeps. Threads: any.
class StatusPads {
 public:
  static constexpr size_t kMost = 8;
  static constexpr Duration kStaysAway{15'000};

  StatusPads(Service& service, const Clock& clock) : service_(service), clock_(clock) {}
  ~StatusPads();
  StatusPads(const StatusPads&) = delete;
  StatusPads& operator=(const StatusPads&) = delete;

  // What came since the page `pad` asked last; the first time nothing, and the channel is listened to from now on.
  // Errors: denied, unavailable (no place is free).
  Result<std::vector<WatchEvent>> take(const Caller& caller, const std::string& pad, const std::string& channel);

 private:
  struct Place {
    std::string channel;
    std::shared_ptr<WatchFeed> feed;
    TimePoint asked;
  };
  void drop_absent();

  Service& service_;
  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Place> places_;
};

}  // namespace holdfast::control
