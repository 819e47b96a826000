#include "control/http/status_pads.h"

namespace holdfast::control {

namespace {
constexpr size_t kMostAtOnce = 100;
}

StatusPads::~StatusPads() {
  for (auto& [pad, place] : places_) place.feed->close();
}

Result<std::vector<WatchEvent>> StatusPads::take(const Caller& caller, const std::string& pad, const std::string& channel) {
  // A pad's name is no secret that gives somebody else's rights.
  if (!caller.may_read(channel)) return fail(ErrorKind::denied, caller.name + " may not read channel " + channel);
  const std::lock_guard lock(mutex_);
  drop_absent();
  auto found = places_.find(pad);
  if (found == places_.end() || found->second.channel != channel) {
    if (found == places_.end() && places_.size() >= kMost) return fail(ErrorKind::unavailable, "Too many pages listen on this node.");
    auto feed = service_.watch(caller, channel, {});
    if (!feed) return fail(feed.error());
    if (found != places_.end()) found->second.feed->close();
    found = places_.insert_or_assign(pad, Place{channel, *std::move(feed), clock_.now()}).first;
  }
  found->second.asked = clock_.now();
  std::vector<WatchEvent> events;
  while (events.size() < kMostAtOnce) {
    auto event = found->second.feed->take();
    if (!event) break;
    events.push_back(*std::move(event));
    if (events.back().kind != WatchEvent::Kind::ended) continue;
    places_.erase(found);
    break;
  }
  return events;
}

void StatusPads::drop_absent() {
  const TimePoint now = clock_.now();
  for (auto place = places_.begin(); place != places_.end();) {
    if (now - place->second.asked < kStaysAway) {
      ++place;
      continue;
    }
    place->second.feed->close();
    place = places_.erase(place);
  }
}

}  // namespace holdfast::control
