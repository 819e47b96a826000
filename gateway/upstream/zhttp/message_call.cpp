#include "gateway/upstream/zhttp/message_call.h"

#include "gateway/base/text.h"
#include "gateway/base/tnetstring.h"

namespace holdfast {

namespace {

constexpr size_t kMaxBody = 1'000'000;

std::string encode(const std::string& id, const UpstreamRequest& request, std::string_view body) {
  std::string headers;
  for (const auto& [name, value] : request.head.headers) headers += tnet_list(tnet_text(name) + tnet_text(value));
  const std::string uri = "http://" + std::string(request.head.headers.get("Host")) + request.head.target;
  return "T" + tnet_map(tnet_text("id") + tnet_text(id) + tnet_text("method") + tnet_text(request.head.method) + tnet_text("uri") +
                        tnet_text(uri) + tnet_text("headers") + tnet_list(headers) + tnet_text("body") + tnet_text(body));
}

struct Answer {
  ResponseHead head;
  std::string body;
};

Result<void> read_headers(const Tnet& list, Headers& out) {
  for (const Tnet& pair : list.list) {
    const bool texts = pair.list.size() == 2 && pair.list[0].kind == Tnet::Kind::text && pair.list[1].kind == Tnet::Kind::text;
    if (!texts || !is_token(pair.list[0].text) || !is_field_value(pair.list[1].text)) return invalid("a bad header");
    out.add(pair.list[0].text, pair.list[1].text);
  }
  return {};
}

Result<Answer> decode(std::string_view message) {
  const auto value = parse_tnet(message.substr(1));
  if (!value) return fail(value.error());
  if (const auto condition = value->text_of("condition")) return invalid("it says " + std::string(*condition));
  const Tnet* code = value->find("code");
  if (code == nullptr || code->kind != Tnet::Kind::integer || code->integer < 200 || code->integer > 999) return invalid("no good code");
  Answer out;
  out.head.status = static_cast<int>(code->integer);
  out.head.reason = value->text_of("reason").value_or("");
  if (!is_field_value(out.head.reason)) return invalid("a bad reason");
  if (const Tnet* headers = value->find("headers")) {
    if (auto read = read_headers(*headers, out.head.headers); !read) return fail(read.error());
  }
  out.body = value->text_of("body").value_or("");
  return out;
}

}  // namespace

MessageCall::MessageCall(std::shared_ptr<UpstreamCore> core, MessageSockets& sockets, UpstreamRequest request, UpstreamHandler& handler)
    : core_(std::move(core)), sockets_(sockets), request_(std::move(request)), handler_(handler), ticket_(std::make_shared<Ticket>()) {
  ticket_->call = this;
  ticket_->loop = &core_->loop;
}

MessageCall::~MessageCall() {
  core_->forget(*this);
  const std::lock_guard lock(ticket_->mutex);
  ticket_->call = nullptr;
  ticket_->loop = nullptr;
  if (!id_.empty()) sockets_.forget(id_);
}

void MessageCall::start() {
  if (request_.body.kind == Framing::none) return dispatch();
  core_->defer(*this);
}

void MessageCall::on_deferred() {
  if (too_large_) return fail(UpstreamError::before_head, "a request to a message socket may have a body of 1 MB");
  handler_.on_send_ready();
}

bool MessageCall::send(Bytes piece, bool last) {
  if (too_large_) return true;
  if (body_.size() + piece.size() > kMaxBody) {
    too_large_ = true;
    core_->defer(*this);
    return true;
  }
  body_.append(piece.view());
  if (last) dispatch();
  return true;
}

void MessageCall::dispatch() {
  id_ = sockets_.new_id();
  const auto& options = core_->options;
  core_->timers().set_in(*this, request_.response_timeout.count() > 0 ? request_.response_timeout : options.response_timeout);
  auto answered = [ticket = ticket_](std::optional<std::string> answer) {
    const std::lock_guard lock(ticket->mutex);
    if (ticket->loop == nullptr) return;
    // On the loop itself nothing else touches the ticket, so it is looked at without the lock there.
    ticket->loop->post([ticket, answer = std::move(answer)] {
      if (ticket->call != nullptr) ticket->call->on_answer(answer);
    });
  };
  sockets_.request(endpoint().message_socket, id_, encode(id_, request_, body_), std::move(answered));
  std::string().swap(body_);
}

void MessageCall::on_timer() { fail(UpstreamError::timeout, "no answer in time"); }

void MessageCall::on_answer(const std::optional<std::string>& answer) {
  cancel();
  id_.clear();
  if (!answer) return fail(UpstreamError::overloaded, "too many requests wait for the message socket");
  auto decoded = decode(*answer);
  if (!decoded) return fail(UpstreamError::before_head, "malformed answer: " + decoded.error().text);
  core_->counts.ok.add();
  const auto ticket = ticket_;  // tells whether the handler destroyed this
  const BodyFraming framing{decoded->body.empty() ? Framing::none : Framing::length, decoded->body.size()};
  handler_.on_head(std::move(decoded->head), framing);
  if (ticket->call != nullptr && !decoded->body.empty()) handler_.on_body(Bytes(std::move(decoded->body)));
  if (ticket->call != nullptr) handler_.on_end();
}

void MessageCall::fail(UpstreamError error, const std::string& text) {
  core_->counts.of(error).add();
  handler_.on_error(error, text);
}

}  // namespace holdfast
