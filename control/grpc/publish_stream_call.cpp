#include <deque>
#include <optional>

#include "control/grpc/calls.h"

namespace holdfast::control {
namespace {

// Requests of one stream that are not answered yet, the answers that wait for the caller to read among them. Beyond it nothing is read.
constexpr size_t kMostUnderWay = 64;

class PublishStreamCall final : public grpc::ServerBidiReactor<v1::PublishStreamRequest, v1::PublishStreamResponse>,
                                public OpenCall,
                                public std::enable_shared_from_this<PublishStreamCall> {
 public:
  explicit PublishStreamCall(CallContext& shared) : shared_(shared) {}

  void begin(const grpc::CallbackServerContext& call) {
    self_ = shared_from_this();
    auto caller = shared_.caller_of(call);
    const std::lock_guard lock(mutex_);
    if (!caller) return finish(caller.error());
    if (!shared_.streams.add(self_)) return finish({grpc::StatusCode::RESOURCE_EXHAUSTED, "too many streams"});
    caller_ = *std::move(caller);
    traceparent_ = traceparent_of(call);
    StartRead(&request_);
  }

  void close() override {
    const std::lock_guard lock(mutex_);
    if (!last_) last_.emplace(grpc::StatusCode::UNAVAILABLE, "the node stops");
    finish_if_answered();
  }

 private:
  void OnReadDone(bool ok) override {
    v1::PublishRequest request;
    {
      const std::lock_guard lock(mutex_);
      if (!ok) {
        if (!last_) last_.emplace(grpc::Status::OK);
        return finish_if_answered();
      }
      if (last_) return;  // not taken: its caller sees how the stream ends
      ++under_way_;
      request.mutable_items()->Swap(request_.mutable_items());
      request.set_idempotency_key(request_.idempotency_key());
    }
    const uint64_t sequence = request_.sequence();
    shared_.api.publish(caller_, std::move(request), traceparent_,
                        [self = shared_from_this(), sequence](const auto& answer) { self->answered(sequence, answer); });
    const std::lock_guard lock(mutex_);
    read_on_ = under_way_ >= kMostUnderWay;
    if (!read_on_ && !finished_) StartRead(&request_);
  }

  void answered(uint64_t sequence, const Result<v1::PublishResponse>& answer) {
    const std::lock_guard lock(mutex_);
    auto& response = answers_.emplace_back();
    response.set_sequence(sequence);
    if (answer)
      *response.mutable_results() = answer->results();
    else
      *response.mutable_error() = to_message(answer.error());
    if (answers_.size() == 1) write_next();
  }

  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    if (!ok) return;  // cancelled: what is under way ends by itself
    answers_.pop_front();
    --under_way_;
    write_next();
    if (read_on_ && !finished_) {
      read_on_ = false;
      StartRead(&request_);
    }
    finish_if_answered();
  }

  void OnCancel() override {
    const std::lock_guard lock(mutex_);
    finish({grpc::StatusCode::CANCELLED, "given up"});
  }

  void OnDone() override {
    shared_.streams.remove(this);
    self_.reset();
  }

  // These have the lock.
  void write_next() {
    if (!answers_.empty() && !finished_) StartWrite(&answers_.front());
  }
  void finish_if_answered() {
    if (last_ && under_way_ == 0) finish(*last_);
  }
  void finish(const grpc::Status& status) {
    if (std::exchange(finished_, true)) return;
    Finish(status);
  }

  CallContext& shared_;
  Caller caller_;
  std::string traceparent_;
  std::mutex mutex_;
  v1::PublishStreamRequest request_;               // being read into
  std::deque<v1::PublishStreamResponse> answers_;  // the first is being written
  size_t under_way_ = 0;
  bool read_on_ = false;              // reading waits for answers to be read
  std::optional<grpc::Status> last_;  // how it ends once all is answered
  bool finished_ = false;
  std::shared_ptr<PublishStreamCall> self_;
};

}  // namespace

grpc::ServerBidiReactor<v1::PublishStreamRequest, v1::PublishStreamResponse>* begin_publish_stream(CallContext& shared,
                                                                                                   grpc::CallbackServerContext* call) {
  const auto made = std::make_shared<PublishStreamCall>(shared);
  made->begin(*call);
  return made.get();
}

}  // namespace holdfast::control
