#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/http/event_source.h"
#include "gateway/base/result.h"

namespace holdfast::control {

// One HTTP answer of the control side.
struct Answer {
  int status = 200;
  std::string type = "text/plain";
  std::string body;
  std::vector<std::pair<std::string, std::string>> fields = {};
  std::shared_ptr<EventSource> events = {};  // in the place of a body: what comes, as server-sent events
};

// As HTTP/1.1 puts it on the wire. `fields` come from us, never from a peer.
std::string render(const Answer& answer, bool with_body, bool close);

// The body of the request being answered, read on demand so that a refused request is never buffered.
class RequestBody {
 public:
  virtual ~RequestBody() = default;
  // Once. Errors: too_large (limit passed; nothing beyond the limit is kept), invalid (bad framing), timeout, unavailable (peer gone).
  virtual Result<std::string> read(uint64_t limit) = 0;
};

// Who is at the other end of the connection.
class Peer {
 public:
  virtual ~Peer() = default;
  virtual std::string address() const = 0;  // "" if it cannot be told
  // What its certificate says of its owner, if it showed one that was verified: common name, DNS names, URIs, mail addresses.
  virtual const std::vector<std::string>& certificate_names() const = 0;
};

struct Request {
  std::string_view method;
  std::string_view path;   // as sent, without the query
  std::string_view query;  // without the question mark
  std::string_view accept;
  std::string_view authorization;
  std::string_view idempotency_key;  // empty: none
  std::string_view host;
  std::string_view origin;        // empty: none
  std::string_view content_type;  // empty: none
  std::string_view from_page;     // X-Holdfast-Page: what only a page of ours sends
  std::string_view traceparent;   // the trace that the request belongs to; empty: none
  std::string_view last_event_id;
  const Peer& peer;
  RequestBody& body;
};

// Answers requests. Threads: any number at once.
class RequestHandler {
 public:
  virtual ~RequestHandler() = default;
  virtual Answer answer(const Request& request) = 0;
};

}  // namespace holdfast::control
