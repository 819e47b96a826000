#include "gateway/upstream/connection.h"

#include <algorithm>
#include <sys/uio.h>

#include "gateway/net/head_check.h"
#include "gateway/upstream/pool.h"
#include "gateway/upstream/response.h"

namespace holdfast {

namespace {

constexpr size_t kReadBuffer = 65536;
constexpr size_t kMaxParts = 16;

// One for all connections of a loop: what is in it is used up or copied before the event that filled it is over.
char* read_buffer() {
  static thread_local char buffer[kReadBuffer];
  return buffer;
}

}  // namespace

Connection::Connection(UpstreamCore& core, Pool& pool, std::unique_ptr<Stream> stream)
    : core_(core), pool_(pool), stream_(std::move(stream)) {
  core_.counts.connections.add();
  core_.counts.connects.add();
}

Connection::~Connection() { close(); }

void Connection::close() {
  if (!stream_) return;
  stream_.reset();
  core_.counts.connections.sub();
  cancel();
}

void Connection::carry(ConnectionUser& user, Outgoing& outgoing, std::string_view method, bool upgrade, Duration timeout) {
  user_ = &user;
  outgoing_ = &outgoing;
  method_ = method;
  timeout_ = timeout;
  upgrade_ = upgrade;
  phase_ = Phase::head;
  chunks_ = ChunkedDecoder();
  head_bytes_ = 0;
  paused_ = wrote_ = write_failed_ = false;
  deadline_ = TimePoint::max();
  read_more();
}

void Connection::abandon() {
  user_ = nullptr;
  outgoing_ = nullptr;
}

// ---- idle

bool Connection::looks_alive() {
  char byte = 0;
  return stream_->read(&byte, 1).io == Stream::Io::again;
}

void Connection::go_idle() {
  reused_ = true;
  set_deadline_in(idle_for_);
  read_more();
}

void Connection::check_idle() {
  if (!looks_alive()) return pool_.drop_idle(*this);
  read_more();
}

// ---- writing

bool Connection::flush() {
  bool progress = false;
  while (!write_failed_ && !outgoing_->empty()) {
    iovec parts[kMaxParts];
    const auto outcome = stream_->write(parts, outgoing_->gather(parts, kMaxParts));
    if (outcome.io == Stream::Io::done) {
      outgoing_->consume(outcome.count);
      wrote_ = progress = true;
    } else if (outcome.io == Stream::Io::again) {
      if (!std::exchange(writing_, true)) {
        progress = true;  // the stall counts from here
        stream_->wait_writable(*this);
      }
      break;
    } else if (reused_ && !wrote_) {
      user_->on_stale();
      return false;
    } else {
      // The peer may have answered before it stopped listening: what it sent is still to be read, its end included.
      write_failed_ = progress = true;
      outgoing_->clear();
    }
  }
  after_write(progress);
  return !write_failed_;
}

void Connection::after_write(bool progress) {
  if (phase_ == Phase::body || !progress) return;
  const bool waits_for_user = outgoing_->empty() && !outgoing_->whole() && !write_failed_;
  if (waits_for_user) return set_deadline(TimePoint::max());
  set_deadline_in(timeout_);
}

void Connection::on_stream_writable() {
  writing_ = false;
  if (user_ == nullptr || !flush() || user_ == nullptr) return;
  user_->on_drained();
}

// ---- reading

void Connection::read_more() {
  if (std::exchange(reading_, true)) return;
  stream_->wait_readable(*this);
}

void Connection::on_stream_readable() {
  reading_ = false;
  if (!stream_) return;
  if (user_ == nullptr) return check_idle();
  if (paused_ && phase_ == Phase::body) return;  // resume() waits again
  const auto outcome = stream_->read(read_buffer(), kReadBuffer);
  switch (outcome.io) {
    case Stream::Io::done:
      return take({read_buffer(), outcome.count});
    case Stream::Io::again:
      return read_more();
    case Stream::Io::closed:
      return peer_ended(true);
    case Stream::Io::error:
      return peer_ended(false);
  }
}

void Connection::take(std::string_view data) {
  if (phase_ == Phase::body) return take_body(data);
  if (kept_.empty()) return take_heads(data, 0);
  const size_t searched = kept_.size();
  kept_.append(data);
  if (find_head_end(kept_, searched) == std::string_view::npos) return wait_for_head(kept_, searched);
  const std::string heads = std::exchange(kept_, {});
  take_heads(heads, searched);
}

void Connection::take_heads(std::string_view data, size_t searched) {
  for (;;) {
    const size_t end = find_head_end(data, searched);
    if (end == std::string_view::npos) {
      kept_.assign(data);
      return wait_for_head(data, 0);
    }
    searched = 0;
    head_bytes_ += end;
    if (head_bytes_ > core_.options.max_response_head) return break_off(UpstreamError::before_head, "response head too large");
    auto parsed = read_response_head(data.substr(0, end), method_, upgrade_, keep_alive_);
    if (!parsed) return break_off(UpstreamError::before_head, "malformed response: " + parsed.error().text);
    data.remove_prefix(end);
    if (parsed->first.status == 101) return start_tunnel(std::move(parsed->first), data);
    if (parsed->first.status >= 200) return start_body(std::move(parsed->first), parsed->second, data);
  }
}

void Connection::wait_for_head(std::string_view data, size_t searched) {
  if (head_bytes_ + data.size() > core_.options.max_response_head) return break_off(UpstreamError::before_head, "response head too large");
  if (!may_become_head(data, searched)) return break_off(UpstreamError::before_head, "malformed response: not an HTTP/1.1 head");
  read_more();
}

void Connection::start_tunnel(ResponseHead head, std::string_view rest) {
  tunnel_ = true;
  keep_alive_ = false;
  outgoing_->open_tunnel();
  set_deadline(TimePoint::max());
  pool_.let_out();
  start_body(std::move(head), {Framing::until_close, 0}, rest);
}

void Connection::start_body(ResponseHead head, BodyFraming framing, std::string_view rest) {
  phase_ = Phase::body;
  framing_ = framing;
  left_ = framing.kind == Framing::length ? framing.length : 0;
  idle_for_ = kept_alive_for(head.headers, core_.options.idle_timeout);
  user_->on_response_head(std::move(head), framing);
  if (user_ == nullptr) return;
  if (framing.kind == Framing::none) return finish(rest.empty());
  if (paused_) {
    kept_.assign(rest);
    set_deadline(TimePoint::max());
  } else if (rest.empty()) {
    expect_more();
    read_more();
  } else {
    take_body(rest);
  }
}

void Connection::take_body(std::string_view data) {
  std::string content;
  bool whole = false;
  bool garbage = false;
  size_t used = data.size();
  switch (framing_.kind) {
    case Framing::length:
      used = static_cast<size_t>(std::min<uint64_t>(left_, data.size()));
      left_ -= used;
      whole = left_ == 0;
      content.assign(data.substr(0, used));
      break;
    case Framing::chunked: {
      used = decode_chunks(chunks_, data, content, whole, garbage);
      break;
    }
    case Framing::until_close:
    case Framing::none:
      content.assign(data);
      break;
  }
  if (!content.empty()) {
    user_->on_response_body(Bytes(std::move(content)));
    if (user_ == nullptr) return;
  }
  if (garbage) return break_off(UpstreamError::mid_body, "malformed chunked body");
  if (whole) return finish(used == data.size());
  if (paused_) return;
  expect_more();
  read_more();
}

void Connection::expect_more() {
  if (!tunnel_) set_deadline_in(timeout_);
}

void Connection::peer_ended(bool orderly) {
  if (phase_ == Phase::head) {
    return break_off(UpstreamError::before_head, orderly ? "closed without a whole response head" : "connection broke before a response");
  }
  if (framing_.kind == Framing::until_close && orderly) return finish(false);
  break_off(UpstreamError::mid_body, orderly ? "closed in the middle of the response" : "connection broke in the middle of the response");
}

// ---- the end of a request

void Connection::finish(bool nothing_follows) {
  auto* const user = std::exchange(user_, nullptr);
  const auto* const outgoing = std::exchange(outgoing_, nullptr);
  const bool sent = outgoing->whole() && outgoing->empty() && !write_failed_;
  user->on_response_end(keep_alive_ && nothing_follows && sent && idle_for_.count() > 0);
}

void Connection::break_off(UpstreamError error, const std::string& text) {
  outgoing_ = nullptr;
  std::exchange(user_, nullptr)->on_broken(error, text);
}

// ---- backpressure

void Connection::pause() {
  paused_ = true;
  if (phase_ == Phase::body) set_deadline(TimePoint::max());
}

bool Connection::resume() {
  if (!std::exchange(paused_, false) || phase_ == Phase::head) return false;
  expect_more();
  if (!kept_.empty()) return true;
  read_more();
  return false;
}

void Connection::deliver_backlog() {
  if (paused_ || phase_ == Phase::head || kept_.empty()) return;
  const std::string data = std::exchange(kept_, {});
  take_body(data);
}

// ---- time

// Deadlines move with every request and rarely pass: a timer that is set for earlier is left alone and looks again when it fires.
void Connection::set_deadline(TimePoint when) {
  deadline_ = when;
  if (when == TimePoint::max() || (armed() && armed_for_ <= when)) return;
  armed_for_ = when;
  core_.timers().set_at(*this, when);
}

void Connection::on_timer() {
  if (deadline_ == TimePoint::max()) return;
  if (core_.timers().now() < deadline_) return set_deadline(deadline_);
  deadline_ = TimePoint::max();
  expire();
}

void Connection::expire() {
  if (user_ == nullptr) return pool_.drop_idle(*this);
  const std::string after = std::to_string(timeout_.count()) + " ms";
  if (phase_ == Phase::body) return break_off(UpstreamError::mid_body, "the response stalled for " + after);
  break_off(UpstreamError::timeout, "no response within " + after);
}

}  // namespace holdfast
