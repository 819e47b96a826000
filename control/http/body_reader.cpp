#include "control/http/body_reader.h"

#include <algorithm>
#include <charconv>

#include "gateway/base/text.h"

namespace holdfast::control {
namespace {

constexpr uint64_t kThrownAway = 65'536;  // more unread body than this is not worth keeping a connection for
constexpr size_t kLongestLine = 256;
constexpr size_t kExtensions = 16'384;
constexpr size_t kTrailer = 8192;

tl::unexpected<Error> malformed() { return invalid("Malformed chunked body."); }
tl::unexpected<Error> too_large() { return fail(ErrorKind::too_large, "Request body too large."); }

// Hexadecimal digits only: a sign, "0x" or blanks make two parties disagree about where a body ends.
Result<uint64_t> chunk_size(std::string_view line) {
  const std::string_view digits = line.substr(0, line.find(';'));
  uint64_t size = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size, 16);
  if (error != std::errc() || end != digits.data() + digits.size() || !is_field_value(line)) return malformed();
  return size;
}

}  // namespace

Result<std::string> BodyReader::read(uint64_t limit) {
  asked_ = true;
  if (head_.length.value_or(0) > limit) return too_large();
  // A client that waits for a go-ahead gets it unless the body is on its way already.
  if (head_.expect_continue && connection_.input().empty() && !connection_.send("HTTP/1.1 100 Continue\r\n\r\n"))
    return fail(ErrorKind::unavailable, "peer gone");
  if (head_.chunked) return read_chunks(limit);
  std::string body;
  if (auto taken = take(head_.length.value_or(0), body); !taken) return fail(taken.error());
  whole_ = true;
  return body;
}

Result<std::string> BodyReader::read_chunks(uint64_t limit) {
  std::string body;
  size_t extensions = 0;
  for (;;) {
    const auto line = take_line();
    if (!line) return fail(line.error());
    const auto size = chunk_size(*line);
    if (!size) return fail(size.error());
    if (*size == 0) break;
    extensions += line->size() - std::min(line->find(';'), line->size());
    if (extensions > kExtensions) return malformed();
    if (*size > limit - body.size()) return too_large();
    if (auto taken = take(*size, body); !taken) return fail(taken.error());
    const auto end = take_line();
    if (!end) return fail(end.error());
    if (!end->empty()) return malformed();
  }
  if (auto taken = take_trailer(); !taken) return fail(taken.error());
  whole_ = true;
  return body;
}

Result<void> BodyReader::take_trailer() {
  for (size_t seen = 0; seen <= kTrailer;) {
    const auto line = take_line();
    if (!line) return fail(line.error());
    if (line->empty()) return {};
    seen += line->size();
  }
  return malformed();
}

Result<void> BodyReader::take(uint64_t count, std::string& body) {
  // Grows with what arrives, not with what is announced.
  while (count > 0) {
    if (connection_.input().empty())
      if (auto got = more(); !got) return got;
    const std::string_view piece = connection_.input().substr(0, count);
    body.append(piece);
    count -= piece.size();
    connection_.use(piece.size());
  }
  return {};
}

Result<std::string> BodyReader::take_line() {
  for (;;) {
    const std::string_view input = connection_.input();
    const size_t end = input.find('\n');
    if (std::min(end, input.size()) > kLongestLine) return malformed();
    if (end != std::string_view::npos) {
      if (end == 0 || input[end - 1] != '\r') return malformed();
      std::string line(input.substr(0, end - 1));
      connection_.use(end + 1);
      return line;
    }
    if (auto got = more(); !got) return fail(got.error());
  }
}

Result<void> BodyReader::more() {
  connection_.acknowledge();
  if (connection_.receive(deadline_)) return {};
  if (connection_.timed_out()) return fail(ErrorKind::timeout, "The request did not arrive in time.");
  return fail(ErrorKind::unavailable, "peer gone");
}

bool BodyReader::reusable() const {
  if (whole_) return true;
  if (asked_ || head_.chunked || head_.expect_continue) return false;
  return head_.length.value_or(0) <= kThrownAway;
}

bool BodyReader::skip_rest() {
  std::string thrown;
  return whole_ || take(head_.length.value_or(0), thrown).has_value();
}

}  // namespace holdfast::control
