#include "gateway/net/head_check.h"

#include <cstring>

#include <boost/beast/http/basic_parser.hpp>

namespace holdfast {

namespace http = boost::beast::http;
using BeastView = boost::beast::string_view;

namespace {

std::string_view view(BeastView text) { return {text.data(), text.size()}; }

// Collects what Beast's parser says about a head; its streams and containers are not used.
template <bool isRequest, class Head>
class HeadParser : public http::basic_parser<isRequest> {
 public:
  HeadParser(Head& head, size_t max_bytes) : head_(head) {
    this->header_limit(static_cast<std::uint32_t>(max_bytes));
    this->skip(true);  // bodies are decoded elsewhere
  }

  int version = 11;

 protected:
  using error_code = boost::beast::error_code;

  void on_request_impl(http::verb, BeastView method, BeastView target, int v, error_code&) override {
    if constexpr (isRequest) {
      head_.method = view(method);
      head_.target = view(target);
    }
    version = v;
  }
  void on_response_impl(int status, BeastView reason, int v, error_code&) override {
    if constexpr (!isRequest) {
      head_.status = status;
      head_.reason = view(reason);
    }
    version = v;
  }
  void on_field_impl(http::field, BeastView name, BeastView value, error_code&) override { head_.headers.add(view(name), view(value)); }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(boost::optional<std::uint64_t> const&, error_code&) override {}
  std::size_t on_body_impl(BeastView body, error_code&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, BeastView, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, BeastView body, error_code&) override { return body.size(); }
  void on_finish_impl(error_code&) override {}

