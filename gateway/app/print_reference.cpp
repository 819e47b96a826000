#include <cstdio>

#include "gateway/app/load.h"
#include "gateway/app/load_auth.h"
#include "gateway/app/serve.h"
#include "gateway/config/json_schema.h"
#include "gateway/config/reference.h"
#include "gateway/config/yaml_text.h"

namespace holdfast {

namespace {

const std::vector<StructureHelp>& structures() {
  static const std::vector<StructureHelp> kStructures = {
      {"listen", "Where clients connect. Without it: 127.0.0.1:7999.",
       "listen:\n  - address: 127.0.0.1:7999\n  - address: \"[::]:7443\"\n    tls:\n      - {cert: site.crt, key: site.key}\n"
       "  - address: unix:/run/holdfast.sock\n    mode: \"660\""},
      {"routes", "Which requests go where; docs/routes.md has every key.",
       "routes:\n  - path: /events/{channel}\n    hold: {mode: stream, channels: [\"{channel}\"], content_type: text/event-stream}\n"
       "  - domain: example.com\n    path_begins: /api/\n    targets:\n      - address: 127.0.0.1:8000"},
      {kCallersKey,
       "Who may use the control side, by a token or a client certificate, and what for; docs/control-api.md. publish and read are "
       "beginnings "
       "of channels' names, \"\" stands for all.",
       "control.auth.callers:\n  - name: billing\n    token_file: billing.token\n    publish: [billing/]\n    rate: 100\n    burst: 500\n"
       "  - name: operator\n    certificate: ops.example.com\n    publish: [\"\"]\n    read: [\"\"]\n    operate: true"},
      {kIssuersKey, "Whose signed tokens (JWT) are taken. default_rights (none, publish, all) is for tokens without a claim \"holdfast\".",
       "control.auth.jwt:\n  - issuer: realm\n    key_file: realm.key\n    default_rights: publish\n  - issuer: https://id.example.com\n"
       "    audience: holdfast\n    jwks_file: id.jwks\n    max_lifetime: 1h\n    leeway: 1m\n    publish: [app/]\n    read: [app/]"}};
  return kStructures;
}

constexpr std::string_view kListenSchema =
    R"({"description": "Where clients connect.", "type": "array", "items": {"type": "object", "additionalProperties": false,
      "required": ["address"], "properties": {
        "address": {"description": "HOST:PORT, [IPV6]:PORT or unix:PATH.", "type": "string"},
        "mode": {"description": "Octal file mode of a Unix socket.", "type": "string", "pattern": "^[0-7]{3,4}$"},
        "tls": {"type": "array", "items": {"type": "object", "additionalProperties": false, "required": ["cert", "key"],
          "properties": {"cert": {"type": "string"}, "key": {"type": "string"}}}}}}})";

constexpr std::string_view kCallersSchema =
    R"({"description": "Who may use the control side, and what for.", "type": "array", "items": {"type": "object", "additionalProperties": false,
      "required": ["name"], "properties": {
        "name": {"type": "string"}, "token": {"type": "string", "writeOnly": true}, "token_file": {"type": "string"}, "certificate": {"type": "string"},
        "publish": {"type": "array", "items": {"type": "string"}}, "read": {"type": "array", "items": {"type": "string"}},
        "operate": {"type": "boolean"}, "rate": {"type": "integer", "minimum": 0}, "burst": {"type": "integer", "minimum": 0}}}})";

constexpr std::string_view kIssuersSchema =
    R"({"description": "Whose signed tokens (JWT) are taken.", "type": "array", "items": {"type": "object", "additionalProperties": false,
      "properties": {
        "issuer": {"type": "string"}, "audience": {"type": "string"}, "secret": {"type": "string", "writeOnly": true}, "key_file": {"type": "string"},
        "jwks_file": {"type": "string"}, "max_lifetime": {"type": ["integer", "string"]}, "leeway": {"type": ["integer", "string"]},
        "default_rights": {"type": "string", "enum": ["none", "publish", "all"]},
        "publish": {"type": "array", "items": {"type": "string"}}, "read": {"type": "array", "items": {"type": "string"}},
        "operate": {"type": "boolean"}, "rate": {"type": "integer", "minimum": 0}, "burst": {"type": "integer", "minimum": 0}}}})";

constexpr std::string_view kScalar = R"({"type": ["string", "number", "boolean"]})";
constexpr std::string_view kScalars =
    R"({"type": ["string", "number", "boolean", "array"], "items": {"type": ["string", "number", "boolean"]}})";
constexpr std::string_view kSwitch = R"({"type": ["boolean", "string"]})";

// Forms of values are the business of the route's own rules; what a schema is good for here is a key that nobody knows.
std::string map_schema(const std::vector<RouteKey>& keys, std::string_view more) {
  std::string out = R"({"type": "object", "additionalProperties": false, "properties": {)";
  for (const RouteKey& key : keys) {
    out.append("\n        ").append(quoted_text(key.name)).append(": ");
    out.append(key.is_switch ? kSwitch : key.repeats ? kScalars : kScalar).append(",");
  }
  if (more.empty()) out.pop_back();
  return out.append(more).append("}}");
}

std::string routes_schema() {
  const std::string more = "\n        \"targets\": {\"type\": \"array\", \"items\": " + map_schema(target_keys(), "") +
                           "},\n        \"hold\": " + map_schema(hold_keys(), "");
  return R"({"description": "Which requests go where.", "type": "array", "items": )" + map_schema(route_keys(), more) + "}";
}

std::string reference(const OptionSet& options, ReferenceForm form) {
  switch (form) {
    case ReferenceForm::yaml:
      return reference_yaml(options, structures());
    case ReferenceForm::markdown:
      return reference_markdown(options);
    case ReferenceForm::json_schema:
      return json_schema(options, {{"listen", std::string(kListenSchema)},
                                   {"routes", routes_schema()},
                                   {kCallersKey, std::string(kCallersSchema)},
                                   {kIssuersKey, std::string(kIssuersSchema)}});
  }
  return {};
}

}  // namespace

int print_reference(ReferenceForm form) {
  const Loaded defaults;
  std::fputs(reference(defaults.options, form).c_str(), stdout);
  return 0;
}

}  // namespace holdfast
