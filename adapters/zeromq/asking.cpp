#include "adapters/support/errors.h"
#include "adapters/zeromq/peer_names.h"
#include "adapters/zeromq/sockets.h"
#include "adapters/zeromq/wire.h"
#include "adapters/zeromq/zeromq_broker.h"

namespace holdfast {

namespace {
constexpr size_t kMostPageBytes = 64u << 20;
constexpr Duration kAskAgain{30};
}  // namespace

// ---- publishing

Result<void> ZeromqBroker::refuse(const PublishRequest& message) const {
  if (message.channel.empty()) return invalid("the channel is empty");
  if (message.envelope.size() > options_.max_message) return fail(ErrorKind::too_large, "the message is larger than the broker accepts");
  if (sink_ == nullptr) return unavailable("the broker is not running");
  if (!healthy_) return unavailable("no other node of the mesh is heard");
  return {};
}

void ZeromqBroker::do_publish(std::vector<PublishRequest> messages, ReceiptsDone done) {
  if (messages.empty()) return done({});
  auto batch = std::make_shared<Batch>();
  batch->receipts.assign(messages.size(), unavailable("not answered"));
  batch->left = messages.size();
  batch->done = std::move(done);
  const TimePoint deadline = clock_.now() + options_.timeout;
  for (size_t i = 0; i < messages.size(); ++i) {
    if (auto refused = refuse(messages[i]); !refused) {
      answer(*batch, i, fail(refused.error()));
    } else {
      send(std::make_shared<Sending>(Sending{std::move(messages[i]), batch, i, deadline}));
    }
  }
}

void ZeromqBroker::send(const std::shared_ptr<Sending>& sending) {
  auto& message = sending->message;
  const auto reply = [this, sending](Result<PublishReceipt> receipt) { answer(*sending->batch, sending->index, std::move(receipt)); };
  if (sink_ == nullptr) return reply(unavailable("the broker is not running"));
  const auto try_again = [this, sending, reply] {
    again(
        sending->deadline, [this, sending] { send(sending); },
        [reply] { reply(unavailable("the channel is on its way to another node")); });
  };
  const uint64_t owner = owner_of(message.channel);
  if (owner == session_) {
    if (!may_order(message.channel)) return try_again();
    return reply(order(std::move(message.channel), std::move(message.envelope), message.idempotency_key));
  }
  Link* link = link_of(owner);
  if (link == nullptr) return reply(unavailable("no node of the mesh takes publications"));
  const auto frame = [&](uint64_t id) {
    mesh::Writer out;
    out.u8(static_cast<uint8_t>(mesh::Request::publish)).u64(session_).u64(id);
    out.text(message.channel).text(message.idempotency_key).text(message.envelope.view());
    return out.take();
  };
  ask(*link, sending->deadline, frame, [reply, try_again](mesh::Reader* in) {
    if (in == nullptr) return reply(unavailable("the node that orders the channel did not answer"));
    const auto status = static_cast<mesh::Status>(in->u8());
    const Position position = in->position();
    if (in->ok() && status == mesh::Status::elsewhere) return try_again();
    if (status == mesh::Status::too_large) {
      return reply(fail(ErrorKind::too_large, "the message is larger than its channel's node accepts"));
    }
    if (!in->ok() || !position.known()) return reply(unavailable("the node that orders the channel answered garbage"));
    reply(PublishReceipt{position, status == mesh::Status::duplicate});
  });
}

// Nodes see others come and go at slightly different times.
void ZeromqBroker::again(TimePoint deadline, std::function<void()> call, const std::function<void()>& otherwise) {
  const TimePoint at = clock_.now() + kAskAgain;
  if (at >= deadline) return otherwise();
  timers_.emplace(at, std::move(call));
}

void ZeromqBroker::answer(Batch& batch, size_t index, Result<PublishReceipt> receipt) {
  batch.receipts[index] = std::move(receipt);
  if (--batch.left == 0) batch.done(std::move(batch.receipts));
}

void ZeromqBroker::ask(Link& link, TimePoint deadline, const std::function<std::string(uint64_t id)>& frame, Answered done) {
  const uint64_t id = ++last_id_;
  waiting_.emplace(id, Waiting{link.session, deadline, std::move(done)});
  deadlines_.emplace(deadline, id);
  send_up(link, frame(id));
}

ZeromqBroker::Answered ZeromqBroker::take_waiting(uint64_t id) {
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return nullptr;
  auto done = std::move(found->second.done);
  deadlines_.erase({found->second.deadline, id});
  waiting_.erase(found);
  return done;
}

// ---- history

void ZeromqBroker::do_read(std::shared_ptr<Reading> reading, Position since) {
  if (sink_ == nullptr) return reading->done(unavailable("the broker is not running"));
  if (reading->deadline == TimePoint()) reading->deadline = clock_.now() + options_.timeout;
  const auto try_again = [this, reading, since] {
    again(
        reading->deadline, [this, reading, since] { do_read(reading, since); },
        [reading] { reading->done(unavailable("the channel is on its way to another node")); });
  };
  const uint64_t owner = owner_of(reading->channel);
  if (owner == session_) {
    if (!may_order(reading->channel)) return try_again();
    return reading->done(store_.read(reading->channel, since, reading->limit, clock_.now()));
  }
  Link* link = link_of(owner);
  if (link == nullptr) return reading->done(unavailable("no node of the mesh keeps history"));
  const auto frame = [&](uint64_t id) {
    mesh::Writer out;
    out.u8(static_cast<uint8_t>(mesh::Request::read)).u64(session_).u64(id);
    out.text(reading->channel).position(since).u64(reading->limit - reading->page.publications.size());
    return out.take();
  };
  ask(*link, reading->deadline, frame, [this, reading, try_again](mesh::Reader* in) {
    if (in == nullptr) return reading->done(unavailable("the node that orders the channel did not answer"));
    if (static_cast<mesh::Status>(in->u8()) == mesh::Status::elsewhere && in->ok()) return try_again();
    auto& page = reading->page;
    const bool first = page.publications.empty();
    const bool continuous = in->u8() != 0;
    page.top = in->position();
    const uint64_t count = in->u64();
    for (uint64_t i = 0; i < count && in->ok(); ++i) {
      if (auto publication = in->publication(reading->channel)) {
        reading->bytes += publication->envelope.size();
        page.publications.push_back(std::move(publication));
      }
    }
    if (!in->ok()) return reading->done(unavailable("the node that orders the channel answered garbage"));
    if (first) page.continuous = continuous;
    // What came between two answers went away: the page ends before the hole, and says so by its top.
    if (!first && !continuous) return reading->done(std::move(page));
    const bool more = count > 0 && page.publications.size() < reading->limit && page.publications.back()->position != page.top;
    if (!more || reading->bytes > kMostPageBytes) return reading->done(std::move(page));
    do_read(reading, page.publications.back()->position);
  });
}

// ---- subscribing

void ZeromqBroker::do_subscribe(const std::vector<std::string>& channels, Done done) {
  if (sink_ == nullptr) return done(unavailable("the broker is not running"));
  auto change = std::make_shared<Change>();
  change->done = std::move(done);
  for (const auto& channel : channels) {
    if (!channels_.try_emplace(channel).second) continue;
    store_.set_subscribed(channel, true);
    for (auto& [address, link] : links_) send_up(*link, '\1' + mesh::channel_topic(channel));
  }
  // Also when all of them were known: the earlier question may be under way still.
  for (auto& [address, link] : links_) {
    if (!link->up) continue;  // looked at when it comes
    ++change->left;
    link->probes[0].push_back(change);  // asked at the end of the turn
  }
  if (change->left == 0) change->done({});
}

void ZeromqBroker::deliver(const PublicationPtr& publication) {
  const auto found = channels_.find(publication->channel);
  if (found == channels_.end() || sink_ == nullptr) return;
  found->second.seen = publication->position;
  sink_->on_publication(publication);
}

}  // namespace holdfast
