#include "gateway/hub/sequencer.h"

#include <cstddef>
#include <utility>

namespace holdfast {

void Sequencer::note(const Item& item) {
  newest_is_last_ = !item.no_seq && item.id.has_value();
  if (!item.no_seq) last_id_ = item.id;
}

void Sequencer::add(Message message, size_t most, std::vector<Message>& out) {
  if (message.item->no_seq) {
    newest_is_last_ = false;
    out.push_back(std::move(message));
    return;
  }
  if (follows(*message.item)) return send(std::move(message), out);
  if (waiting_.size() >= most) {
    flush(out);
    return send(std::move(message), out);
  }
  newest_is_last_ = false;
  waiting_.push_back(std::move(message));
}

void Sequencer::send(Message message, std::vector<Message>& out) {
  note(*message.item);
  out.push_back(std::move(message));
  // Each one sent may be what another waits for. An id-less message is nobody's predecessor.
  for (bool found = last_id_.has_value(); found;) {
    found = false;
    for (size_t i = 0; last_id_ && i < waiting_.size(); ++i) {
      if (*waiting_[i].item->prev_id != *last_id_) continue;
      send_waiting(i, out);
      found = true;
      break;
    }
  }
  if (!waiting_.empty()) newest_is_last_ = false;
}

void Sequencer::send_waiting(size_t index, std::vector<Message>& out) {
  Message message = std::move(waiting_[index]);
  waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(index));
  note(*message.item);
  out.push_back(std::move(message));
}

void Sequencer::expire(TimePoint now, std::vector<Message>& out) {
  while (!waiting_.empty() && waiting_.front().due <= now) {
    Message message = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    send(std::move(message), out);
  }
}

void Sequencer::flush(std::vector<Message>& out) { expire(TimePoint::max(), out); }

}  // namespace holdfast
