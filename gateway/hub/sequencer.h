#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/broker/broker.h"
#include "gateway/message/item.h"

namespace holdfast {

// Puts the messages of one channel in the order that their prev-ids tell. A message whose prev-id is not the newest id waits for the one
// it names; nothing is ever dropped here. (Pushpin drops the second message that names the same predecessor, and what is beyond the
// bound: that would be a silent gap.) Pure logic; threads: one loop.
class Sequencer {
 public:
  struct Message {
    std::shared_ptr<const Item> item;
    PublicationPtr publication;
    Position before;  // where the channel stood before it
    TimePoint due{};  // when it is sent even without its predecessor
  };

  // The common case, without a copy: true if the message may be sent now and nothing waits behind it; it then counts as sent.
  bool pass(const Item& item) {
    if (!waiting_.empty()) return false;
    if (item.no_seq) {
      newest_is_last_ = false;
      return true;
    }
    if (!follows(item)) return false;
    note(item);
    return true;
  }

  // Appends to `out` what may be sent now, in order: the message and what waited for it; all that waits, if there are `most`.
  void add(Message message, size_t most, std::vector<Message>& out);
  // What waited long enough, in the order in which it came, each with what follows it.
  void expire(TimePoint now, std::vector<Message>& out);
  void flush(std::vector<Message>& out);
  // Nobody listens: a message only moves the newest id.
  void note(const Item& item);

  const std::optional<std::string>& last_id() const { return last_id_; }
  void forget() { last_id_.reset(); }
  // The message that carries last_id() is the newest of the channel.
  bool newest_is_last() const { return newest_is_last_; }

  bool waits() const { return !waiting_.empty(); }
  TimePoint next_due() const { return waiting_.front().due; }          // only if waits()
  Position before_waiting() const { return waiting_.front().before; }  // only if waits()

 private:
  bool follows(const Item& item) const { return !last_id_ || !item.prev_id || *item.prev_id == *last_id_; }
  void send(Message message, std::vector<Message>& out);
  void send_waiting(size_t index, std::vector<Message>& out);

  std::optional<std::string> last_id_;
  std::vector<Message> waiting_;  // in the order in which they came
  bool newest_is_last_ = false;
};

}  // namespace holdfast
