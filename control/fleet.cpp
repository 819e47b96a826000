#include "control/fleet.h"

#include "control/fleet_messages.h"
#include "gateway/base/log.h"

namespace holdfast::control {

namespace {

constexpr Duration kAnnounceEvery{5'000};
constexpr Duration kSilent{16'000};  // three announcements may be lost
constexpr size_t kMostToAnswer = 1000;
constexpr size_t kMostNodes = 10'000;

Json to_json(const NodeInfo& node) {
  return {{"id", node.id},
          {"host", node.host},
          {"role", node.role},
          {"version", node.version},
          {"connections", node.connections},
          {"channels", node.channels},
          {"uptime", node.uptime}};
}

}  // namespace

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
  broker_.subscribe({channel_of_all(), channel_of(own_.id)}, [](const Result<void>& result) {
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

void Fleet::announce() { send(channel_of_all(), to_text({{"node", to_json(nodes().front())}})); }

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
    if (question == questions_.end() || question->second->answers.size() >= question->second->wanted) return;
    question->second->answers.push_back(text);
    changed_.notify_all();
    return;
  }
  if (text_in(message, "from") == own_.id || text_in(message, "from").empty()) return;
  if (to_answer_.size() >= kMostToAnswer) return dropped_.add();
  to_answer_.push_back(text);
  changed_.notify_all();
}

}  // namespace holdfast::control
