#include "control/fleet.h"

#include <algorithm>
#include <tuple>

#include <nlohmann/json.hpp>

#include "gateway/base/log.h"

namespace holdfast::control {

namespace {

using Json = nlohmann::json;

constexpr Duration kAnnounceEvery{5'000};
constexpr Duration kSilent{16'000};  // three announcements may be lost
constexpr size_t kMostToAnswer = 1000;
constexpr size_t kMostNodes = 10'000;

const std::string kAll = std::string(1, kReservedFirst) + "holdfast/nodes";
std::string channel_of(const std::string& node) { return std::string(1, kReservedFirst) + "holdfast/node/" + node; }

std::string to_text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json to_json(const NodeInfo& node) {
  return {{"id", node.id},
          {"host", node.host},
          {"role", node.role},
          {"version", node.version},
          {"connections", node.connections},
          {"channels", node.channels},
          {"uptime", node.uptime}};
}

// What another node says may be anything.
std::string text_in(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}
int64_t number_in(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}
Json parse(const std::string& text) {
  Json json = Json::parse(text, nullptr, false);
  return json.is_object() ? json : Json::object();
}

}  // namespace

struct Fleet::Question {
  size_t wanted = 0;
  std::vector<std::string> answers;
  bool enough = false;
};

Fleet::Fleet(Broker& broker, NodeFacts& node, NodeInfo own, const Clock& clock, Metrics& metrics, Duration patience)
    : broker_(broker),
      node_(node),
      own_(std::move(own)),
      clock_(clock),
      started_(clock.now()),
      patience_(patience),
      dropped_(metrics.counter("holdfast_fleet_dropped_total", "Questions of other nodes that were not answered for want of room.")) {}

Fleet::~Fleet() { stop(); }

void Fleet::start() {
  broker_.subscribe({kAll, channel_of(own_.id)}, [](const Result<void>& result) {
    if (!result) log::warn("operations over all nodes will not work", {{"reason", result.error().text}});
  });
  thread_ = std::thread([this] { run(); });
}

void Fleet::stop() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    for (auto& [id, question] : questions_) question->enough = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Fleet::run() {
  TimePoint announce_at = clock_.now();
  std::unique_lock lock(mutex_);
  while (!ending_) {
    if (clock_.now() >= announce_at) {
      announce_at = clock_.now() + kAnnounceEvery;
      lock.unlock();
      announce();
      lock.lock();
      drop_silent();
      continue;
    }
    if (to_answer_.empty()) {
      changed_.wait_for(lock, announce_at - clock_.now(), [this] { return ending_ || !to_answer_.empty(); });
      continue;
    }
    const std::string question = std::move(to_answer_.front());
    to_answer_.pop_front();
    lock.unlock();
    answer(question);
    lock.lock();
  }
}

void Fleet::drop_silent() {
  std::erase_if(others_, [now = clock_.now()](const auto& other) { return now - other.second.at > kSilent; });
}

void Fleet::send(const std::string& channel, std::string text) {
  std::vector<PublishRequest> messages;
  messages.push_back({channel, Bytes(std::move(text)), {}});
  broker_.publish(std::move(messages), [](const auto&) {});
}

void Fleet::announce() { send(kAll, to_text({{"node", to_json(nodes().front())}})); }

// ---- what comes

void Fleet::on_publication(const PublicationPtr& publication) {
  const std::string text = publication->envelope.str();
  const Json message = parse(text);
  const std::lock_guard lock(mutex_);
  if (const auto node = message.find("node"); node != message.end() && node->is_object()) {
    const std::string id = text_in(*node, "id");
    if (id.empty() || id == own_.id || others_.size() >= kMostNodes) return;
    others_[id] = {{id, text_in(*node, "host"), text_in(*node, "role"), text_in(*node, "version"), number_in(*node, "connections"),
                    number_in(*node, "channels"), number_in(*node, "uptime")},
                   clock_.now()};
    return;
  }
  if (message.contains("answer")) {
    const auto question = questions_.find(static_cast<uint64_t>(number_in(message, "answer")));
    if (question == questions_.end()) return;
    question->second->answers.push_back(text);
    changed_.notify_all();
    return;
  }
  if (text_in(message, "from") == own_.id || text_in(message, "from").empty()) return;
  if (to_answer_.size() >= kMostToAnswer) return dropped_.add();
  to_answer_.push_back(text);
  changed_.notify_all();
}

void Fleet::answer(const std::string& text) {
  const Json question = parse(text);
  const std::string operation = text_in(question, "operation"), name = text_in(question, "name");
  Json out{{"answer", number_in(question, "id")}};
  if (operation == "channels") {
    out["channels"] = Json::array();
    for (const auto& channel : node_.channels(name, static_cast<size_t>(std::clamp<int64_t>(number_in(question, "most"), 0, 100'000)))) {
      out["channels"].push_back({channel.name, channel.response, channel.stream, channel.websocket});
    }
  } else if (operation == "channel") {
    const auto channel = node_.channel(name);
    out["channels"] = Json::array({Json::array({name, channel.response, channel.stream, channel.websocket})});
  } else if (operation == "alive") {
    std::vector<std::string> ids;
    if (const auto list = question.find("names"); list != question.end() && list->is_array()) {
      for (const auto& id : *list) {
        if (id.is_string()) ids.push_back(id.get<std::string>());
      }
    }
    out["names"] = node_.alive(ids);
  } else if (operation == "refresh") {
    out["found"] = node_.refresh(name);
  } else if (operation == "disconnect") {
    out["found"] = node_.disconnect(name);
  } else {
    out["unknown"] = operation;  // of a newer release
  }
  send(channel_of(text_in(question, "from")), to_text(out));
}

// ---- asking

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
  send(kAll, to_text(message));
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

std::vector<std::string> Fleet::alive(const std::vector<std::string>& connections) {
  auto found = node_.alive(connections);
  if (found.size() == connections.size()) return found;
  Answers answers;
  for (const auto& text : ask(to_text({{"operation", "alive"}, {"names", connections}}), answers)) {
    const Json answer = parse(text);
    const auto list = answer.find("names");
    if (list == answer.end() || !list->is_array()) continue;
    for (const auto& id : *list) {
      if (id.is_string()) found.push_back(id.get<std::string>());
    }
  }
  return found;
}

bool Fleet::somewhere(const std::string& operation, const std::string& connection, bool here) {
  if (here) return true;
  const auto has = [](const std::string& text) {
    const Json answer = parse(text);
    const auto found = answer.find("found");
    return found != answer.end() && *found == true;
  };
  Answers answers;
  const auto texts = ask(to_text({{"operation", operation}, {"name", connection}}), answers, has);
  return std::any_of(texts.begin(), texts.end(), has);
}

bool Fleet::refresh(const std::string& connection) { return somewhere("refresh", connection, node_.refresh(connection)); }
bool Fleet::disconnect(const std::string& connection) { return somewhere("disconnect", connection, node_.disconnect(connection)); }

}  // namespace holdfast::control
