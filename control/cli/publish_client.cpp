#include "control/cli/publish_client.h"

#include <fstream>
#include <istream>
#include <iterator>
#include <ostream>

#include <httplib.h>
#include <nlohmann/json.hpp>

#include "gateway/base/text.h"

namespace holdfast::control {
namespace {

constexpr time_t kPatienceSeconds = 15;  // above the door's own time for the broker

struct Target {
  std::string origin;  // http://host:port
  std::string path;
  std::string name;  // host:port, for people
};

Result<Target> read_url(std::string_view url) {
  const size_t scheme = url.find("://");
  const std::string_view word = url.substr(0, scheme);
  if (scheme == std::string_view::npos || (word != "http" && word != "https"))
    return invalid("--url wants http://HOST:PORT, not '" + std::string(url) + "'");
  const size_t slash = url.find('/', scheme + 3);
  Target target;
  target.origin = url.substr(0, slash);
  target.name = target.origin.substr(scheme + 3);
  if (target.name.empty()) return invalid("--url names no host");
  std::string_view base = slash == std::string_view::npos ? "" : url.substr(slash);
  while (base.ends_with('/')) base.remove_suffix(1);
  target.path = std::string(base) + (base.ends_with("/publish") ? "/" : "/publish/");
  return target;
}

std::string reason(httplib::Error error) {
  switch (error) {
    case httplib::Error::Connection:
      return "nobody answers there";
    case httplib::Error::ConnectionTimeout:
      return "no connection in time";
    case httplib::Error::Read:
      return "no answer came; what was sent may be published or not";
    case httplib::Error::Write:
      return "the connection broke while sending";
    default:
      return httplib::to_string(error);
  }
}

std::string read_all(std::istream& in) { return {std::istreambuf_iterator<char>(in), {}}; }

Result<std::string> read_named(const std::string& file, std::istream& in) {
  if (file == "-") return read_all(in);
  std::ifstream opened(file, std::ios::binary);
  if (!opened) return invalid("cannot read " + file);
  return read_all(opened);
}

Result<httplib::Headers> make_headers(const std::string& token_file, std::istream& in) {
  httplib::Headers headers = {{"Accept", "text/plain"}};
  if (token_file.empty()) return headers;
  const auto content = read_named(token_file, in);
  if (!content) return fail(content.error());
  for (const std::string_view line : split(*content, '\n')) {
    const std::string_view token = trim(line.substr(0, line.find('\r')));
    if (token.empty() || token.front() == '#') continue;
    if (!is_field_value(token)) break;
    headers.emplace("Authorization", "Bearer " + std::string(token));
    return headers;
  }
  return invalid(token_file + " holds no token");
}

Result<PublishBody> make_body(PublishArguments& a, std::istream& in) {
  if (!a.file.empty()) {
    if (!a.channel.empty() || a.text) return invalid("--file takes neither channel nor text");
    const auto content = read_named(a.file, in);
    return content ? read_items(*content) : fail(content.error());
  }
  if (a.text == "-") a.text = read_all(in);
  return make_publish_body(a);
}

// Tells how it ended, in one of the two forms.
class Report {
 public:
  Report(bool json, std::ostream& out, std::ostream& err) : json_(json), out_(out), err_(err) {}

  PublishExit usage(const std::string& text) { return failed(PublishExit::usage, text); }
  PublishExit unreachable(const Target& target, const std::string& why) {
    return failed(PublishExit::unreachable, "cannot reach " + target.name + ": " + why);
  }
  PublishExit refused(const Target& target, int status, std::string_view text) {
    while (text.ends_with('\n')) text.remove_suffix(1);
    return failed(PublishExit::refused, target.name + " answered " + std::to_string(status) + ": " + std::string(text), status);
  }
  PublishExit published(const Target& target, size_t items) {
    if (json_)
      out_ << nlohmann::json{{"published", items}, {"to", target.name}} << "\n";
    else
      out_ << "published " << items << (items == 1 ? " item to " : " items to ") << target.name << "\n";
    return PublishExit::published;
  }

 private:
  PublishExit failed(PublishExit exit, const std::string& text, int status = 0) {
    if (json_) {
      nlohmann::json report = {{"error", text}};
      if (status != 0) report["status"] = status;
      out_ << report.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
    } else {
      err_ << "holdfast publish: " << text << "\n";
    }
    return exit;
  }

  const bool json_;
  std::ostream& out_;
  std::ostream& err_;
};

}  // namespace

PublishExit publish(PublishArguments arguments, std::istream& in, std::ostream& out, std::ostream& err) {
  Report report(arguments.json, out, err);
  const auto target = read_url(arguments.url);
  if (!target) return report.usage(target.error().text);
  const auto body = make_body(arguments, in);
  if (!body) return report.usage(body.error().text);
  const auto headers = make_headers(arguments.token_file, in);
  if (!headers) return report.usage(headers.error().text);

  httplib::Client client(target->origin);
  client.set_connection_timeout(kPatienceSeconds);
  client.set_read_timeout(kPatienceSeconds);
  client.set_tcp_nodelay(true);
  const auto answer = client.Post(target->path, *headers, body->json, "application/json");
  if (!answer) return report.unreachable(*target, reason(answer.error()));
  if (answer->status != 200) return report.refused(*target, answer->status, answer->body);
  return report.published(*target, body->items);
}

}  // namespace holdfast::control
