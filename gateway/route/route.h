#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/base/headers.h"
#include "gateway/base/result.h"

namespace holdfast {

// Where requests of a route go.
struct Target {
  enum class Kind { http, test, message_socket, unsupported };
  Kind kind = Kind::http;
  std::string host;  // or the path of a Unix socket, or the address of a message socket
  uint16_t port = 80;
  bool unix_socket = false;
  bool tls = false;
  std::string host_header;  // `host=`: Host header and SNI; with port if given
  bool over_http = false;   // WebSockets travel as WebSocket-over-HTTP
  bool one_event = false;
  std::vector<std::string> subscriptions;  // `sub=`: implicit channels, not prefixed
  bool untrusted = false;
  bool trust_connect_host = false;
  bool insecure = false;
  std::string client_cert, client_key;
};

// A route that needs no backend: the path says which channels a client listens to.
struct DirectHold {
  enum class Mode { response, stream, websocket };
  Mode mode = Mode::stream;
  std::vector<std::string> channels;  // templates: "{name}" is a segment of the path; "{name*}" at the end is the rest
  std::string content_type = "text/event-stream";
  int64_t timeout_seconds = 55;     // response mode: an empty answer after it
  int64_t keep_alive_seconds = 25;  // stream and websocket mode; 0: none
};

enum class Protocol { any, http, websocket };
enum class JsonpMode { extended, basic };

struct Route {
  // Condition.
  std::string domain;  // lower case; "*" for every domain without routes of its own; "" only with an id
  Protocol protocol = Protocol::any;
  std::optional<bool> tls;
  std::string path_begin;                    // plain prefix of the encoded path
  std::optional<std::string> path_template;  // "/events/{channel}" (YAML only): the whole path must match
  std::string id;

  // What is done with the request.
  std::string signature_issuer, signature_key;  // empty: the node's
  std::string prefix;                           // before every channel the backend names
  uint64_t path_remove = 0;
  std::optional<std::string> replace_begin;
  std::string as_host;
  std::vector<std::pair<std::string, std::string>> set_headers;  // an empty value removes
  bool debug = false;
  bool no_grip = false;
  bool cross_origin = false;  // `aco`: CORS and JSON-P
  JsonpMode jsonp_mode = JsonpMode::extended;
  std::string jsonp_callback = "callback";
  std::string jsonp_body;
  std::string jsonp_default_callback;
  std::string jsonp_default_method;
  bool original_headers = false;
  bool session = false;
  bool answer_pings = false;         // a WebSocket client's pings are answered here and not by the backend
  std::vector<std::string> origins;  // that may open WebSockets: "https://host[:port]", or "same" for the Host's own; empty: all
  std::string sockjs_prefix, sockjs_as_path;
  int log_level = -1;

  std::vector<Target> targets;
  std::optional<DirectHold> hold;  // then there are no targets

  std::string where;  // "routes:12" or "holdfast.yaml:30", for logs and errors
};

struct RouteQuery {
  std::string_view host;  // Host header as sent, port included
  std::string_view path;  // encoded path with query
  bool websocket = false;
  bool tls = false;           // after X-Forwarded-Proto was judged
  std::string_view route_id;  // Pushpin-Route, when accepted; empty: none
};

struct RouteMatch {
  const Route* route = nullptr;
  std::vector<std::pair<std::string, std::string>> parameters;  // of path_template, percent-decoded
};

// An immutable set of routes. Threads: any; loops share one by shared_ptr and keep the one they started a request with.
class RouteTable {
 public:
  // Order of `routes` decides only between otherwise equal ones: the first wins, later ones are dropped and named in `warnings`.
  static std::shared_ptr<const RouteTable> make(std::vector<Route> routes, std::vector<std::string>* warnings = nullptr);

  // Domain, then proto, then the longest path, then ssl, as Pushpin chooses. Null route: nothing matches.
  RouteMatch match(const RouteQuery& query) const;
  const std::vector<Route>& routes() const { return routes_; }

 private:
  struct Index;
  std::vector<Route> routes_;
  std::shared_ptr<const Index> index_;
};

// Applies path_rem, replace_beg: the target that is sent to the backend.
std::string rewrite_target(const Route& route, std::string_view target);
// Fills "{name}" from the match's parameters.
Result<std::string> fill_template(std::string_view text, const RouteMatch& match);

// Pushpin's routes file. Bad lines are named in `problems` ("routes:3: ...") and left out; the others are returned.
std::vector<Route> parse_routes_file(std::string_view text, std::string_view file_name, std::vector<std::string>& problems);

// One route in key-value form, as config/ reads it from YAML `routes:`. Keys have the same meaning as in the file, spelled out; see the
// table in docs/routes.md. `values` may repeat a key.
struct RouteFields {
  std::vector<std::pair<std::string, std::string>> match_and_options;
  std::vector<std::vector<std::pair<std::string, std::string>>> targets;
  std::vector<std::pair<std::string, std::string>> hold;  // empty: not a direct route
  std::string where;
};
Result<Route> make_route(const RouteFields& fields);

// The keys that make_route knows, in every spelling, for schemas and completions.
struct RouteKey {
  std::string_view name;
  bool is_switch = false;  // true or false
  bool repeats = false;    // takes a list
};
std::vector<RouteKey> route_keys();
std::vector<RouteKey> target_keys();
std::vector<RouteKey> hold_keys();

}  // namespace holdfast
