#include "control/cli/publish_client.h"

#include <fstream>
#include <istream>
#include <iterator>
#include <ostream>

#include <nlohmann/json.hpp>

#include "control/cli/control_client.h"

namespace holdfast::control {
namespace {

std::string read_all(std::istream& in) { return {std::istreambuf_iterator<char>(in), {}}; }

Result<std::string> read_named(const std::string& file, std::istream& in) {
  if (file == "-") return read_all(in);
  std::ifstream opened(file, std::ios::binary);
  if (!opened) return invalid("cannot read " + file);
  return read_all(opened);
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

}  // namespace

Exit publish(PublishArguments arguments, std::istream& in, std::ostream& out, std::ostream& err) {
  const Complaint complaint("publish", arguments.door.json, out, err);
  auto client = ControlClient::open(arguments.door, in);
  if (!client) return complaint.usage(client.error().text);
  const auto body = make_body(arguments, in);
  if (!body) return complaint.usage(body.error().text);
  // A URL may name the endpoint itself.
  const auto answer = client->post(client->base().ends_with("/publish") ? "/" : "/publish/", body->json);
  if (!answer) return complaint.unreachable(*client, answer.error());
  if (answer->status != 200) return complaint.refused(*client, *answer);
  if (arguments.door.json)
    out << nlohmann::json{{"published", body->items}, {"to", client->name()}} << "\n";
  else
    out << "published " << body->items << (body->items == 1 ? " item to " : " items to ") << client->name() << "\n";
  return Exit::good;
}

}  // namespace holdfast::control
