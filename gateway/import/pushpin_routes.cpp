#include "gateway/import/pushpin_routes.h"

#include <algorithm>
#include <set>
#include <vector>

#include "gateway/base/text.h"
#include "gateway/config/yaml_text.h"
#include "gateway/route/route_options.h"
#include "gateway/route/routes_line.h"
#include "gateway/route/target_options.h"
#include "gateway/route/words.h"

namespace holdfast::importing {

namespace {

using route::LineSection;
using route::OptionRule;

constexpr size_t kLongestLine = 65536;

template <class Subject>
const OptionRule<Subject>* find_word(std::span<const OptionRule<Subject>> rules, std::string_view word) {
  const auto found = std::find_if(rules.begin(), rules.end(), [&](const auto& rule) { return !rule.word.empty() && rule.word == word; });
  return found == rules.end() ? nullptr : &*found;
}

// One option as it goes into YAML.
struct Entry {
  std::string key;
  std::vector<std::string> values;
  bool is_switch = false;
  bool repeats = false;
};

class RouteLine {
 public:
  RouteLine(std::string where, Imported& out) : where_(std::move(where)), out_(out) {}

  // The lines of one list element; empty: the line was not usable, which is noted.
  std::string yaml(std::string_view line) {
    auto sections = line.size() > kLongestLine ? invalid("the line is longer than 65536 bytes") : route::cut_line(line);
    if (!sections) return refuse(sections.error().text);
    if (sections->empty()) return {};
    if (sections->size() < 2) return refuse("a line has a condition and at least one target");
    std::vector<Entry> condition;
    const std::string domain = sections->front().value;
    Route scratch;
    if (auto taken = take(sections->front(), "domain", domain, route::route_rules(), scratch, condition); !taken)
      return refuse(taken.error().text);
    if (domain.empty() && scratch.id.empty()) return refuse("a route without a domain needs an id");
    condition_ = domain_key(scratch);
    warn_of(scratch);
    std::string targets;
    for (size_t i = 1; i < sections->size(); ++i) {
      if (!add_target((*sections)[i], targets)) return {};
    }
    if (targets.empty()) return refuse("no target is left");
    return element(condition, 2) + "    targets:\n" + targets;
  }

  // Routes with the same one exclude each other; of id alone: never.
  const std::string& condition() const { return condition_; }

 private:
  std::string refuse(std::string_view why) {
    out_.note(Note::Kind::lost, where_, {}, std::string(why) + ": the line is left out, so other routes may take its requests");
    return {};
  }

  void warn_of(const Route& route) {
    if (!route.sockjs_prefix.empty() && route.sockjs_as_path.empty()) {
      out_.note(Note::Kind::warning, where_, {},
                "by xhr and jsonp the backend sees a WebSocket at " + route.sockjs_prefix + "/websocket, where Pushpin has it at " +
                    route.sockjs_prefix + "; sockjs_as_path names another path for all transports");
    }
  }

  static std::string domain_key(const Route& route) {
    if (route.domain.empty()) return {};
    return route.domain + '\n' + std::to_string(static_cast<int>(route.protocol)) + (route.tls ? *route.tls ? "s" : "p" : "-") +
           route.path_begin;
  }

  bool add_target(const LineSection& section, std::string& targets) {
    if (section.value.starts_with("zhttp/")) {
      out_.note(Note::Kind::lost, where_, {},
                "the target " + section.value + " is left out: zhttp/ (three sockets) is not offered; zhttpreq/ is, and so is HTTP");
      return true;
    }
    std::vector<Entry> entries;
    Target scratch;
    if (auto taken = take(section, "address", section.value, route::target_rules(), scratch, entries); !taken) {
      refuse(taken.error().text);
      return false;
    }
    if (auto sane = route::check_target(scratch); !sane) {
      refuse(sane.error().text);
      return false;
    }
    if (scratch.kind == Target::Kind::test) {
      out_.note(Note::Kind::warning, where_, {},
                "whoever reaches the target test can listen to any channel, as with Pushpin: take it away on a public node");
    }
    targets += element(entries, 6);
    return true;
  }

  // Errors: invalid, what Pushpin could not use either.
  template <class Subject>
  Result<void> take(const LineSection& section, std::string_view first_key, const std::string& first,
                    std::span<const OptionRule<Subject>> rules, Subject& scratch, std::vector<Entry>& entries) {
    route::OptionReader<Subject> reader(scratch, rules, route::Spelling::yaml);
    if (auto done = reader.apply(first_key, first); !done) return done;
    entries.push_back({std::string(first_key), {first}});
    for (const auto& [name, value] : section.options) {
      const OptionRule<Subject>* rule = find_word(rules, name);
      if (rule == nullptr) {
        out_.note(Note::Kind::warning, where_, {}, "Pushpin ignores the option " + route::shown(name) + ": it is left out");
      } else {
        put(*rule, name, value.value_or(""), entries);
      }
    }
    for (const Entry& entry : std::vector(entries.begin() + 1, entries.end())) {
      for (const auto& value : entry.values) {
        if (auto done = reader.apply(entry.key, value); !done) return done;
      }
    }
    return {};
  }

  template <class Subject>
  void put(const OptionRule<Subject>& rule, const std::string& name, const std::string& value, std::vector<Entry>& entries) {
    const std::string key(rule.keys[0].empty() ? rule.word : rule.keys[0]);
    auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.key == key; });
    const bool is_switch = rule.flag != nullptr;
    if (is_switch && !value.empty() && route::parse_switch(value) != true)
      out_.note(Note::Kind::warning, where_, {}, name + "=" + value + " switches it on, as with Pushpin: take it away if it is to be off");
    const std::string written = is_switch ? "true" : value;
    if (found == entries.end()) return entries.push_back({key, {written}, is_switch, rule.repeats});
    if (rule.repeats) return found->values.push_back(value);
    if (!is_switch) out_.note(Note::Kind::warning, where_, {}, name + " is given twice: the last one counts, as with Pushpin");
    found->values = {written};
  }

  std::string element(const std::vector<Entry>& entries, size_t indent) {
    std::string out;
    for (const Entry& entry : entries) {
      const bool first = out.empty();
      out.append(indent, ' ').append(first ? "- " : "  ").append(entry.key).append(": ");
      if (entry.repeats) {
        out += '[';
        for (size_t i = 0; i < entry.values.size(); ++i) out.append(i == 0 ? "" : ", ").append(yaml_text(entry.values[i]));
        out += ']';
      } else {
        out += entry.is_switch ? "true" : yaml_text(entry.values.front());
      }
      out += '\n';
    }
    return out;
  }

  const std::string where_;
  Imported& out_;
  std::string condition_;
};

}  // namespace

RoutesYaml routes_yaml(std::string_view text, std::string_view file_name, Imported& out) {
  RoutesYaml all;
  std::set<std::string> conditions;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  size_t number = 0;
  for (std::string_view line : split(text, '\n')) {
    const std::string where = std::string(file_name) + ":" + std::to_string(++number);
    if (line.ends_with('\r')) line.remove_suffix(1);
    RouteLine reader(where, out);
    const std::string yaml = reader.yaml(line);
    if (yaml.empty()) continue;
    if (!reader.condition().empty() && !conditions.insert(reader.condition()).second) {
      out.note(Note::Kind::warning, where, {}, "an earlier line has the same condition: Pushpin does not use this one, and it is left out");
      continue;
    }
    all.yaml += comment("# ", where, 2) + yaml;
    ++all.count;
  }
  if (!all.yaml.empty()) all.yaml = "\nroutes:\n" + all.yaml;
  return all;
}

}  // namespace holdfast::importing
