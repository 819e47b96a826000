#pragma once

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

#include "gateway/hub/hub.h"
#include "gateway/hub/rates.h"

namespace holdfast {

// Deliveries of one loop that wait for their group's rate. Order holds per group, so per listener and channel too.
struct RateQueue {
  // Shared by all that wait for the same message.
  struct Shared {
    PublicationPtr publication;
    Delivery delivery;
  };
  struct Waiting {
    Subscription* subscription;             // null: unsubscribed
    std::shared_ptr<const Shared> message;  // null: only the gap
    bool gap = false;                       // is told before the message
    Gap reason = Gap::overflow;
    Position top;
  };
  struct Group {
    RateGroup* limit = nullptr;
    std::deque<Waiting> waiting;
  };

  std::unordered_map<std::string, Group> groups;
  CallbackTimer timer;
};

}  // namespace holdfast
