#include "control/http/authenticate.h"

#include <algorithm>

#include "control/http/problem.h"

namespace holdfast::control {

tl::expected<Caller, Answer> authenticate(const Request& request, Authenticator& authenticator, std::string_view door) {
  if (!authenticator.asks()) return Caller::anybody();
  auto caller = authenticator.authenticate(request.authorization, request.peer.certificate_names(), door, request.peer.address());
  if (caller) return std::move(*caller);
  const bool sent = !request.authorization.empty() || !request.peer.certificate_names().empty();
  Answer answer = request.path.starts_with(kOperations) ? problem(401, caller.error().text)
                                                        : Answer{.status = 401, .body = "Unauthorized: " + caller.error().text + ".\n"};
  answer.fields.emplace_back("WWW-Authenticate", bearer_challenge(caller.error(), sent));
  return tl::unexpected(std::move(answer));
}

std::pair<std::string, std::string> insufficient_scope() {
  return {"WWW-Authenticate", "Bearer realm=\"holdfast\", error=\"insufficient_scope\""};
}

std::string retry_after(const Error& error) {
  return std::to_string(std::max<int64_t>(1, std::chrono::ceil<std::chrono::seconds>(error.retry_after).count()));
}

}  // namespace holdfast::control
