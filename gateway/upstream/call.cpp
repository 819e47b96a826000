#include "gateway/upstream/call.h"

namespace holdfast {

namespace {

constexpr size_t kFull = 65536;      // send() says to wait from here on
constexpr size_t kRoom = kFull / 2;  // on_send_ready below this

}  // namespace

Call::Call(std::shared_ptr<UpstreamCore> core, UpstreamRequest request, UpstreamHandler& handler)
    : core_(std::move(core)),
      handler_(handler),
      endpoints_(std::move(request.endpoints)),
      method_(std::move(request.head.method)),
      upgrade_(!request.upgrade.empty()),
      outgoing_(method_, request.head, request.body, request.upgrade),
      timeout_(request.response_timeout.count() > 0 ? request.response_timeout : core_->options.response_timeout) {}

Call::~Call() {
  core_->forget(*this);
  if (!finished_) core_->counts.abandoned.add();
  let_go();
}

// Gives back whatever it holds of the pool.
void Call::let_go() {
  if (std::exchange(waiting_, false)) pool_->leave(*this);
  if (dial_) {
    dial_.reset();
    pool_->free_slot();
  }
  if (connection_) {
    connection_->abandon();
    pool_->discard(std::move(connection_));
  }
}

const Endpoint& Call::endpoint() const {
  static const Endpoint none;
  return endpoints_.empty() ? none : endpoints_[index_];
}

// ---- finding a connection

void Call::start() {
  if (endpoints_.empty()) return fail_soon(UpstreamError::connect_failed, "no endpoint to send the request to");
  if (!outgoing_.well_formed()) return fail_soon(UpstreamError::connect_failed, "a header of the request holds a line break");
  approach();
}

void Call::approach() {
  pool_ = &core_->pool(endpoint());
  // Those who wait come first.
  if (!pool_->anybody_waits()) {
    if (auto idle = pool_->take_idle()) return begin(std::move(idle), When::soon);
    if (pool_->take_slot()) return dial();
  }
  if (!pool_->wait(*this)) return fail_soon(UpstreamError::overloaded, "too many requests wait for a connection");
  waiting_ = true;
  core_->timers().set_in(*this, timeout_);
}

void Call::on_turn() {
  waiting_ = false;
  cancel();
  if (auto idle = pool_->take_idle()) return begin(std::move(idle), When::now);
  // An idle connection that turned out dead has left its slot.
  if (pool_->take_slot()) dial();
}

void Call::on_timer() {
  pool_->leave(*this);
  waiting_ = false;
  fail(UpstreamError::overloaded, "no connection became free within " + std::to_string(timeout_.count()) + " ms");
}

void Call::dial() {
  DialUser& user = *this;
  dial_ = std::make_unique<Dial>(*core_, endpoint(), user);
  dial_->start();
}

void Call::on_dialed(std::unique_ptr<Stream> stream) {
  const auto done = std::move(dial_);  // on the stack still
  begin(std::make_unique<Connection>(*core_, *pool_, std::move(stream)), When::now);
}

void Call::on_dial_failed(bool blocked, std::string text) {
  const auto done = std::move(dial_);
  pool_->free_slot();
  next_endpoint(blocked, text);
}

void Call::next_endpoint(bool blocked, const std::string& text) {
  if (!tried_.empty()) tried_ += ", ";
  tried_ += text;
  only_blocked_ = only_blocked_ && blocked;
  if (index_ + 1 == endpoints_.size()) return fail(only_blocked_ ? UpstreamError::blocked : UpstreamError::connect_failed, tried_);
  ++index_;
  approach();
}

// ---- the request

void Call::begin(std::unique_ptr<Connection> connection, When when) {
  connection_ = std::move(connection);
  connection_->carry(*this, outgoing_, method_, upgrade_, timeout_);
  if (paused_) connection_->pause();
  if (outgoing_.whole() || invited_) {
    if (connection_->flush() && connection_) on_drained();
    return;
  }
  // The head waits for the first piece of the body, so that both leave in one write; but not longer than this turn.
  flush_soon_ = true;
  core_->defer(*this);
  if (when == When::now) offer_room();
}

void Call::offer_room() {
  invited_ = true;
  asked_ = false;
  handler_.on_send_ready();
}

bool Call::send(Bytes piece, bool last) {
  if (finished_ || failure_) return true;
  if (!outgoing_.push(std::move(piece), last)) {
    let_go();
    fail_soon(UpstreamError::before_head, "the request body ended before its announced length");
    return true;
  }
  const bool hold_back = flush_soon_ && !outgoing_.whole() && outgoing_.size() < kFull;
  if (connection_ && !hold_back) connection_->flush();
  const bool broken = connection_ && !connection_->takes_more();
  if (outgoing_.whole() || (outgoing_.size() < kFull && !broken)) return true;
  asked_ = true;
  return false;
}

void Call::on_drained() {
  if (asked_ && !outgoing_.whole() && outgoing_.size() < kRoom) offer_room();
}

void Call::on_stale() {
  connection_->abandon();
  pool_->discard(std::move(connection_));
  // Its slot is free; those who wait for one are served later in the turn.
  pool_->take_slot();
  dial();
}

void Call::on_deferred() {
  if (failure_) return fail(failure_->error, std::string(failure_->text));
  if (!connection_) return;
  if (flush_soon_ && !invited_) {
    core_->defer(*this);
    return offer_room();
  }
  // Work that the handler put off to the end of the turn comes before this second round, and may bring a piece of the body.
  if (flush_soon_ && !std::exchange(held_back_once_, true)) return core_->defer(*this);
  if (std::exchange(flush_soon_, false)) {
    connection_->flush();
    if (!connection_) return;
  }
  connection_->deliver_backlog();
}

void Call::pause() {
  paused_ = true;
  if (connection_) connection_->pause();
}

void Call::resume() {
  paused_ = false;
  if (connection_ && connection_->resume()) core_->defer(*this);
}

void Call::on_response_head(ResponseHead head, BodyFraming framing) { handler_.on_head(std::move(head), framing); }

void Call::on_response_body(Bytes piece) { handler_.on_body(std::move(piece)); }

void Call::on_response_end(bool reusable) {
  finished_ = true;
  core_->counts.ok.add();
  // Before the handler is told, so that its next request finds the connection.
  if (reusable) {
    pool_->release(std::move(connection_));
  } else {
    pool_->discard(std::move(connection_));
  }
  handler_.on_end();
}

// ---- failing

void Call::on_broken(UpstreamError error, const std::string& text) {
  pool_->discard(std::move(connection_));
  fail(error, text);
}

void Call::fail(UpstreamError error, const std::string& text) {
  finished_ = true;
  core_->counts.of(error).add();
  // NOLINTNEXTLINE(performance-unnecessary-copy-initialization): `text` may be a part of this call, which the handler may destroy.
  const std::string its_own = text;
  handler_.on_error(error, its_own);
}

void Call::fail_soon(UpstreamError error, std::string text) {
  failure_ = Failure{error, std::move(text)};
  core_->defer(*this);
}

}  // namespace holdfast
