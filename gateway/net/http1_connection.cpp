#include "gateway/net/http1_connection.h"

#include "gateway/base/log.h"
#include "gateway/net/websocket_handshake.h"

namespace holdfast {

namespace {

constexpr size_t kFull = 65536;          // WriteResult::full from here on
constexpr size_t kWritable = kFull / 2;  // on_writable below this
constexpr size_t kMaxParts = 64;
constexpr auto kLinger = std::chrono::seconds(2);
constexpr size_t kPipelined = 65536;  // bytes kept of requests that wait for their turn
constexpr size_t kCopyBelow = 4096;   // small chunks are framed in one piece

}  // namespace

Http1Connection::Http1Connection(HttpServer::State& server, std::unique_ptr<Stream> stream, const PeerAddress& peer, bool tls)
    : tls_(tls), peer_(peer), server_(server), stream_(std::move(stream)) {}

Http1Connection::~Http1Connection() { server_.queued -= static_cast<int64_t>(out_.size()); }

void Http1Connection::start() {
  set_deadline(server_.loop.timers().now() + server_.options.head_timeout);
  read_more();
}

void Http1Connection::refuse(int status, std::string_view text) {
  close_after_ = true;
  observer_ = nullptr;
  body_done_ = false;  // there may be more that is not read
  phase_ = Phase::exchange;
  responded_ = ended_ = head_only_ = false;
  ResponseHead head;
  head.status = status;
  head.reason = reason_phrase(status);
  head.headers.add("Content-Type", "text/plain");
  const std::string body = std::string(text) + "\n";
  respond(head, {Framing::length, body.size()});
  write(Bytes(body));
  end();
}

// ---- reading

Http1Connection::Incoming& Http1Connection::incoming() {
  if (!incoming_) incoming_ = std::make_unique<Incoming>();
  return *incoming_;
}

void Http1Connection::release_incoming() {
  if (incoming_ && incoming_->buffer.empty()) incoming_.reset();
}

void Http1Connection::read_more() {
  if (reading_) return;
  reading_ = true;
  stream_->wait_readable(*this);
}

void Http1Connection::on_stream_readable() {
  reading_ = false;
  if (phase_ == Phase::dead) return;
  const auto outcome = stream_->read(read_buffer(), kReadBuffer);
  if (outcome.io == Stream::Io::again) return read_more();
  const bool open = outcome.io == Stream::Io::done;
  const std::string_view data(read_buffer(), outcome.count);

  switch (phase_) {
    case Phase::head:
      if (open) return feed_head(data);
      return die();
    case Phase::exchange:
      if (upgraded_ && !ended_) return outcome.io == Stream::Io::error ? gone() : take_raw(data, open);
      if (ended_ && !body_done_)
        return open ? read_more() : void(client_ended_ = true);  // the answer is on its way; the rest is not wanted
      if (open) return body_done_ ? watch_client(data) : feed_body(data);
      if (outcome.io == Stream::Io::error || !body_done_ || held_) return gone();
      // The client will send no more but may well be reading: it gets its response.
      client_ended_ = close_after_ = true;
      return;
    case Phase::linger:
      if (!open) return die();
      return read_more();
    case Phase::dead:
      return;
  }
}

void Http1Connection::feed_head(std::string_view data) {
  size_t searched = 0;
  if (incoming_ && !incoming_->buffer.empty()) {
    searched = incoming_->buffer.size();
    incoming_->buffer.append(data);
    data = incoming_->buffer;
  }
  // Empty lines before a request are tolerated (RFC 9112 section 2.2).
  size_t skipped = 0;
  while (data.substr(skipped).starts_with("\r\n")) skipped += 2;
  data.remove_prefix(skipped);
  const size_t end = find_head_end(data, searched > skipped ? searched - skipped : 0);

  if (end != std::string_view::npos) {
    const std::string owner = incoming_ ? std::move(incoming_->buffer) : std::string();
    incoming_.reset();
    // A moved string may have changed its place (small strings do).
    if (!owner.empty()) data = std::string_view(owner).substr(skipped);
    return begin_request(data.substr(0, end), data.substr(end));
  }

  if (data.size() > server_.limits.max_bytes) return refuse(431, "Request head too large.");
  for (size_t lf = data.find('\n'); lf != std::string_view::npos; lf = data.find('\n', lf + 1)) {
    if (lf == 0 || data[lf - 1] != '\r') return refuse(400, "Malformed request: line ends must be CRLF.");
  }
  if (!incoming_ || incoming_->buffer.empty()) {
    if (data.empty()) return read_more();
    set_deadline(server_.loop.timers().now() + server_.options.head_timeout);
    incoming().buffer = data;
  } else if (skipped > 0) {
    incoming_->buffer.erase(0, skipped);
  }
  read_more();
}

void Http1Connection::begin_request(std::string_view bytes, std::string_view rest) {
  auto parsed = parse_request_head(bytes, server_.limits);
  if (!parsed) {
    server_.bad_requests.add();
    if (!rest.empty()) incoming().buffer = rest;
    return refuse(parsed.error().status, parsed.error().text);
  }
  auto& [head, framing] = *parsed;
  server_.requests.add();

  phase_ = Phase::exchange;
  observer_ = nullptr;
  http10_ = head.minor_version == 0;
  head_only_ = head.method == "HEAD";
  responded_ = ended_ = aborted_ = held_ = full_told_ = false;
  bool keep = !http10_;
  for (const auto& [name, value] : head.headers) {
    // What follows may be frames of a protocol that is not spoken here: if it is refused, it is not taken for a request.
    if (iequals(name, "Upgrade") && wants_websocket(head)) keep = false;
    if (!iequals(name, "Connection")) continue;
    for (const auto token : split(value, ',')) {
      if (iequals(trim(token), "close")) keep = false;
      if (http10_ && iequals(trim(token), "keep-alive")) keep = true;
    }
  }
  close_after_ = !keep || server_.draining || client_ended_;

  body_done_ = framing.kind == Framing::none;
  if (!body_done_) {
    auto& in = incoming();
    in.framing = framing;
    in.left = framing.length;
    if (const auto* expect = head.headers.find("Expect")) {
      if (!iequals(*expect, "100-continue")) return refuse(417, "Only 100-continue can be expected.");
      in.expects_continue = !http10_;
    }
    if (server_.options.max_request_body > 0 && framing.kind == Framing::length && framing.length > server_.options.max_request_body) {
      return refuse(413, "Request body too large.");
    }
  }
  if (!rest.empty()) incoming().buffer = rest;
  set_deadline(TimePoint::max());
  if (body_done_) read_more();  // tells when the client leaves
  server_.handler.on_request(*this, std::move(head), framing);
}

void Http1Connection::pull_body() {
  if (upgraded_) {
    pulls_raw_ = true;
    return incoming_ ? server_.mark(*this) : read_more();
  }
  auto& in = incoming();
  in.pulling = true;
  if (body_done_ || !in.buffer.empty()) return server_.mark(*this);
  if (in.expects_continue) {
    in.expects_continue = false;
    push(Bytes::literal("HTTP/1.1 100 Continue\r\n\r\n"));
  }
  wait_for_body();
}

void Http1Connection::wait_for_body() {
  auto& in = *incoming_;
  const auto now = server_.loop.timers().now();
  in.wait_began = now;
  const auto& options = server_.options;
  const auto earned = options.body_min_rate > 0 ? Duration(in.received * 1000 / options.body_min_rate) : Duration(0);
  set_deadline(now + options.body_grace + earned - in.waited);
  read_more();
}

void Http1Connection::feed_body(std::string_view data) {
  auto& in = incoming();
  if (in.wait_began != TimePoint()) {
    in.waited += std::chrono::duration_cast<Duration>(server_.loop.timers().now() - in.wait_began);
    in.wait_began = TimePoint();
  }
  std::string content;
  size_t used = 0;
  bool broken = false;
  if (in.framing.kind == Framing::length) {
    used = static_cast<size_t>(std::min<uint64_t>(in.left, data.size()));
    in.left -= used;
    content = data.substr(0, used);
    body_done_ = in.left == 0;
  } else {
    for (;;) {
      const auto next = in.chunks.next(data.substr(used));
      used += next.consumed;
      if (next.outcome == ChunkedDecoder::Outcome::data) {
        content.append(next.data);
        continue;
      }
      body_done_ = next.outcome == ChunkedDecoder::Outcome::done;
      broken = next.outcome == ChunkedDecoder::Outcome::error;
      break;
    }
  }
  if (broken) return body_broke(400, "Malformed request: bad chunked body.");
  in.received += content.size();
  if (server_.options.max_request_body > 0 && in.received > server_.options.max_request_body) {
    return body_broke(413, "Request body too large.");
  }
  std::string rest(data.substr(used));
  in.buffer = std::move(rest);
  if (content.empty() && !body_done_) return wait_for_body();

  in.pulling = false;
  set_deadline(TimePoint::max());
  if (body_done_) {
    release_incoming();
    read_more();
  }
  if (observer_ != nullptr) observer_->on_body(Bytes(std::move(content)), body_done_);
}

void Http1Connection::body_broke(int status, std::string_view text) {
  server_.bad_requests.add();
  const bool answered = responded_;
  if (auto* observer = std::exchange(observer_, nullptr)) observer->on_gone();
  if (answered) return die();
  refuse(status, text);
}

void Http1Connection::take_raw(std::string_view data, bool open) {
  if (!open) client_ended_ = true;
  if (!pulls_raw_) {  // read to learn whether the client leaves, before the switch
    if (open) incoming().buffer.append(data);
    return;
  }
  pulls_raw_ = false;
  if (observer_ != nullptr) observer_->on_bytes(data);
}

// The request is whole: what comes now is the client's end or its next request.
void Http1Connection::watch_client(std::string_view data) {
  auto& in = incoming();
  in.buffer.append(data);
  if (in.buffer.size() < kPipelined) read_more();
}

// ---- writing

void Http1Connection::push(Bytes piece) {
  server_.queued += static_cast<int64_t>(piece.size());
  out_.push(std::move(piece));
  server_.mark(*this);
}

void Http1Connection::respond(const ResponseHead& head, BodyFraming framing) {
  if (phase_ != Phase::exchange || responded_) return;
  responded_ = true;
  if (!body_done_) close_after_ = true;  // what is left of the request cannot be told from the next one
  const bool bodyless = head.status == 204 || head.status == 304;

  std::string text;
  text.reserve(256);
  text.append("HTTP/1.1 ").append(std::to_string(head.status)).append(" ");
  text.append(head.reason.empty() ? std::string(reason_phrase(head.status)) : head.reason).append("\r\n");
  for (const auto& [name, value] : head.headers) {
    if (iequals(name, "Content-Length") || iequals(name, "Transfer-Encoding") || iequals(name, "Connection") ||
        iequals(name, "Keep-Alive")) {
      continue;
    }
    text.append(name).append(": ").append(value).append("\r\n");
  }

  response_left_ = 0;
  response_framing_ = framing.kind == Framing::until_close ? Framing::chunked : framing.kind;
  if (bodyless) {
    response_framing_ = Framing::none;
  } else if (response_framing_ == Framing::chunked && http10_) {
    response_framing_ = Framing::until_close;
    close_after_ = true;
  } else if (response_framing_ == Framing::chunked) {
    text.append("Transfer-Encoding: chunked\r\n");
  } else {
    text.append("Content-Length: ").append(std::to_string(framing.length)).append("\r\n");
    response_left_ = head_only_ ? 0 : framing.length;
  }
  if (close_after_) {
    text.append("Connection: close\r\n");
  } else if (http10_) {
    text.append("Connection: keep-alive\r\n");
  }
  text.append("\r\n");
  push(Bytes(std::move(text)));
}

void Http1Connection::upgrade(const ResponseHead& head) {
  if (phase_ != Phase::exchange || responded_) return;
  responded_ = upgraded_ = close_after_ = true;
  body_done_ = false;  // at the end the client may still be sending
  response_framing_ = Framing::until_close;
  std::string text = "HTTP/1.1 101 Switching Protocols\r\n";
  for (const auto& [name, value] : head.headers) text.append(name).append(": ").append(value).append("\r\n");
  text.append("\r\n");
  push(Bytes(std::move(text)));
}

// Whether `size` more bytes may be queued for a held connection.
bool Http1Connection::check_bound(size_t size) {
  const auto fits = [&] { return out_.empty() || out_.size() + size <= server_.options.hold_queue + relayed_; };
  if (!held_ || fits()) return true;
  // Many messages in one turn are not a slow reader: only what the kernel refuses counts.
  return flush() && fits();
}

void Http1Connection::fail_write() {
  write_failed_ = true;
  server_.mark(*this);
}

WriteResult Http1Connection::queue(size_t size) {
  if (phase_ != Phase::exchange || !responded_ || ended_ || write_failed_) return WriteResult::gone;
  if (check_bound(size)) return WriteResult::ok;
  if (!write_failed_) {
    server_.slow_dropped.add();
    log::info("a client that does not read was dropped", {{"peer", peer_.text()}, {"unsent_bytes", out_.size()}});
    fail_write();
  }
  return WriteResult::gone;
}

WriteResult Http1Connection::write(Bytes content) {
  if (queue(content.size()) == WriteResult::gone) return WriteResult::gone;
  push_content(std::move(content));
  return held_ ? WriteResult::ok : fullness();
}

WriteResult Http1Connection::relay(Bytes content) {
  if (phase_ != Phase::exchange || !responded_ || ended_ || write_failed_) return WriteResult::gone;
  relayed_ += content.size();
  push_content(std::move(content));
  return fullness();
}

WriteResult Http1Connection::fullness() {
  if (out_.size() < kFull) return WriteResult::ok;
  full_told_ = true;
  return WriteResult::full;
}

void Http1Connection::push_content(Bytes content) {
  if (head_only_ || content.empty() || response_framing_ == Framing::none) return;
  if (response_framing_ == Framing::length) {
    content = content.slice(0, static_cast<size_t>(std::min<uint64_t>(response_left_, content.size())));
    response_left_ -= content.size();
    push(std::move(content));
  } else if (response_framing_ == Framing::chunked && content.size() < kCopyBelow) {
    push(Rendering(std::move(content)).chunk());
  } else if (response_framing_ == Framing::chunked) {
    char size[24];
    const int length = std::snprintf(size, sizeof size, "%zx\r\n", content.size());
    push(Bytes(std::string(size, static_cast<size_t>(length))));
    push(std::move(content));
    push(Bytes::literal("\r\n"));
  } else {
    push(std::move(content));
  }
}

WriteResult Http1Connection::write(const Rendering& content) {
  if (response_framing_ != Framing::chunked || head_only_ || content.content().empty()) return write(content.content());
  if (queue(content.chunk().size()) == WriteResult::gone) return WriteResult::gone;
  push(content.chunk());
  return held_ ? WriteResult::ok : fullness();
}

void Http1Connection::end() {
  if (phase_ != Phase::exchange || ended_) return;
  if (!responded_ || response_left_ > 0) return abort();
  if (response_framing_ == Framing::chunked && !head_only_) push(Bytes::literal("0\r\n\r\n"));
  ended_ = true;
  observer_ = nullptr;
  server_.mark(*this);
}

void Http1Connection::abort() {
  if (phase_ != Phase::exchange || ended_) return;
  // Without its last chunk, or short of its length, the response is visibly cut. Only a close-delimited one needs a reset for that.
  if (response_framing_ == Framing::until_close && responded_ && !upgraded_) stream_->reset();
  ended_ = aborted_ = close_after_ = true;
  observer_ = nullptr;
  server_.mark(*this);
}

void Http1Connection::hold() {
  held_ = true;
  release_incoming();
  if (client_ended_) fail_write();
}

// False: the connection is broken (noted for step()).
bool Http1Connection::flush() {
  while (!out_.empty() && !write_failed_) {
    iovec parts[kMaxParts];
    const size_t count = out_.gather(parts, kMaxParts);
    const auto outcome = stream_->write(parts, count);
    if (outcome.io == Stream::Io::done) {
      out_.consume(outcome.count);
      relayed_ = std::min(relayed_, out_.size());
      server_.queued -= static_cast<int64_t>(outcome.count);
      if (writing_) set_deadline(server_.loop.timers().now() + server_.options.write_stall);
      continue;
    }
    if (outcome.io != Stream::Io::again) {
      fail_write();
      return false;
    }
    if (!writing_) {
      writing_ = true;
      set_deadline(server_.loop.timers().now() + server_.options.write_stall);
      stream_->wait_writable(*this);
    }
    return true;
  }
  return !write_failed_;
}

void Http1Connection::on_stream_writable() {
  writing_ = false;
  step();
}

void Http1Connection::step() {
  if (phase_ == Phase::dead) return;
  const bool was_waiting = !out_.empty();
  if (!flush()) return gone();
  if (was_waiting && out_.empty() && phase_ == Phase::exchange && !(incoming_ && incoming_->pulling)) set_deadline(TimePoint::max());
  if (full_told_ && out_.size() < kWritable && observer_ != nullptr) {
    full_told_ = false;
    observer_->on_writable();
    if (phase_ == Phase::dead) return;
  }
  if (ended_ && out_.empty() && phase_ == Phase::exchange) return finish_exchange();
  if (upgraded_ && pulls_raw_ && incoming_ && phase_ == Phase::exchange && !ended_) {
    const auto kept = std::move(incoming_);
    if (kept->buffer.empty()) return read_more();
    return take_raw(kept->buffer, true);
  }
  if (!ended_ && phase_ == Phase::exchange && incoming_ && incoming_->pulling && observer_ != nullptr) {
    if (body_done_) {
      incoming_->pulling = false;
      release_incoming();
      observer_->on_body(Bytes(), true);
    } else if (!incoming_->buffer.empty()) {
      const std::string data = std::move(incoming_->buffer);
      incoming_->buffer.clear();
      feed_body(data);
    }
  }
}

// ---- between exchanges

void Http1Connection::finish_exchange() {
  if (close_after_ || server_.draining || !body_done_) return close_politely();
  next_request();
}

void Http1Connection::next_request() {
  phase_ = Phase::head;
  held_ = false;
  set_deadline(server_.loop.timers().now() + server_.options.idle_timeout);
  if (incoming_ && !incoming_->buffer.empty()) {
    const std::string data = std::move(incoming_->buffer);
    incoming_.reset();
    return feed_head(data);
  }
  incoming_.reset();
  read_more();
}

// Closing with unread bytes makes the kernel send a reset, which can take the answer away from the client: read a little more first.
void Http1Connection::close_politely() {
  const bool unread = !body_done_ || (incoming_ && !incoming_->buffer.empty());
  if ((aborted_ && body_done_) || client_ended_ || !unread) {
    stream_->shutdown_send();
    return die();
  }
  phase_ = Phase::linger;
  incoming_.reset();
  stream_->shutdown_send();
  set_deadline(server_.loop.timers().now() + kLinger);
  read_more();
}

void Http1Connection::close_if_idle() {
  if (phase_ == Phase::head && (!incoming_ || incoming_->buffer.empty())) die();
}

void Http1Connection::gone() {
  if (auto* observer = std::exchange(observer_, nullptr)) observer->on_gone();
  die();
}

void Http1Connection::die() {
  if (phase_ == Phase::dead) return;
  phase_ = Phase::dead;
  observer_ = nullptr;
  cancel();
  server_.bury(*this);
}

// ---- time

// Deadlines move often and rarely pass: a timer that is set for earlier is left alone and looks again when it fires.
void Http1Connection::set_deadline(TimePoint when) {
  deadline_ = when;
  if (when == TimePoint::max() || (armed() && armed_for_ <= when)) return;
  armed_for_ = when;
  server_.loop.timers().set_at(*this, when);
}

void Http1Connection::on_timer() {
  if (deadline_ == TimePoint::max()) return;
  if (server_.loop.timers().now() < deadline_) return set_deadline(deadline_);
  expire();
}

void Http1Connection::expire() {
  deadline_ = TimePoint::max();
  if (!out_.empty()) {
    server_.slow_dropped.add();
    log::info("a client that does not read was dropped", {{"peer", peer_.text()}, {"unsent_bytes", out_.size()}});
    stream_->reset();
    return gone();
  }
  if (phase_ == Phase::head && incoming_) return refuse(408, "Request head took too long.");
  if (phase_ == Phase::exchange && incoming_ && incoming_->pulling) return body_broke(408, "Request body took too long.");
  if (phase_ != Phase::exchange) die();
}

}  // namespace holdfast
