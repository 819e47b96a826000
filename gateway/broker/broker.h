#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/base/bytes.h"
#include "gateway/base/clock.h"
#include "gateway/base/result.h"
#include "gateway/message/position.h"

namespace holdfast {

// What an adapter implements so that a broker carries publications to every node with a listener.
// Adapters see opaque envelopes, not items.

// A message as the broker ordered it. Immutable, shared between loops.
struct Publication {
  std::string channel;
  Position position;
  Position previous;  // of the message before it on this channel; unknown if the broker cannot tell
  WallTime time;      // when the broker (or publisher) accepted it
  Bytes envelope;
};
using PublicationPtr = std::shared_ptr<const Publication>;

// Receives what comes from the broker. Threads: called on threads of the adapter or of a publisher, for one channel never by two at once.
// Order: per channel, as the broker ordered it. Must not block and must not call back into the Broker.
class BrokerSink {
 public:
  virtual ~BrokerSink() = default;
  virtual void on_publication(PublicationPtr publication) = 0;
  // Something may have been missed on this channel. Never said in vain, never left out.
  virtual void on_gap(const std::string& channel) = 0;
  virtual void on_health(bool healthy, const std::string& reason) = 0;
};

struct PublishRequest {
  std::string channel;
  Bytes envelope;
  std::string idempotency_key;  // empty: none
};

struct PublishReceipt {
  Position position;
  bool duplicate = false;  // the key was used within its window: nothing was published, the position is the first one's
};

// Read since a position: a second, optional contract, offered whole or not at all.
struct HistoryPage {
  std::vector<PublicationPtr> publications;  // in order, after `since`, contiguous
  Position top;                              // the channel's newest position when read
  // False: `since` is of another epoch, is ahead of the top, or what followed it is no longer kept. Then `publications` holds the oldest
  // that are kept (may be empty).
  bool continuous = true;
};

class History {
 public:
  virtual ~History() = default;
  using PageDone = std::function<void(Result<HistoryPage>)>;
  // The oldest `limit` publications after `since`; an unknown position reads from the oldest kept one (continuous only if nothing was ever
  // thrown away). Completion: once, on a thread of the adapter, never inside the call.
  virtual void read(const std::string& channel, Position since, size_t limit, PageDone done) = 0;
};

class Broker {
 public:
  virtual ~Broker() = default;

  using ReceiptsDone = std::function<void(std::vector<Result<PublishReceipt>>)>;
  using Done = std::function<void(Result<void>)>;

  // Before anything else; the sink must outlive stop().
  virtual void start(BrokerSink& sink) = 0;
  // After it returns nothing is delivered and no completion runs any more; those under way end with `unavailable`.
  virtual void stop() = 0;

  // Hands the messages over in order. The completion tells per message where it stands; it comes after the broker has it, and once.
  // Errors: unavailable (not published, retry), too_large, invalid. Never acknowledged and lost.
  virtual void publish(std::vector<PublishRequest> messages, ReceiptsDone done) = 0;

  // After the completion, every later publication of these channels reaches the sink. Asking twice is harmless.
  virtual void subscribe(const std::vector<std::string>& channels, Done done) = 0;
  // After the completion, none does.
  virtual void unsubscribe(const std::vector<std::string>& channels, Done done) = 0;

  virtual History* history() = 0;  // null: this broker keeps none

  // Threads: publish, subscribe, unsubscribe and History::read may be called from any thread. Completions run once, on a thread of the
  // adapter, never from inside the call they were given to.
};

}  // namespace holdfast
