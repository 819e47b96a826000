#include "gateway/session/sockjs/sockjs_session.h"

#include "gateway/base/log.h"
#include "gateway/session/sockjs/sockjs_end.h"
#include "gateway/session/sockjs/sockjs_frames.h"
#include "gateway/session/sockjs/sockjs_receiver.h"
#include "gateway/session/sockjs/sockjs_sender.h"

namespace holdfast {

namespace {

constexpr std::chrono::seconds kHeartbeat(25);
constexpr std::chrono::seconds kPatience(5);   // without a receiver
constexpr size_t kStreamLimit = 128 * 1024;    // then a stream ends and the client opens another: browsers keep all of a response
constexpr size_t kMostUnread = 64 * 1024;      // as a held connection's default
constexpr size_t kMostInBurst = 1024 * 1024;   // while the receiver had no time yet to say that it wrote
constexpr std::chrono::seconds kBurst(1);      // that time
constexpr size_t kMostIncoming = 1024 * 1024;  // of what clients sent and the backend has no room for

constexpr size_t kPerMessage = sizeof(std::string);

constexpr int kGoneAbnormally = 1006;
constexpr int kAnotherConnection = 2010;

}  // namespace

SockjsSession::SockjsSession(Gateway& gateway, std::string key, Remote<SockjsSession> self, std::string peer)
    : gateway_(gateway), key_(std::move(key)), self_(std::move(self)), peer_(std::move(peer)) {
  self_.bind(*this);
}

SockjsSession::~SockjsSession() {
  self_.unbind();
  gateway_.sockjs().remove(key_, self_);
  release_end();
}

SockjsEnd* SockjsSession::release_end() {
  auto* end = std::exchange(end_, nullptr);
  if (end != nullptr) end->forget_session();
  return end;
}

// ---- the receiver

void SockjsSession::attach(const Remote<SockjsReceiver>& receiver, bool is_poll) {
  if (receiver_) {
    return receiver.call(
        [](SockjsReceiver& another) { another.write({sockjs_close(kAnotherConnection, "Another connection still open")}, true); });
  }
  receiver_.emplace(Receiver{.remote = receiver, .is_poll = is_poll});
  gateway_.timers().set_in(*this, kHeartbeat);
  pump();
}

void SockjsSession::on_written(const Remote<SockjsReceiver>& receiver) {
  if (!receiver_ || !(receiver_->remote == receiver)) return;
  batch_ = {};
  receiver_->busy = false;
  if (receiver_->ending) return finish_receiver();
  pump();
}

void SockjsSession::detach(const Remote<SockjsReceiver>& receiver, bool wrote) {
  if (!receiver_ || !(receiver_->remote == receiver)) return;
  if (!wrote) {
    open_due_ = open_due_ || batch_.open;
    if (!batch_.quoted.empty() && !queue_.empty()) batch_.quoted += ',';
    queue_.insert(0, batch_.quoted);
  }
  batch_ = {};
  finish_receiver();
}

void SockjsSession::finish_receiver() {
  receiver_.reset();
  gateway_.timers().set_in(*this, kPatience);
}

// Gives the receiver what there is. The user hears of room from here: only on_written() and attach() can make some.
void SockjsSession::pump() {
  if (phase_ == Phase::opening || !receiver_ || receiver_->busy) return;
  std::vector<std::string> frames;
  const auto room = [&] { return !receiver_->is_poll || frames.empty(); };
  if (std::exchange(open_due_, false)) {
    frames.emplace_back(kSockjsOpen);
    batch_.open = true;
  }
  if (!queue_.empty() && room()) {
    frames.push_back(sockjs_messages(queue_));
    batch_.quoted = std::exchange(queue_, {});
    relayed_ = 0;
  }
  const bool ends = phase_ == Phase::closed && queue_.empty() && room();
  if (ends) frames.push_back(closing_);
  // A stream begins though there is nothing to say.
  if (frames.empty() && (receiver_->is_poll || receiver_->begun)) return;
  give(std::move(frames), ends);
  if (queue_.empty() && std::exchange(full_told_, false) && end_ != nullptr) end_->user().on_client_writable();
}

void SockjsSession::give(std::vector<std::string> frames, bool ends) {
  auto& receiver = *receiver_;
  for (const auto& frame : frames) receiver.sent += frame.size();
  receiver.begun = receiver.busy = true;
  receiver.ending = receiver.is_poll || ends || receiver.sent >= kStreamLimit;
  receiver.given = gateway_.timers().now();
  gateway_.timers().set_in(*this, kHeartbeat);
  receiver.remote.call([frames = std::move(frames), last = receiver.ending](SockjsReceiver& to) { to.write(frames, last); });
}

// With a receiver it is time for a heartbeat; without one it is time to forget the session.
void SockjsSession::on_timer() {
  if (receiver_) {
    if (phase_ == Phase::open && !receiver_->busy) return give({std::string(kSockjsHeartbeat)}, false);
    return gateway_.timers().set_in(*this, kHeartbeat);
  }
  refuse_incoming();
  if (auto* end = release_end()) end->user().on_client_gone();
  gateway_.finish(*this);
}

// ---- from the client

void SockjsSession::take(std::vector<std::string> messages, const Remote<SockjsSender>& sender) {
  if (phase_ == Phase::closed || end_ == nullptr) return sender.call([](SockjsSender& to) { to.on_taken(SockjsSender::Outcome::gone); });
  size_t size = 0;
  for (const auto& message : messages) size += message.size() + kPerMessage;
  if (!incoming_.empty() && incoming_size_ + size > kMostIncoming) {
    return sender.call([](SockjsSender& to) { to.on_taken(SockjsSender::Outcome::full); });
  }
  incoming_size_ += size;
  incoming_.push_back({std::move(messages), size, sender});
  deliver();
}

void SockjsSession::deliver() {
  while (!incoming_.empty() && end_ != nullptr && phase_ == Phase::open && !paused_) {
    auto sent = std::move(incoming_.front());
    incoming_.pop_front();
    incoming_size_ -= sent.size;
    for (auto& message : sent.messages) {
      if (end_ != nullptr) end_->user().on_client_message(WsMessageType::text, std::move(message), true, true);
    }
    sent.sender.call([](SockjsSender& to) { to.on_taken(SockjsSender::Outcome::taken); });
  }
}

void SockjsSession::refuse_incoming() {
  for (const auto& sent : incoming_) sent.sender.call([](SockjsSender& to) { to.on_taken(SockjsSender::Outcome::gone); });
  incoming_.clear();
  incoming_size_ = 0;
}

// Not from inside the user's call.
void SockjsSession::resume() {
  paused_ = false;
  if (!incoming_.empty()) self_.call([](SockjsSession& self) { self.deliver(); });
}

// ---- from the end

void SockjsSession::accept() {
  if (phase_ != Phase::opening) return;
  phase_ = Phase::open;
  open_due_ = true;
  pump();
  resume();
}

// Last of what its caller does: it may be the session's end.
void SockjsSession::refuse(const ResponseHead& head, const Bytes& body) {
  release_end();
  if (!receiver_) return end_with(1002, "Connection refused");
  receiver_->remote.call([head, body](SockjsReceiver& to) { to.refuse(head, body); });
  refuse_incoming();
  gateway_.finish(*this);
}

void SockjsSession::push(std::string_view quoted) {
  if (!queue_.empty()) queue_ += ',';
  queue_ += quoted;
}

WriteResult SockjsSession::relay(std::string_view quoted) {
  if (phase_ != Phase::open) return WriteResult::gone;
  relayed_ += quoted.size() + 1;
  push(quoted);
  pump();
  if (queue_.size() < kMostUnread) return WriteResult::ok;
  full_told_ = true;
  return WriteResult::full;
}

bool SockjsSession::fits(size_t size) const {
  const bool burst = receiver_ && receiver_->busy && gateway_.timers().now() - receiver_->given < kBurst;
  return queue_.empty() || queue_.size() + size <= relayed_ + (burst ? kMostInBurst : kMostUnread);
}

WriteResult SockjsSession::send(std::string_view quoted) {
  if (phase_ != Phase::open) return WriteResult::gone;
  if (fits(quoted.size())) {
    push(quoted);
    pump();
    return WriteResult::ok;
  }
  gateway_.counts.slow_dropped.add();
  log::info("a client that does not read was dropped", {{"peer", peer_}, {"unsent_bytes", queue_.size()}});
  release_end();
  queue_ = std::string();
  end_with(kWsTryAgainLater, "too much was not read");
  return WriteResult::gone;
}

void SockjsSession::end_with(int code, std::string_view reason) {
  phase_ = Phase::closed;
  closing_ = sockjs_close(code, reason);
  refuse_incoming();
  pump();
}

// The client has nothing to say to it: what is taken for its answer follows, when the caller is done.
void SockjsSession::close(int code, const std::string& reason) {
  if (phase_ == Phase::closed) return;
  end_with(code == 0 ? 1000 : code, reason);
  self_.call([code, reason](SockjsSession& self) {
    if (self.end_ != nullptr) self.end_->user().on_client_close(code, reason);
  });
}

void SockjsSession::lose(int code, std::string_view reason) {
  if (phase_ == Phase::closed) return;
  end_with(code, reason);
  self_.call([](SockjsSession& self) {
    if (auto* end = self.release_end()) end->user().on_client_gone();
  });
}

void SockjsSession::let_go() {
  release_end();
  if (phase_ != Phase::closed) end_with(kGoneAbnormally, "Connection lost");
}

}  // namespace holdfast
