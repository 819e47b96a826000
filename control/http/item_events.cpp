#include "control/http/item_events.h"

#include <mutex>

#include "control/api/json.h"

namespace holdfast::control {
namespace {

// The feed rings, perhaps before anybody listens: whoever then comes is told.
class Bell {
 public:
  void ring() {
    const std::lock_guard lock(mutex_);
    rung_ = true;
    if (heard_) heard_();
  }
  void connect(std::function<void()> heard) {
    const std::lock_guard lock(mutex_);
    heard_ = std::move(heard);
    if (rung_ && heard_) heard_();
  }

 private:
  std::mutex mutex_;
  std::function<void()> heard_;
  bool rung_ = false;
};

std::string event_text(const v1::SubscribeResponse& event) {
  const auto text = [](std::string_view name, const std::string& id, const google::protobuf::Message& data) {
    std::string out;
    if (!name.empty()) out.append("event: ").append(name).append("\n");
    if (!id.empty()) out.append("id: ").append(id).append("\n");
    return out.append("data: ").append(to_json(data)).append("\n\n");
  };
  switch (event.event_case()) {
    case v1::SubscribeResponse::kItem:
      return text("", event.item().position(), event.item());
    case v1::SubscribeResponse::kLive:
      // No id: a reader that was cut off before what it missed has come would go on behind it.
      return text("live", "", event.live());
    case v1::SubscribeResponse::kGap:
      return text("gap", event.gap().position(), event.gap());
    default:
      return text("ended", "", event.ended());
  }
}

class ItemEvents final : public EventSource {
 public:
  ItemEvents(std::string channel, std::shared_ptr<WatchFeed> feed, std::shared_ptr<Bell> bell)
      : channel_(std::move(channel)), feed_(std::move(feed)), bell_(std::move(bell)) {}
  ~ItemEvents() override {
    bell_->connect({});
    feed_->close();
  }

  std::optional<std::string> next() override {
    const auto event = feed_->take();
    if (!event) return std::nullopt;
    ended_ = event->kind == WatchEvent::Kind::ended;
    return event_text(to_message(*event, channel_));
  }
  bool ended() const override { return ended_; }
  void on_ready(std::function<void()> ready) override { bell_->connect(std::move(ready)); }
  void end(const std::string& reason) override { feed_->end(reason); }

 private:
  const std::string channel_;
  const std::shared_ptr<WatchFeed> feed_;
  const std::shared_ptr<Bell> bell_;
  bool ended_ = false;
};

}  // namespace

Result<std::shared_ptr<EventSource>> watch_as_events(Api& api, const Caller& caller, const v1::SubscribeRequest& request) {
  auto bell = std::make_shared<Bell>();
  auto feed = api.subscribe(caller, request, [bell] { bell->ring(); });
  if (!feed) return fail(feed.error());
  return std::make_shared<ItemEvents>(request.channel(), *std::move(feed), std::move(bell));
}

}  // namespace holdfast::control
