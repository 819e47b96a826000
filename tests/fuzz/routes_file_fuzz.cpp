// A routes file of any content must give routes, problems, or both; and every table made of it must answer every request.
#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/route/route.h"
#include "tests/fuzz/check.h"

namespace {

using namespace holdfast;

void match_everything(const RouteTable& table, std::string_view host, std::string_view path, std::string_view id) {
  for (const bool websocket : {false, true}) {
    for (const bool tls : {false, true}) {
      const RouteMatch match = table.match({.host = host, .path = path, .websocket = websocket, .tls = tls, .route_id = id});
      if (match.route == nullptr) continue;
      const std::string target = rewrite_target(*match.route, path);
      check(!path.starts_with('/') || target.starts_with('/'));
      check(target.find_first_of("\r\n ") == std::string::npos || path.find_first_of("\r\n ") != std::string_view::npos);
      (void)fill_template(path, match);
    }
  }
}

void check_route(const Route& route) {
  check(!route.targets.empty());
  check(!route.domain.empty() || !route.id.empty());
  for (const auto& [name, value] : route.set_headers) check((name + value).find_first_of("\r\n") == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> problems;
  std::vector<Route> routes = parse_routes_file(text, "routes", problems);
  for (const Route& route : routes) check_route(route);
  for (const std::string& problem : problems) check(problem.starts_with("routes:") && problem.size() < 1000);

  // The same bytes again as what configuration and requests are made of.
  const std::string head(text.substr(0, 200));
  Route with_template;
  with_template.domain = "*";
  with_template.path_template = head;
  routes.push_back(with_template);
  (void)make_route({{{"path", head}, {"headers", head}}, {}, {{"channels", head}, {"timeout", head}}, "fuzz"});

  std::vector<std::string> warnings;
  const auto table = RouteTable::make(std::move(routes), &warnings);
  match_everything(*table, "app.test:80", "/", "");
  match_everything(*table, head, "/" + head, "");
  match_everything(*table, "[::1]", head, head);
  for (size_t i = 0; i < table->routes().size() && i < 20; ++i) {
    const Route& route = table->routes()[i];
    match_everything(*table, route.domain, route.path_begin + "/x?q", route.id);
  }
  return 0;
}
