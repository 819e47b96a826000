#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include <grpcpp/grpcpp.h>

#include "control/api/api.h"
#include "control/grpc/grpc_door.h"

namespace holdfast::control {

// gRPC's form of an error.
grpc::Status to_status(const Error& error);

// The trace that a call belongs to (W3C Trace Context); empty: none.
std::string traceparent_of(const grpc::CallbackServerContext& call);

// A call without an end of its own: it must be told when the door closes.
class OpenCall {
 public:
  virtual ~OpenCall() = default;
  // Ends with UNAVAILABLE once what is under way has been answered. Threads: any.
  virtual void close() = 0;
};

// The calls that are open. Bounded by `most` per kind. Threads: any.
class OpenCalls {
 public:
  OpenCalls(size_t most, Count& shown) : most_(most), shown_(shown) {}
  bool add(const std::shared_ptr<OpenCall>& call);  // false: too many, or the door closes
  void remove(const OpenCall* call);
  void close_all();

 private:
  const size_t most_;
  Count& shown_;
  std::mutex mutex_;
  std::unordered_map<const OpenCall*, std::weak_ptr<OpenCall>> calls_;
  bool closing_ = false;
};

// What calls share.
struct CallContext {
  Api& api;
  GrpcDoor::Authenticate authenticate;
  OpenCalls& watches;
  OpenCalls& streams;

  // Errors as a status: UNAUTHENTICATED.
  tl::expected<Caller, grpc::Status> caller_of(const grpc::CallbackServerContext& call) const;
};

// One call each; they own themselves until gRPC is done with them.
grpc::ServerUnaryReactor* begin_publish(CallContext& shared, grpc::CallbackServerContext* call, const v1::PublishRequest* request,
                                        v1::PublishResponse* response);
grpc::ServerBidiReactor<v1::PublishStreamRequest, v1::PublishStreamResponse>* begin_publish_stream(CallContext& shared,
                                                                                                   grpc::CallbackServerContext* call);
grpc::ServerWriteReactor<v1::SubscribeResponse>* begin_subscribe(CallContext& shared, grpc::CallbackServerContext* call,
                                                                 const v1::SubscribeRequest* request);

}  // namespace holdfast::control
