#include <algorithm>

#include "gateway/base/options.h"
#include "gateway/base/text.h"
#include "gateway/route/checks.h"
#include "gateway/route/path_template.h"
#include "gateway/route/route.h"
#include "gateway/route/route_options.h"
#include "gateway/route/target_options.h"

namespace holdfast {

namespace {

using route::OptionReader;
using route::OptionRule;
using route::PathTemplate;
using route::shown;
using route::Spelling;

using Fields = std::vector<std::pair<std::string, std::string>>;

constexpr std::chrono::hours kLongestHold{24};

Result<void> set_mode(DirectHold& hold, std::string_view value) {
  if (value == "response") {
    hold.mode = DirectHold::Mode::response;
  } else if (value == "stream") {
    hold.mode = DirectHold::Mode::stream;
  } else if (value == "websocket") {
    hold.mode = DirectHold::Mode::websocket;
  } else {
    return invalid("expected response, stream or websocket, not " + shown(value));
  }
  return {};
}

Result<void> add_channel(DirectHold& hold, std::string_view value) {
  if (auto sane = route::check_text(value); !sane) return sane;
  hold.channels.emplace_back(value);
  return {};
}

Result<void> set_content_type(DirectHold& hold, std::string_view value) {
  if (!is_field_value(value) || value.find('/') == std::string_view::npos) return invalid("expected a media type, not " + shown(value));
  hold.content_type = value;
  return {};
}

Result<int64_t> whole_seconds(std::string_view text, Duration shortest) {
  const auto value = parse_duration(text);
  if (!value) return fail(value.error());
  if (*value % std::chrono::seconds(1) != Duration::zero()) return invalid("expected whole seconds, not " + shown(text));
  if (*value < shortest || *value > kLongestHold) return invalid(shown(text) + " is outside " + format_duration(shortest) + " to 24h");
  return std::chrono::duration_cast<std::chrono::seconds>(*value).count();
}

Result<void> set_timeout(DirectHold& hold, std::string_view value) {
  const auto seconds = whole_seconds(value, std::chrono::seconds(1));
  if (!seconds) return fail(seconds.error());
  hold.timeout_seconds = *seconds;
  return {};
}

Result<void> set_keep_alive(DirectHold& hold, std::string_view value) {
  const auto seconds = whole_seconds(value, Duration::zero());
  if (!seconds) return fail(seconds.error());
  hold.keep_alive_seconds = *seconds;
  return {};
}

const OptionRule<DirectHold> kHoldRules[] = {
    {.name = "mode", .word = "", .keys = {"mode"}, .set = set_mode},
    {.name = "channels", .word = "", .keys = {"channels", "channel"}, .set = add_channel, .repeats = true},
    {.name = "content_type", .word = "", .keys = {"content_type"}, .set = set_content_type},
    {.name = "timeout", .word = "", .keys = {"timeout"}, .set = set_timeout},
    {.name = "keep_alive", .word = "", .keys = {"keep_alive"}, .set = set_keep_alive},
};

template <class Subject>
Result<void> apply_fields(OptionReader<Subject>& reader, const Fields& fields) {
  for (const auto& [name, value] : fields) {
    if (auto done = reader.apply(name, value); !done) return done;
  }
  return {};
}

template <class Subject>
std::vector<RouteKey> keys_of(std::span<const OptionRule<Subject>> rules) {
  std::vector<RouteKey> keys;
  const auto add = [&keys](const OptionRule<Subject>& rule, std::string_view name) {
    const bool known = std::any_of(keys.begin(), keys.end(), [&](const RouteKey& key) { return key.name == name; });
    if (!name.empty() && !known) keys.push_back({name, rule.flag != nullptr, rule.repeats});
  };
  for (const auto& rule : rules) {
    for (const std::string_view key : rule.keys) add(rule, key);
    add(rule, rule.word);
  }
  return keys;
}

Result<Target> read_target(const Fields& fields) {
  Target target;
  route::TargetReader reader(target, route::target_rules(), Spelling::yaml);
  if (auto done = apply_fields(reader, fields); !done) return fail(done.error());
  if (!reader.given("address")) return invalid("address is missing");
  if (target.kind == Target::Kind::unsupported) return invalid("address: zhttp targets are not offered; zhttpreq targets are");
  if (auto sane = route::check_target(target); !sane) return fail(sane.error());
  return target;
}

// Every parameter that a channel uses must come from the path.
Result<void> check_channel(const std::string& channel, const std::optional<PathTemplate>& path) {
  std::string_view missing;
  const bool paired = route::walk_template(
      channel, [](std::string_view) {},
      [&](std::string_view name) {
        if (!path || !path->names(name)) missing = name;
      });
  if (!paired) return invalid("channel " + shown(channel) + ": a parameter is written {name}");
  if (!missing.empty()) return invalid("channel " + shown(channel) + ": the route's path has no parameter {" + std::string(missing) + "}");
  return {};
}

Result<DirectHold> read_hold(const Fields& fields, const Route& route) {
  DirectHold hold;
  route::OptionReader<DirectHold> reader(hold, kHoldRules, Spelling::yaml);
  if (auto done = apply_fields(reader, fields); !done) return fail(done.error());
  if (hold.channels.empty()) return invalid("channels is missing");
  std::optional<PathTemplate> path;
  if (route.path_template) {
    auto parsed = PathTemplate::parse(*route.path_template);
    if (!parsed) return fail(parsed.error());
    path = *std::move(parsed);
  }
  for (const std::string& channel : hold.channels) {
    if (auto sane = check_channel(channel, path); !sane) return fail(sane.error());
  }
  // An empty answer to a long poll is no event stream.
  if (hold.mode == DirectHold::Mode::response && !reader.given("content_type")) hold.content_type = "text/plain";
  return hold;
}

Result<Route> read_route(const RouteFields& fields) {
  Route out;
  out.where = fields.where;
  route::RouteReader reader(out, route::route_rules(), Spelling::yaml);
  if (auto done = apply_fields(reader, fields.match_and_options); !done) return fail(done.error());
  if (!reader.given("domain")) out.domain = "*";
  if (auto sane = route::check_route(out, reader); !sane) return fail(sane.error());
  if (fields.targets.empty() == fields.hold.empty()) {
    return invalid(fields.hold.empty() ? "a route needs targets or hold" : "a route has targets or hold, not both");
  }
  for (size_t i = 0; i < fields.targets.size(); ++i) {
    auto target = read_target(fields.targets[i]);
    if (!target) return invalid("targets[" + std::to_string(i) + "]: " + target.error().text);
    out.targets.push_back(*std::move(target));
  }
  if (fields.hold.empty()) return out;
  auto hold = read_hold(fields.hold, out);
  if (!hold) return invalid("hold: " + hold.error().text);
  // So that one path can have a route for each.
  const bool for_sockets = hold->mode == DirectHold::Mode::websocket;
  if (out.protocol == Protocol::any) out.protocol = for_sockets ? Protocol::websocket : Protocol::http;
  if (for_sockets != (out.protocol == Protocol::websocket)) {
    return invalid(for_sockets ? "hold: mode websocket answers WebSockets, so protocol can't be http"
                               : "hold answers HTTP requests, so protocol can't be ws");
  }
  out.hold = *std::move(hold);
  return out;
}

}  // namespace

Result<Route> make_route(const RouteFields& fields) {
  auto route = read_route(fields);
  if (!route && !fields.where.empty()) return invalid(fields.where + ": " + route.error().text);
  return route;
}

std::vector<RouteKey> route_keys() { return keys_of(route::route_rules()); }
std::vector<RouteKey> target_keys() { return keys_of(route::target_rules()); }
std::vector<RouteKey> hold_keys() { return keys_of(std::span<const OptionRule<DirectHold>>(kHoldRules)); }

}  // namespace holdfast
