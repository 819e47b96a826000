#pragma once

#include "control/auth/authenticator.h"
#include "control/http/handler.h"
#include "control/http/operations.h"
#include "control/service.h"
#include "gateway/message/item_json.h"

namespace holdfast::control {

// The publish endpoints, with the answers that Pushpin gives: POST /publish/, POST /recover, GET /; and the operations under /v1/.
// Threads: any number at once.
class ControlDoor final : public RequestHandler {
 public:
  ControlDoor(Service& service, Authenticator& authenticator, uint64_t max_body, ItemLimits limits, Durability durability)
      : service_(service),
        authenticator_(authenticator),
        max_body_(max_body),
        limits_(limits),
        api_(service, durability, limits),
        operations_(api_, max_body) {}

  Answer answer(const Request& request) override;

 private:
  Answer publish(const Request& request, const Caller& caller);
  Answer recover(const Request& request, const Caller& caller);

  Service& service_;
  Authenticator& authenticator_;
  const uint64_t max_body_;
  const ItemLimits limits_;
  Api api_;
  const Operations operations_;
};

}  // namespace holdfast::control
