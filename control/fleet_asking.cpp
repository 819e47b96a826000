#include <algorithm>
#include <map>
#include <tuple>

#include "control/fleet_messages.h"

namespace holdfast::control {

// Questions to the other nodes, and what is made of their answers.

std::vector<std::string> Fleet::ask(std::string question, Answers& answers, const std::function<bool(const std::string&)>& enough) {
  std::unique_lock lock(mutex_);
  drop_silent();
  answers = {others_.size() + 1, 1};
  if (others_.empty() || ending_) return {};
  const uint64_t id = ++last_question_;
  const auto asked = std::make_shared<Question>();
  asked->wanted = others_.size();
  questions_.emplace(id, asked);
  lock.unlock();
  Json message = parse(question);
  message["from"] = own_.id;
  message["id"] = id;
  send(channel_of_all(), to_text(message));
  lock.lock();
  changed_.wait_for(lock, patience_, [&] {
    return asked->enough || asked->answers.size() >= asked->wanted ||
           (enough && std::any_of(asked->answers.begin(), asked->answers.end(), enough));
  });
  questions_.erase(id);
  answers.answered += std::min(asked->answers.size(), asked->wanted);
  return asked->answers;
}

std::vector<NodeInfo> Fleet::nodes() {
  std::vector<NodeInfo> out{own_};
  const auto held = node_.held();
  out[0].connections = held.connections;
  out[0].channels = held.channels;
  out[0].uptime = std::chrono::duration_cast<std::chrono::seconds>(clock_.now() - started_).count();
  const std::lock_guard lock(mutex_);
  drop_silent();
  for (const auto& [id, other] : others_) out.push_back(other.info);
  std::sort(out.begin() + 1, out.end(), [](const auto& a, const auto& b) { return std::tie(a.host, a.id) < std::tie(b.host, b.id); });
  return out;
}

namespace {

void add(std::map<std::string, ChannelInfo>& all, const ChannelInfo& more) {
  auto& channel = all[more.name];
  channel.name = more.name;
  channel.response += more.response;
  channel.stream += more.stream;
  channel.websocket += more.websocket;
}

void add_answers(std::map<std::string, ChannelInfo>& all, const std::vector<std::string>& answers) {
  for (const auto& text : answers) {
    const Json answer = parse(text);
    const auto list = answer.find("channels");
    if (list == answer.end() || !list->is_array()) continue;
    for (const auto& each : *list) {
      if (!each.is_array() || each.size() != 4 || !each[0].is_string()) continue;
      const auto count = [&](size_t i) { return each[i].is_number_integer() ? each[i].get<int64_t>() : 0; };
      add(all, {each[0].get<std::string>(), count(1), count(2), count(3)});
    }
  }
}

}  // namespace

std::vector<ChannelInfo> Fleet::channels(const std::string& prefix, size_t most, Answers& answers) {
  std::map<std::string, ChannelInfo> all;
  for (const auto& channel : node_.channels(prefix, most)) add(all, channel);
  add_answers(all, ask(to_text({{"operation", "channels"}, {"name", prefix}, {"most", most}}), answers));
  std::vector<ChannelInfo> out;
  for (auto& [name, channel] : all) {
    if (out.size() == most) break;
    out.push_back(std::move(channel));
  }
  return out;
}

ChannelInfo Fleet::channel(const std::string& name, Answers& answers) {
  std::map<std::string, ChannelInfo> all;
  ChannelInfo own = node_.channel(name);
  own.name = name;
  add(all, own);
  add_answers(all, ask(to_text({{"operation", "channel"}, {"name", name}}), answers));
  return all[name];
}

namespace {

void add_connections(std::vector<ConnectionInfo>& all, const std::string& text) {
  const Json answer = parse(text);
  const auto list = answer.find("connections");
  if (list == answer.end() || !list->is_array()) return;
  for (const auto& each : *list) {
    if (!each.is_array() || each.size() != 4 || !each[0].is_string() || !each[1].is_string() || !each[2].is_string()) continue;
    ConnectionInfo info{each[0].get<std::string>(), text_in(answer, "node"), each[1].get<std::string>(), each[2].get<std::string>(), {}};
    if (each[3].is_array()) {
      for (const auto& channel : each[3]) {
        if (channel.is_string()) info.channels.push_back(channel.get<std::string>());
      }
    }
    all.push_back(std::move(info));
  }
}

}  // namespace

std::vector<ConnectionInfo> Fleet::connections(const ConnectionQuery& query, Answers& answers) {
  auto all = node_.connections(query);
  for (auto& own : all) own.node = own_.id;
  const Json question{{"operation", "connections"}, {"name", query.channel}, {"kind", query.kind}, {"most", query.most}};
  for (const auto& text : ask(to_text(question), answers)) add_connections(all, text);
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return std::tie(a.node, a.id) < std::tie(b.node, b.id); });
  if (all.size() > query.most) all.resize(query.most);
  return all;
}

std::vector<std::string> Fleet::alive(const std::vector<std::string>& connections) {
  auto found = node_.alive(connections);
  if (found.size() == connections.size()) return found;
  Answers answers;
  for (const auto& text : ask(to_text({{"operation", "alive"}, {"names", connections}}), answers)) {
    for (auto& id : texts_in(parse(text), "names")) found.push_back(std::move(id));
  }
  return found;
}

bool Fleet::somewhere(const std::string& operation, const std::string& name, bool here) {
  if (here) return true;
  const auto has = [](const std::string& text) {
    const Json answer = parse(text);
    const auto found = answer.find("found");
    return found != answer.end() && *found == true;
  };
  Answers answers;
  const auto texts = ask(to_text({{"operation", operation}, {"name", name}}), answers, has);
  return std::any_of(texts.begin(), texts.end(), has);
}

bool Fleet::refresh(const std::string& connection) { return somewhere("refresh", connection, node_.refresh(connection)); }
bool Fleet::disconnect(const std::string& connection) { return somewhere("disconnect", connection, node_.disconnect(connection)); }

bool Fleet::drain(const std::string& node) {
  if (node == own_.id) node_.drain();
  return somewhere("drain", node, node == own_.id);
}

}  // namespace holdfast::control