 private:
  Head& head_;
};

// What Beast takes although RFC 9112 says no: folded lines, and line ends other than CRLF anywhere.
const char* check_lines(std::string_view bytes) {
  size_t start = 0;
  bool first = true;
  while (start < bytes.size()) {
    const size_t end = bytes.find('\n', start);
    if (end == std::string_view::npos || end == start || bytes[end - 1] != '\r') return "line ends must be CRLF";
    const std::string_view line = bytes.substr(start, end - 1 - start);
    if (std::memchr(line.data(), '\r', line.size()) != nullptr) return "bare CR in the head";
    if (std::memchr(line.data(), '\0', line.size()) != nullptr) return "NUL in the head";
    if (!first && !line.empty() && (line[0] == ' ' || line[0] == '\t')) return "folded header line";
    first = false;
    start = end + 1;
  }
  return nullptr;
}

// One Content-Length, digits only; a list of equal values is one (RFC 9110 section 8.6).
struct Lengths {
  bool any = false;
  bool bad = false;
  uint64_t value = 0;
};
Lengths content_length(const Headers& headers) {
  Lengths out;
  for (const auto& [name, value] : headers) {
    if (!iequals(name, "Content-Length")) continue;
    const auto number = parse_uint(value);
    if (!number || (out.any && *number != out.value)) {
      out.bad = true;
      return out;
    }
    out.any = true;
    out.value = *number;
  }
  return out;
}

enum class Coding { absent, chunked, bad };
Coding transfer_coding(const Headers& headers) {
  Coding out = Coding::absent;
  for (const auto& [name, value] : headers) {
    if (!iequals(name, "Transfer-Encoding")) continue;
    if (out != Coding::absent || !iequals(trim(value), "chunked")) return Coding::bad;
    out = Coding::chunked;
  }
  return out;
}

tl::unexpected<HeadError> refuse(int status, std::string text) { return tl::unexpected<HeadError>(HeadError{status, std::move(text)}); }

// "http://host/path" becomes "/path", and its host replaces the Host header (RFC 9112 section 3.2.2).
bool reduce_absolute_form(RequestHead& head) {
  size_t scheme = 0;
  if (istarts_with(head.target, "http://")) scheme = 7;
  if (istarts_with(head.target, "https://")) scheme = 8;
  if (scheme == 0) return false;
  const size_t end = head.target.find_first_of("/?", scheme);
  const std::string host = head.target.substr(scheme, end == std::string::npos ? end : end - scheme);
  std::string rest = end == std::string::npos ? std::string("/") : head.target.substr(end);
  if (rest[0] == '?') rest.insert(0, "/");
  if (host.empty() || host.find('@') != std::string::npos) return false;
  head.headers.set("Host", host);
  head.target = std::move(rest);
  return true;
}

bool valid_host(std::string_view host) {
  for (const char c : host) {
    const auto u = static_cast<unsigned char>(c);
    if (u <= 0x20 || u == 0x7f || std::strchr("/?#@\\<>\"^`{|},", c) != nullptr) return false;
  }
  return true;
}

}  // namespace

size_t find_head_end(std::string_view bytes, size_t from) {
  from = from > 3 ? from - 3 : 0;
  const size_t at = bytes.find("\r\n\r\n", from);
  return at == std::string_view::npos ? at : at + 4;
}

tl::expected<std::pair<RequestHead, BodyFraming>, HeadError> parse_request_head(std::string_view bytes, const HeadLimits& limits) {
  if (bytes.size() > limits.max_bytes) return refuse(431, "Request head too large.");
  if (const char* problem = check_lines(bytes)) return refuse(400, std::string("Malformed request: ") + problem + ".");

  RequestHead head;
  head.headers.reserve(12);
  HeadParser<true, RequestHead> parser(head, limits.max_bytes);
  boost::beast::error_code error;
  parser.put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
  if (error == http::error::bad_version) return refuse(505, "HTTP version not supported.");
  if (error == http::error::header_limit) return refuse(431, "Request head too large.");
  if (error || !parser.is_header_done()) return refuse(400, "Malformed request: " + (error ? error.message() : "incomplete head") + ".");
  head.minor_version = parser.version % 10;

  if (head.headers.size() > limits.max_fields) return refuse(431, "Too many header fields.");
  if (head.target.size() > limits.max_target) return refuse(414, "Request target too long.");
  if (head.method == "CONNECT") return refuse(501, "CONNECT is not offered.");
  for (const auto& [name, value] : head.headers) {
    if (!is_field_value(value)) return refuse(400, "Malformed request: control character in header " + name + ".");
  }

  const size_t hosts = static_cast<size_t>(
      std::count_if(head.headers.begin(), head.headers.end(), [](const auto& field) { return iequals(field.first, "Host"); }));
  if (hosts > 1) return refuse(400, "Malformed request: several Host headers.");
  if (hosts == 0 && head.minor_version == 1) return refuse(400, "Malformed request: no Host header.");
  const bool absolute = reduce_absolute_form(head);
  if (!absolute && head.target[0] != '/' && !(head.target == "*" && head.method == "OPTIONS")) {
    return refuse(400, "Malformed request: bad request target.");
  }
  if (!valid_host(head.headers.get("Host"))) return refuse(400, "Malformed request: bad Host header.");

  const Lengths lengths = content_length(head.headers);
  const Coding coding = transfer_coding(head.headers);
  if (lengths.bad) return refuse(400, "Malformed request: bad Content-Length.");
  if (coding == Coding::bad) return refuse(400, "Malformed request: only 'Transfer-Encoding: chunked' is understood.");
  if (coding == Coding::chunked && lengths.any) return refuse(400, "Malformed request: both Content-Length and Transfer-Encoding.");
  if (coding == Coding::chunked && head.minor_version == 0) return refuse(400, "Malformed request: Transfer-Encoding in HTTP/1.0.");

  BodyFraming framing;
  if (coding == Coding::chunked) {
    framing.kind = Framing::chunked;
  } else if (lengths.any && lengths.value > 0) {
    framing = {Framing::length, lengths.value};
  }
  return std::pair{std::move(head), framing};
}

Result<std::pair<ResponseHead, BodyFraming>> parse_response_head(std::string_view bytes, std::string_view method, bool& keep_alive) {
  ResponseHead head;
  if (const char* problem = check_lines(bytes)) return invalid(problem);
  head.headers.reserve(12);
  HeadParser<false, ResponseHead> parser(head, bytes.size());
  boost::beast::error_code error;
  parser.put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
  if (error || !parser.is_header_done()) return invalid(error ? error.message() : "incomplete head");
  for (const auto& [name, value] : head.headers) {
    if (!is_field_value(value)) return invalid("control character in header " + name);
  }

  bool close = parser.version % 10 == 0;
  for (const auto& [name, value] : head.headers) {
    if (!iequals(name, "Connection")) continue;
    for (const auto token : split(value, ',')) {
      if (iequals(trim(token), "close")) close = true;
      if (iequals(trim(token), "keep-alive") && parser.version % 10 == 0) close = false;
    }
  }
  const Lengths lengths = content_length(head.headers);
  const Coding coding = transfer_coding(head.headers);
  if (lengths.bad) return invalid("bad Content-Length");
  if (coding == Coding::bad) return invalid("unknown Transfer-Encoding");
  if (coding == Coding::chunked && lengths.any) return invalid("both Content-Length and Transfer-Encoding");

  BodyFraming framing;
  if (method == "HEAD" || head.status < 200 || head.status == 204 || head.status == 304) {
    framing.kind = Framing::none;
    if (method == "HEAD") framing.length = lengths.value;
  } else if (coding == Coding::chunked) {
    framing.kind = Framing::chunked;
  } else if (lengths.any) {
    framing = {lengths.value == 0 ? Framing::none : Framing::length, lengths.value};
  } else {
    framing.kind = Framing::until_close;
    close = true;
  }
  keep_alive = !close;
  return std::pair{std::move(head), framing};
}

}  // namespace holdfast
