#include "control/http/request_guard.h"

#include <algorithm>

#include "gateway/base/text.h"
#include "gateway/base/trace.h"

namespace holdfast::control {
namespace {

constexpr size_t kMostFields = 100;

tl::unexpected<Answer> refuse(int status, std::string_view text) {
  return tl::unexpected<Answer>(Answer{.status = status, .body = std::string(text) + "\n"});
}

bool all_visible(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

bool lists(std::string_view value, std::string_view word) {
  const auto parts = split(value, ',');
  return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) { return iequals(trim(part), word); });
}

// Collects the fields that decide about framing and access; everything else is only checked.
class HeadCheck {
 public:
  tl::expected<GuardedHead, Answer> run(std::string_view bytes) {
    size_t end = bytes.find("\r\n");
    const std::string_view line = bytes.substr(0, end);
    if (auto good = take_request_line(line); !good) return tl::unexpected(good.error());

    size_t fields = 0;
    for (bytes.remove_prefix(end + 2); bytes != "\r\n"; bytes.remove_prefix(end + 2)) {
      end = bytes.find("\r\n");
      if (++fields > kMostFields) return refuse(431, "Too many request headers.");
      if (auto good = take_field(bytes.substr(0, end)); !good) return tl::unexpected(good.error());
    }
    return finish();
  }

 private:
  static constexpr size_t kMaxIdempotencyKey = 255;
  using Checked = tl::expected<void, Answer>;

  Checked take_request_line(std::string_view line) {
    const auto parts = split(line, ' ');
    if (parts.size() != 3 || !is_token(parts[0]) || !all_visible(parts[1])) return refuse(400, "Malformed request line.");
    if (parts[2] != "HTTP/1.1" && parts[2] != "HTTP/1.0") return refuse(505, "Only HTTP/1.0 and HTTP/1.1 are spoken here.");
    head_.method = parts[0];
    const size_t mark = parts[1].find('?');
    head_.path = parts[1].substr(0, mark);
    if (mark != std::string_view::npos) head_.query = parts[1].substr(mark + 1);
    old_ = parts[2] == "HTTP/1.0";
    return {};
  }

  Checked take_field(std::string_view line) {
    const size_t colon = line.find(':');
    // A blank before the colon and a folded line fail here too: neither makes a token.
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return refuse(400, "Malformed request header.");
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trim(line.substr(colon + 1));
    if (!is_field_value(value)) return refuse(400, "Malformed request header.");

    if (iequals(name, "content-length")) return take_length(value);
    if (iequals(name, "transfer-encoding")) return take_coding(value);
    if (iequals(name, "expect")) return take_expectation(value);
    if (iequals(name, "host") && ++hosts_ > 1) return refuse(400, "More than one Host.");
    if (iequals(name, "host")) head_.host = value;
    if (iequals(name, "origin")) head_.origin = value;
    if (iequals(name, "content-type")) head_.content_type = value;
    if (iequals(name, kTraceparent) && is_traceparent(value)) head_.traceparent = value;
    if (iequals(name, "x-holdfast-page")) head_.from_page = value;
    if (iequals(name, "connection") && lists(value, "close")) head_.keep_alive = false;
    if (iequals(name, "accept")) (head_.accept += head_.accept.empty() ? "" : ",") += value;
    if (iequals(name, "last-event-id")) head_.last_event_id = value;
    if (iequals(name, "authorization")) {
      if (!head_.authorization.empty()) return refuse(400, "More than one Authorization.");
      head_.authorization = value;
    }
    if (iequals(name, "idempotency-key")) {
      std::string_view key = value;
      if (key.size() >= 2 && key.front() == '"' && key.back() == '"') key = key.substr(1, key.size() - 2);
      if (!head_.idempotency_key.empty()) return refuse(400, "More than one Idempotency-Key.");
      if (key.empty() || key.size() > kMaxIdempotencyKey) return refuse(400, "An Idempotency-Key has 1 to 255 characters.");
      head_.idempotency_key = key;
    }
    return {};
  }

  Checked take_length(std::string_view value) {
    const auto length = value.size() <= 18 ? parse_uint(value) : std::nullopt;
    if (!length || head_.length) return refuse(400, "Malformed Content-Length.");
    head_.length = length;
    return {};
  }

  Checked take_coding(std::string_view value) {
    if (head_.chunked || old_ || !iequals(value, "chunked")) return refuse(400, "Unsupported Transfer-Encoding.");
    head_.chunked = true;
    return {};
  }

  Checked take_expectation(std::string_view value) {
    if (!iequals(value, "100-continue")) return refuse(417, "Expectation failed.");
    head_.expect_continue = !old_;
    return {};
  }

  tl::expected<GuardedHead, Answer> finish() {
    if (head_.chunked && head_.length) return refuse(400, "Content-Length and Transfer-Encoding exclude each other.");
    if (hosts_ == 0 && !old_) return refuse(400, "No Host.");
    if (old_) head_.keep_alive = false;
    return std::move(head_);
  }

  GuardedHead head_;
  bool old_ = false;
  int hosts_ = 0;
};

}  // namespace

tl::expected<GuardedHead, Answer> check_head(std::string_view bytes) { return HeadCheck().run(bytes); }

size_t find_head_end(std::string_view bytes) {
  const size_t end = bytes.find("\r\n\r\n");
  return end == std::string_view::npos ? end : end + 4;
}

}  // namespace holdfast::control
