#include "gateway/session/sockjs/sockjs_pages.h"

#include <random>

#include "gateway/session/sockjs/sockjs_request.h"

namespace holdfast {

namespace {

constexpr std::string_view kYear = "31536000";

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string iframe_page(const std::string& script_url) {
  return R"(<!DOCTYPE html>
<html>
<head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
  <script src=")" +
         escape_html(script_url) + R"("></script>
  <script>
    document.domain = document.domain;
    SockJS.bootstrap_iframe();
  </script>
</head>
<body>
  <h2>Don't panic!</h2>
  <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>
</body>
</html>
)";
}

// FNV-1a: the same on every node and version, so that any of them can say "not modified".
std::string entity_tag(std::string_view text) {
  uint64_t hash = 14695981039346656037U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  char out[20];
  std::snprintf(out, sizeof out, "\"%016llx\"", static_cast<unsigned long long>(hash));
  return out;
}

bool lists_tag(std::string_view header, std::string_view tag) {
  for (auto entry : split(header, ',')) {
    entry = trim(entry);
    if (entry.starts_with("W/")) entry.remove_prefix(2);
    if (entry == tag || entry == "*") return true;
  }
  return false;
}

}  // namespace

void answer_sockjs_info(Exchange& exchange, const RequestHead& request) {
  const auto entropy = static_cast<uint32_t>(std::random_device{}());
  const std::string json = R"({"websocket":true,"origins":["*:*"],"cookie_needed":false,"entropy":)" + std::to_string(entropy) + "}";
  answer_sockjs(exchange, request.headers.get("Origin"), 200, "application/json; charset=UTF-8", json);
}

void answer_sockjs_iframe(Exchange& exchange, const RequestHead& request, const std::string& script_url) {
  const std::string page = iframe_page(script_url);
  const std::string tag = entity_tag(page);
  ResponseHead head;
  head.headers.add("Cache-Control", "public, max-age=" + std::string(kYear));
  head.headers.add("ETag", tag);
  add_sockjs_cors(request.headers.get("Origin"), head.headers);
  if (lists_tag(request.headers.get("If-None-Match"), tag)) {
    head.status = 304;
    return answer_sockjs(exchange, head, {});
  }
  head.headers.add("Content-Type", "text/html; charset=UTF-8");
  answer_sockjs(exchange, head, Bytes(page));
}

void answer_sockjs_preflight(Exchange& exchange, const RequestHead& request, std::string_view methods) {
  ResponseHead head;
  head.status = 204;
  head.headers.add("Cache-Control", "public, max-age=" + std::string(kYear));
  head.headers.add("Access-Control-Allow-Methods", "OPTIONS, " + std::string(methods));
  head.headers.add("Access-Control-Max-Age", kYear);
  if (const auto asked = request.headers.get("Access-Control-Request-Headers"); !asked.empty()) {
    head.headers.add("Access-Control-Allow-Headers", asked);
  }
  add_sockjs_cors(request.headers.get("Origin"), head.headers);
  answer_sockjs(exchange, head, {});
}

}  // namespace holdfast
