#include "gateway/base/text.h"
#include "gateway/route/host.h"
#include "gateway/route/route.h"
#include "gateway/route/route_options.h"
#include "gateway/route/routes_line.h"
#include "gateway/route/target_options.h"

namespace holdfast {

namespace {

using route::LineSection;
using route::OptionReader;
using route::Spelling;

// Far more than any route needs; a longer line is some other kind of file.
constexpr size_t kLongestLine = 65536;
// Enough to mend a file by; a file of another kind would fill the log.
constexpr size_t kMostProblems = 100;

template <class Subject>
Result<void> apply_options(OptionReader<Subject>& reader, const LineSection& section) {
  for (const auto& [name, value] : section.options) {
    if (auto done = reader.apply(name, value); !done) return done;
  }
  return {};
}

Result<void> read_condition(Route& route, const LineSection& section) {
  if (!section.value.empty()) {
    auto domain = route::parse_domain(section.value);
    if (!domain) return fail(domain.error());
    route.domain = *std::move(domain);
  }
  route::RouteReader reader(route, route::route_rules(), Spelling::routes_file);
  if (auto done = apply_options(reader, section); !done) return done;
  return route::check_route(route, reader);
}

Result<Target> read_target(const LineSection& section) {
  Target target;
  if (auto done = route::set_address(target, section.value); !done) return fail(done.error());
  route::TargetReader reader(target, route::target_rules(), Spelling::routes_file);
  if (auto done = apply_options(reader, section); !done) return fail(done.error());
  if (auto sane = route::check_target(target); !sane) return fail(sane.error());
  return target;
}

// A route without sections is a line without one.
Result<std::optional<Route>> read_line(std::string_view line, const std::string& where) {
  if (line.size() > kLongestLine) return invalid("the line is longer than 65536 bytes");
  auto sections = route::cut_line(line);
  if (!sections) return fail(sections.error());
  if (sections->empty()) return std::optional<Route>();
  if (sections->size() < 2) return invalid("a line has a condition and at least one target, with a blank between them");
  Route out;
  out.where = where;
  if (auto done = read_condition(out, sections->front()); !done) return fail(done.error());
  for (size_t i = 1; i < sections->size(); ++i) {
    auto target = read_target((*sections)[i]);
    if (!target) return invalid("target " + std::to_string(i) + ": " + target.error().text);
    out.targets.push_back(*std::move(target));
  }
  return std::optional<Route>(std::move(out));
}

std::string about_unsupported(const Target& target) {
  const std::string kind = target.host.substr(0, target.host.find('/'));
  return kind + " targets are not offered yet: such a target answers 502";
}

class Problems {
 public:
  explicit Problems(std::vector<std::string>& out) : out_(out) {}
  void add(const std::string& where, const std::string& text) {
    if (++count_ <= kMostProblems) out_.push_back(where + ": " + text);
  }
  void close(std::string_view file_name) {
    if (count_ > kMostProblems) out_.push_back(std::string(file_name) + ": " + std::to_string(count_ - kMostProblems) + " more problems");
  }

 private:
  std::vector<std::string>& out_;
  size_t count_ = 0;
};

}  // namespace

std::vector<Route> parse_routes_file(std::string_view text, std::string_view file_name, std::vector<std::string>& problems) {
  std::vector<Route> out;
  Problems found(problems);
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // the mark that some editors begin UTF-8 with
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::string where = std::string(file_name) + ":" + std::to_string(number);
    auto route = read_line(line, where);
    if (!route) {
      found.add(where, route.error().text);
    } else if (*route) {
      for (const Target& target : (*route)->targets) {
        if (target.kind == Target::Kind::unsupported) found.add(where, about_unsupported(target));
      }
      out.push_back(*std::move(*route));
    }
  }
  found.close(file_name);
  return out;
}

}  // namespace holdfast
