#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/clock.h"

namespace holdfast::control {

// Who asks, and what that one may. A door makes it of what it has authenticated; the service holds every operation to it. Threads:
// immutable once made.
struct Caller {
  std::string name;                  // for logs; never a secret
  std::vector<std::string> publish;  // beginnings of channels' names; an empty one stands for every channel
  std::vector<std::string> read;
  bool operate = false;                // nodes, connections, drain, recover, and the list of all channels
  std::string identity = {};           // what it is counted by: no two callers share it, though they may share a name
  double rate = 0;                     // items it may publish in a second; 0: any number
  double burst = 0;                    // and at once after a pause
  std::optional<WallTime> until = {};  // when its credentials end: a door ends what it streams to the caller then

  bool may_publish(std::string_view channel) const { return begins(publish, channel); }
  bool may_read(std::string_view channel) const { return begins(read, channel); }

  // Where a door asks nobody: whoever gets there may do everything.
  static const Caller& anybody() {
    static const Caller caller{"anybody", {""}, {""}, true};
    return caller;
  }

 private:
  static bool begins(const std::vector<std::string>& prefixes, std::string_view channel) {
    for (const auto& prefix : prefixes) {
      if (channel.starts_with(prefix)) return true;
    }
    return false;
  }
};

}  // namespace holdfast::control
