#include <atomic>

#include "control/grpc/calls.h"

namespace holdfast::control {
namespace {

// Answered by the broker or given up by its caller, whichever comes first; the other finds it taken.
class PublishCall final : public grpc::ServerUnaryReactor, public std::enable_shared_from_this<PublishCall> {
 public:
  explicit PublishCall(v1::PublishResponse* response) : response_(response) {}

  void begin(CallContext& shared, const grpc::CallbackServerContext& call, const v1::PublishRequest& request) {
    self_ = shared_from_this();
    const auto caller = shared.caller_of(call);
    if (!caller) return end(caller.error());
    if (call.deadline() <= std::chrono::system_clock::now())
      return end({grpc::StatusCode::DEADLINE_EXCEEDED, "the deadline had passed before anything was published"});
    shared.api.publish(*caller, request, traceparent_of(call),
                       [self = self_](Result<v1::PublishResponse> answer) { self->answered(std::move(answer)); });
  }

 private:
  void answered(Result<v1::PublishResponse> answer) {
    if (taken_.exchange(true)) return;
    if (!answer) return Finish(to_status(answer.error()));
    *response_ = *std::move(answer);
    Finish(grpc::Status::OK);
  }
  void end(const grpc::Status& status) {
    if (!taken_.exchange(true)) Finish(status);
  }
  void OnCancel() override { end({grpc::StatusCode::CANCELLED, "given up; the broker may have the items"}); }
  void OnDone() override { self_.reset(); }

  v1::PublishResponse* const response_;  // gRPC's, until Finish
  std::atomic<bool> taken_{false};
  std::shared_ptr<PublishCall> self_;
};

}  // namespace

grpc::ServerUnaryReactor* begin_publish(CallContext& shared, grpc::CallbackServerContext* call, const v1::PublishRequest* request,
                                        v1::PublishResponse* response) {
  const auto made = std::make_shared<PublishCall>(response);
  made->begin(shared, *call, *request);
  return made.get();
}

}  // namespace holdfast::control
