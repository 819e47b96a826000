#include "control/watch_feed.h"

#include <utility>

namespace holdfast::control {

namespace {

size_t size_of(const WatchEvent& event) {
  if (!event.item) return 0;
  const Item& item = *event.item;
  return (item.http_response ? item.http_response->body.size() : 0) + (item.http_stream ? item.http_stream->content.size() : 0) +
         (item.ws_message ? item.ws_message->content.size() : 0);
}

}  // namespace

std::optional<WatchEvent> WatchFeed::take_locked() {
  if (events_.empty()) return std::nullopt;
  WatchEvent event = std::move(events_.front());
  events_.pop_front();
  bytes_ -= size_of(event);
  return event;
}

std::optional<WatchEvent> WatchFeed::take() {
  const std::lock_guard lock(mutex_);
  return take_locked();
}

std::optional<WatchEvent> WatchFeed::wait(Duration up_to) {
  std::unique_lock lock(mutex_);
  came_.wait_for(lock, up_to, [this] { return !events_.empty(); });
  return take_locked();
}

void WatchFeed::close() {
  std::function<void()> closed;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    closed.swap(on_closed_);
  }
  if (closed) closed();
}

void WatchFeed::on_close(std::function<void()> closed) {
  {
    const std::lock_guard lock(mutex_);
    if (!closed_) {
      on_closed_ = std::move(closed);
      return;
    }
  }
  closed();
}

bool WatchFeed::push(WatchEvent event) {
  bool first = false;
  bool last = false;
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || ended_) return false;
    if (events_.size() >= kMostEvents || bytes_ + size_of(event) > kMostBytes) {
      event = {.kind = WatchEvent::Kind::ended, .reason = std::string(kTooSlow)};
    }
    ended_ = last = event.kind == WatchEvent::Kind::ended;
    first = events_.empty();
    bytes_ += size_of(event);
    events_.push_back(std::move(event));
    came_.notify_one();
  }
  if (first && ready_) ready_();
  return !last;
}

void WatchFeed::end(std::string reason) { push({.kind = WatchEvent::Kind::ended, .reason = std::move(reason)}); }

}  // namespace holdfast::control
