#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateway/base/bytes.h"
#include "gateway/base/result.h"
#include "gateway/net/http.h"
#include "gateway/route/route.h"

namespace holdfast {

// CORS headers that `aco` adds where they are absent. `request`: the client's headers.
void add_cors(const Headers& request, Headers& response);
// Only what of the request add_cors looks at, for holds that give the rest away.
Headers cors_request_part(const Headers& request);

// JSON-P: a GET that stands for another request. nullopt: this is an ordinary request.
struct JsonpRequest {
  std::string callback;
  JsonpMode mode = JsonpMode::extended;
  RequestHead head;  // the real request: method, target without the parameters, headers
  Bytes body;
};
// Error (invalid): answer 400 with the text.
Result<std::optional<JsonpRequest>> parse_jsonp(const Route& route, const RequestHead& head);

// The whole answer, always 200 application/javascript. `held`: basic mode drops one final newline.
struct JsonpAnswer {
  ResponseHead head;
  Bytes body;
};
JsonpAnswer wrap_jsonp(const JsonpRequest& request, const ResponseHead& head, std::string_view body, bool held);

}  // namespace holdfast
