#include "control/cli/control_client.h"

#include <fstream>
#include <istream>
#include <iterator>
#include <ostream>

#include <CLI/CLI.hpp>
#include <httplib.h>
#include <nlohmann/json.hpp>

#include "gateway/base/text.h"

namespace holdfast::control {

namespace {

constexpr time_t kPatience = 15;        // seconds; above the door's own time for the broker
constexpr time_t kStreamPatience = 60;  // a stream says something at least that often

std::string reason(httplib::Error error) {
  switch (error) {
    case httplib::Error::Connection:
      return "nobody answers there";
    case httplib::Error::ConnectionTimeout:
      return "no connection in time";
    case httplib::Error::Read:
      return "no answer came; what was asked may have been done or not";
    case httplib::Error::Write:
      return "the connection broke while sending";
    default:
      return httplib::to_string(error);
  }
}

Result<std::string> read_token(const std::string& file, std::istream& in) {
  std::ifstream opened;
  if (file != "-") {
    opened.open(file, std::ios::binary);
    if (!opened) return invalid("cannot read " + file);
  }
  std::istream& source = file == "-" ? in : opened;
  const std::string content{std::istreambuf_iterator<char>(source), {}};
  for (const std::string_view line : split(content, '\n')) {
    const std::string_view token = trim(line.substr(0, line.find('\r')));
    if (token.empty() || token.front() == '#') continue;
    if (!is_field_value(token)) break;
    return std::string(token);
  }
  return invalid(file + " holds no token");
}

Result<DoorAnswer> answer_of(const httplib::Result& result) {
  if (!result) return fail(ErrorKind::unavailable, reason(result.error()));
  return DoorAnswer{result->status, result->body};
}

}  // namespace

void add_door_options(CLI::App& command, DoorArguments& arguments) {
  command.add_option("--url", arguments.url, "Control door (default http://127.0.0.1:5561)")->type_name("URL")->envname("HOLDFAST_URL");
  command.add_option("--token-file", arguments.token_file, "File with the bearer token")->type_name("FILE")->envname("HOLDFAST_TOKEN_FILE");
  command.add_flag("--json", arguments.json, "For programs");
}

struct ControlClient::State {
  explicit State(const std::string& origin) : client(origin) {
    client.set_connection_timeout(kPatience);
    client.set_read_timeout(kPatience);
    client.set_tcp_nodelay(true);
    client.set_keep_alive(true);
  }
  httplib::Client client;
  httplib::Headers headers;
  std::string name, base;
};

Result<ControlClient> ControlClient::open(const DoorArguments& arguments, std::istream& in) {
  const std::string& url = arguments.url;
  const size_t scheme = url.find("://");
  const std::string word = url.substr(0, scheme);
  if (scheme == std::string::npos || (word != "http" && word != "https")) return invalid("--url wants http://HOST:PORT, not '" + url + "'");
  const size_t slash = url.find('/', scheme + 3);
  auto state = std::make_unique<State>(url.substr(0, slash));
  state->name = url.substr(scheme + 3, slash == std::string::npos ? slash : slash - scheme - 3);
  if (state->name.empty()) return invalid("--url names no host");
  if (slash != std::string::npos) state->base = url.substr(slash);
  while (state->base.ends_with('/')) state->base.pop_back();
  if (!arguments.token_file.empty()) {
    const auto token = read_token(arguments.token_file, in);
    if (!token) return fail(token.error());
    state->headers.emplace("Authorization", "Bearer " + *token);
  }
  return ControlClient(std::move(state));
}

ControlClient::ControlClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
ControlClient::ControlClient(ControlClient&&) noexcept = default;
ControlClient& ControlClient::operator=(ControlClient&&) noexcept = default;
ControlClient::~ControlClient() = default;

const std::string& ControlClient::name() const { return state_->name; }
const std::string& ControlClient::base() const { return state_->base; }

Result<DoorAnswer> ControlClient::get(const std::string& path) {
  return answer_of(state_->client.Get((state_->base + path).c_str(), state_->headers));
}

Result<DoorAnswer> ControlClient::post(const std::string& path, const std::string& body) {
  return answer_of(state_->client.Post((state_->base + path).c_str(), state_->headers, body, "application/json"));
}

Result<DoorAnswer> ControlClient::stream(const std::string& path, const std::function<bool(std::string_view)>& take) {
  DoorAnswer answer;
  bool enough = false;
  state_->client.set_read_timeout(kStreamPatience);
  const auto result = state_->client.Get((state_->base + path).c_str(), state_->headers,
                                         [&](const httplib::Response& response) {
                                           answer.status = response.status;
                                           return true;
                                         },
                                         [&](const char* data, size_t size) {
                                           if (answer.status != 200) {
                                             answer.body.append(data, size);
                                             return true;
                                           }
                                           enough = !take({data, size});
                                           return !enough;
                                         });
  if (!result && !enough) return fail(ErrorKind::unavailable, reason(result.error()));
  return answer;
}

Exit Complaint::refused(const ControlClient& client, const DoorAnswer& answer) const {
  std::string text(trim(answer.body));
  const auto problem = nlohmann::json::parse(answer.body, nullptr, false);
  if (problem.is_object() && problem.contains("detail") && problem["detail"].is_string()) text = problem["detail"].get<std::string>();
  return tell(Exit::refused, client.name() + " answered " + std::to_string(answer.status) + ": " + text, answer.status);
}

Exit Complaint::tell(Exit exit, const std::string& text, int status) const {
  if (!json_) {
    err_ << "holdfast " << command_ << ": " << text << "\n";
    return exit;
  }
  nlohmann::json report = {{"error", text}};
  if (status != 0) report["status"] = status;
  out_ << report.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  return exit;
}

std::string percent_encoded(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.' || c == '~';
    if (plain)
      out += c;
    else
      out.append(1, '%').append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
  }
  return out;
}

}  // namespace holdfast::control
