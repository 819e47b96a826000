#include "control/grpc/calls.h"

namespace holdfast::control {
namespace {

// Takes the next event when the last one has gone out: the feed is what waits, and is bounded.
class SubscribeCall final : public grpc::ServerWriteReactor<v1::SubscribeResponse>,
                            public OpenCall,
                            public std::enable_shared_from_this<SubscribeCall> {
 public:
  explicit SubscribeCall(CallContext& shared) : shared_(shared) {}

  void begin(const grpc::CallbackServerContext& call, const v1::SubscribeRequest& request) {
    self_ = shared_from_this();
    channel_ = request.channel();
    const auto caller = shared_.caller_of(call);
    if (!caller) return refuse(caller.error());
    if (!shared_.watches.add(self_)) return refuse({grpc::StatusCode::RESOURCE_EXHAUSTED, "too many subscribers"});
    auto feed = shared_.api.subscribe(*caller, request, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->write_next();
    });
    if (!feed) return refuse(to_status(feed.error()));
    {
      const std::lock_guard lock(mutex_);
      feed_ = *feed;
      if (finished_) feed_->close();  // cancelled meanwhile
    }
    write_next();
  }

  void close() override {
    std::shared_ptr<WatchFeed> feed;
    {
      const std::lock_guard lock(mutex_);
      feed = feed_;
    }
    if (feed) feed->end("the node stops");
  }

 private:
  void refuse(const grpc::Status& status) {
    const std::lock_guard lock(mutex_);
    finish(status);
  }

  void write_next() {
    const std::lock_guard lock(mutex_);
    if (writing_ || finished_ || !feed_) return;
    if (over_) return finish(*over_);
    const auto event = feed_->take();
    if (!event) return;
    response_ = to_message(*event, channel_);
    if (event->kind == WatchEvent::Kind::ended) {
      over_.emplace(event->reason == WatchFeed::kTooSlow   ? grpc::StatusCode::RESOURCE_EXHAUSTED
                    : event->reason == WatchFeed::kExpired ? grpc::StatusCode::UNAUTHENTICATED
                                                           : grpc::StatusCode::UNAVAILABLE,
                    event->reason);
    }
    writing_ = true;
    StartWrite(&response_);
  }

  void OnWriteDone(bool ok) override {
    {
      const std::lock_guard lock(mutex_);
      writing_ = false;
      if (!ok) return;  // cancelled
    }
    write_next();
  }

  void OnCancel() override {
    const std::lock_guard lock(mutex_);
    finish({grpc::StatusCode::CANCELLED, "given up"});
  }

  void OnDone() override {
    if (feed_) feed_->close();
    shared_.watches.remove(this);
    self_.reset();
  }

  // Has the lock.
  void finish(const grpc::Status& status) {
    if (std::exchange(finished_, true)) return;
    Finish(status);
  }

  CallContext& shared_;
  std::string channel_;
  std::mutex mutex_;
  std::shared_ptr<WatchFeed> feed_;
  v1::SubscribeResponse response_;  // being written
  bool writing_ = false;
  std::optional<grpc::Status> over_;  // the last event is out, or on its way
  bool finished_ = false;
  std::shared_ptr<SubscribeCall> self_;
};

}  // namespace

grpc::ServerWriteReactor<v1::SubscribeResponse>* begin_subscribe(CallContext& shared, grpc::CallbackServerContext* call,
                                                                 const v1::SubscribeRequest* request) {
  const auto made = std::make_shared<SubscribeCall>(shared);
  made->begin(*call, *request);
  return made.get();
}

}  // namespace holdfast::control
