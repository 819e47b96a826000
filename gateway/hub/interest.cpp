#include "gateway/hub/interest.h"

namespace holdfast {

uint64_t Interest::loops(std::string_view channel) const {
  const Part& in = part(channel);
  std::lock_guard lock(in.mutex);
  const auto it = in.entries.find(channel);
  return it == in.entries.end() ? 0 : it->second.loops;
}

Interest::Joined Interest::join(size_t loop, const std::string& channel) {
  Part& in = part(channel);
  std::lock_guard lock(in.mutex);
  Entry& entry = in.entries[channel];
  Joined out;
  entry.loops |= uint64_t{1} << loop;
  out.confirmed = entry.phase == Phase::subscribed;
  if (entry.phase == Phase::idle) {
    entry.phase = Phase::subscribing;
    out.call = Call::subscribe;
  }
  return out;  // in every other phase the answer under way sees the new bit
}

bool Interest::leave(size_t loop, const std::string& channel, TimePoint now) {
  Part& in = part(channel);
  std::lock_guard lock(in.mutex);
  const auto it = in.entries.find(channel);
  if (it == in.entries.end()) return false;
  Entry& entry = it->second;
  const uint64_t before = entry.loops;
  entry.loops &= ~(uint64_t{1} << loop);
  if (before == 0 || entry.loops != 0) return false;
  entry.quiet_since = now;
  return true;
}

Interest::Subscribed Interest::subscribed(const std::string& channel, bool ok) {
  Part& in = part(channel);
  std::lock_guard lock(in.mutex);
  const auto it = in.entries.find(channel);
  if (it == in.entries.end()) return {};
  Entry& entry = it->second;
  entry.phase = ok ? Phase::subscribed : Phase::waiting_to_retry;
  entry.failures = ok ? 0 : entry.failures + 1;
  return {entry.loops, entry.failures};
}

Interest::Call Interest::unsubscribed(const std::string& channel, bool ok) {
  Part& in = part(channel);
  std::lock_guard lock(in.mutex);
  const auto it = in.entries.find(channel);
  if (it == in.entries.end()) return Call::none;
  Entry& entry = it->second;
  if (entry.loops == 0 && ok) {
    in.entries.erase(it);
    return Call::none;
  }
  if (entry.loops == 0) {
    entry.phase = Phase::subscribed;  // still, as far as anybody knows
    return Call::unsubscribe;         // the caller tries again later
  }
  // Somebody came meanwhile. After a failure too: only a new subscribe proves that publications come.
  entry.phase = Phase::subscribing;
  return Call::subscribe;
}

Interest::Call Interest::revisit(const std::string& channel, TimePoint now, Duration linger) {
  Part& in = part(channel);
  std::lock_guard lock(in.mutex);
  const auto it = in.entries.find(channel);
  if (it == in.entries.end()) return Call::none;
  Entry& entry = it->second;
  if (entry.phase == Phase::waiting_to_retry) {
    // A failed subscribe may have reached the broker all the same: nobody wants it any more, so it is taken back.
    entry.phase = entry.loops != 0 ? Phase::subscribing : Phase::unsubscribing;
    return entry.loops != 0 ? Call::subscribe : Call::unsubscribe;
  }
  if (entry.phase != Phase::subscribed || entry.loops != 0 || now - entry.quiet_since < linger) return Call::none;
  entry.phase = Phase::unsubscribing;
  return Call::unsubscribe;
}

bool Interest::confirmed(size_t loop, std::string_view channel) const {
  const Part& in = part(channel);
  std::lock_guard lock(in.mutex);
  const auto it = in.entries.find(channel);
  return it != in.entries.end() && it->second.phase == Phase::subscribed && ((it->second.loops >> loop) & 1) != 0;
}

}  // namespace holdfast
