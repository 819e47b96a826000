#include "control/grpc/calls.h"

#include <grpc/grpc_security_constants.h>

#include "gateway/base/trace.h"

namespace holdfast::control {

grpc::Status to_status(const Error& error) {
  switch (error.kind) {
    case ErrorKind::invalid:
    case ErrorKind::too_large:
      return {grpc::StatusCode::INVALID_ARGUMENT, error.text};
    case ErrorKind::not_found:
      return {grpc::StatusCode::NOT_FOUND, error.text};
    case ErrorKind::unavailable:
      return {grpc::StatusCode::UNAVAILABLE, error.text};
    case ErrorKind::timeout:
      return {grpc::StatusCode::DEADLINE_EXCEEDED, error.text};
    case ErrorKind::denied:
      return {grpc::StatusCode::PERMISSION_DENIED, error.text};
    case ErrorKind::exhausted:
      return {grpc::StatusCode::RESOURCE_EXHAUSTED, error.text};
    case ErrorKind::internal:
      break;
  }
  return {grpc::StatusCode::INTERNAL, error.text};
}

std::string traceparent_of(const grpc::CallbackServerContext& call) {
  const auto field = call.client_metadata().find(kTraceparent.data());
  if (field == call.client_metadata().end()) return {};
  std::string text(field->second.data(), field->second.size());
  return is_traceparent(text) ? text : std::string();
}

bool OpenCalls::add(const std::shared_ptr<OpenCall>& call) {
  const std::lock_guard lock(mutex_);
  if (closing_ || calls_.size() >= most_) return false;
  calls_[call.get()] = call;
  shown_.add();
  return true;
}

void OpenCalls::remove(const OpenCall* call) {
  const std::lock_guard lock(mutex_);
  if (calls_.erase(call) > 0) shown_.sub();
}

void OpenCalls::close_all() {
  std::unordered_map<const OpenCall*, std::weak_ptr<OpenCall>> calls;
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    calls = calls_;
  }
  for (const auto& [key, weak] : calls) {
    if (const auto call = weak.lock()) call->close();
  }
}

namespace {

std::vector<std::string> certificate_names(const grpc::CallbackServerContext& call) {
  std::vector<std::string> out;
  const auto peer = call.auth_context();
  if (!peer || !peer->IsPeerAuthenticated()) return out;
  for (const char* property : {GRPC_X509_CN_PROPERTY_NAME, GRPC_X509_SAN_PROPERTY_NAME}) {
    for (const auto& name : peer->FindPropertyValues(property)) out.emplace_back(name.data(), name.size());
  }
  return out;
}

}  // namespace

tl::expected<Caller, grpc::Status> CallContext::caller_of(const grpc::CallbackServerContext& call) const {
  const auto& fields = call.client_metadata();
  if (fields.count("authorization") > 1)
    return tl::unexpected(grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "more than one authorization"));
  const auto field = fields.find("authorization");
  const auto authorization = field == fields.end() ? grpc::string_ref() : field->second;
  auto caller = authenticate({authorization.data(), authorization.size()}, certificate_names(call), call.peer());
  if (caller) return *std::move(caller);
  if (caller.error().kind != ErrorKind::denied) return tl::unexpected(to_status(caller.error()));
  return tl::unexpected(grpc::Status(grpc::StatusCode::UNAUTHENTICATED, caller.error().text));
}

}  // namespace holdfast::control
