#include "adapters/redis/redis_shard.h"

#include <algorithm>
#include <utility>

#include <poll.h>

#include "adapters/redis/replies.h"
#include "adapters/redis/scripts.h"

namespace holdfast {

namespace {

constexpr Duration kLeastBackoff{50};
constexpr Duration kMostBackoff{2'000};
constexpr Duration kCheckEvery{5'000};  // the fence, and that both connections are alive; more often if answers must come sooner
constexpr Duration kReplicaPatience{1'000};
constexpr size_t kMostAtOnce = 512;  // names of one SUBSCRIBE

std::string line_of(std::string_view info, std::string_view name) {
  for (auto line : split(info, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with(name) && line.substr(name.size()).starts_with(':')) return std::string(line.substr(name.size() + 1));
  }
  return {};
}

}  // namespace

RedisShard::RedisShard(const RedisOptions& options, const Clock& clock, Owner& owner, RedisAddress address)
    : options_(options), clock_(clock), owner_(owner), sharded_(!options.cluster.empty()), address_(std::move(address)) {}

void RedisShard::open() {
  open_ = true;
  opened_at_ = connect_at_ = clock_.now();
}

void RedisShard::close(const std::string& reason) {
  open_ = false;
  lose(reason);
}

// ---- connecting

void RedisShard::connect() {
  ++connection_;
  backoff_ = std::clamp(backoff_ * 2, kLeastBackoff, kMostBackoff);
  locating_ = true;
  owner_.locate(*this);
}

void RedisShard::found(const RedisAddress& address) {
  if (!std::exchange(locating_, false)) return;
  address_ = address;
  const auto tls = RedisTls::make(options_);
  if (!tls) return lose(tls.error().text);
  for (auto* link : {&commands_, &subscriptions_}) {
    if (auto opened = link->open(address_, tls->get()); !opened) return lose(to_string(address_) + ": " + opened.error().text);
  }
  check_at_ = clock_.now() + std::min(kCheckEvery, options_.timeout);
  const auto deadline = clock_.now() + options_.timeout;
  // Answers come in the order of the questions: the last of them means that all went well.
  for (auto* link : {&commands_, &subscriptions_}) {
    if (!send_login(*link, options_.username, options_.password)) continue;
    auto& pending = link == &commands_ ? pending_ : greeting_pending_;
    pending.push_back({[this](const redisReply* reply) {
                         if (reply != nullptr && is_error(reply)) lose("the server refuses: " + std::string(text_of(*reply)));
                       },
                       deadline});
  }
  load_scripts();
  check_fence();
  subscriptions_.send({"PING"});
  for (const auto& prefix : options_.foreign.prefixes()) subscriptions_.send({"PSUBSCRIBE", foreign_pattern(prefix)});
  greeting_pending_.push_back({[this](const redisReply* reply) {
                                 if (is_error(reply)) return lose("the server refuses: " + std::string(text_of(*reply)));
                                 greeted_ = true;
                                 come_up();
                               },
                               deadline});
}

void RedisShard::load_scripts() {
  if (std::exchange(loading_, true)) return;
  const auto load = [this](const std::string& script, std::string& sha, bool last) {
    command({"SCRIPT", "LOAD", script}, [this, &sha, last](const redisReply* reply) {
      if (reply == nullptr) return;
      if (is_error(reply)) return lose("scripts are refused: " + std::string(text_of(*reply)));
      sha = text_of(*reply);
      loading_ = loading_ && !last;
    });
  };
  load(publish_script(sharded_ ? "SPUBLISH" : "PUBLISH"), publish_sha_, false);
  load(kReadScript, read_sha_, false);
  load(kTopsScript, tops_sha_, true);
}

void RedisShard::check_fence() {
  command({"INFO"}, [this](const redisReply* reply) { on_info(reply); });
}

// The fence: run_id changes with each start, and replid with each promotion; replid2 is not zero only after one. (A primary without
// replicas changes its replid in time too, though nothing was lost: then replid2 is zero.)
void RedisShard::on_info(const redisReply* reply) {
  if (reply == nullptr) return;
  if (is_error(reply)) return lose("INFO is refused: " + std::string(text_of(*reply)));
  const auto info = text_of(*reply);
  if (const auto role = line_of(info, "role"); role != "master") return lose("it is a " + role + ", not a primary");
  const auto earlier = line_of(info, "master_replid2");
  const bool promoted = earlier.find_first_not_of('0') != std::string::npos;
  fence_ = line_of(info, "run_id") + (promoted ? line_of(info, "master_replid") : std::string());
  if (std::exchange(commands_up_, true)) return;
  come_up();
}

// Both: whoever is told of a gap by what is subscribed looks into history.
void RedisShard::come_up() {
  if (!is_up()) return;
  failed_ = false;
  failure_.clear();
  owner_.on_up(*this);
}

void RedisShard::lose(const std::string& reason) {
  const bool was_up = is_up();
  commands_.close();
  subscriptions_.close();
  locating_ = commands_up_ = greeted_ = loading_ = asking_replicas_ = false;
  covered_ = written_;
  failed_ = true;
  failure_ = reason;
  connect_at_ = clock_.now() + backoff_ + Duration(static_cast<int64_t>(random_() % static_cast<uint64_t>(backoff_.count() + 1)));
  greeting_pending_.clear();
  asked_.clear();
  pings_.clear();
  // Those that wait may ask for more: they find the connection gone.
  for (auto& pending : std::exchange(pending_, {})) pending.handler(nullptr);
  for (auto& write : std::exchange(writes_, {})) write.then(-1);
  owner_.on_lost(*this, reason, was_up);
}

// ---- time and sockets

TimePoint RedisShard::next_time() const {
  if (!open_) return TimePoint::max();
  if (locating_) return TimePoint::max();
  if (!commands_.is_open()) return connect_at_;
  auto next = check_at_;
  if (!pending_.empty()) next = std::min(next, pending_.front().deadline);
  if (!pings_.empty()) next = std::min(next, pong_deadline());
  return next;
}

void RedisShard::keep_time() {
  if (!open_) return;
  const auto now = clock_.now();
  if (!commands_.is_open()) {
    if (!locating_ && now >= connect_at_) connect();
    return;
  }
  const std::string slow = (commands_.is_secured() ? "no answer within " : "no answer to TLS within ") + format_duration(options_.timeout);
  if (!pending_.empty() && now >= pending_.front().deadline) return lose(slow);
  if (!greeted_ && now - subscriptions_.heard_at() > options_.timeout) return lose(slow);
  if (!pings_.empty() && now >= pong_deadline()) return lose("subscriptions are silent");
  if (now < check_at_) return;
  check_at_ = now + std::min(kCheckEvery, options_.timeout);
  if (commands_up_) check_fence();
  if (greeted_) when_all_came(nullptr);
}

// Behind much that was published a pong may come late: then at least something comes.
TimePoint RedisShard::pong_deadline() const { return std::max(pings_.front().asked_at, subscriptions_.heard_at()) + options_.timeout; }

void RedisShard::add_waits(std::vector<pollfd>& waits) const {
  for (const auto* link : {&commands_, &subscriptions_}) waits.push_back({link->fd(), link->events(), 0});
}

void RedisShard::serve(const pollfd* waits) {
  // A connection that was closed or opened anew meanwhile was not waited for.
  const auto connection = connection_;
  if (commands_.is_open() && commands_.fd() == waits[0].fd && waits[0].revents != 0) serve(commands_, pending_, waits[0].revents);
  if (connection_ != connection || !subscriptions_.is_open()) return;
  if (subscriptions_.fd() == waits[1].fd && waits[1].revents != 0) serve(subscriptions_, greeting_pending_, waits[1].revents);
}

void RedisShard::serve(RedisLink& link, std::deque<Pending>& pending, short revents) {
  const auto moved = link.move(revents);
  const auto connection = connection_;
  for (;;) {  // what came before it broke counts
    auto reply = link.next();
    if (!reply) return lose(reply.error().text);
    if (!*reply) break;
    if (!pending.empty()) {
      const auto handler = std::move(pending.front().handler);
      pending.pop_front();
      handler(reply->get());
    } else if (&link == &subscriptions_) {
      on_pushed(**reply);
    } else {
      return lose("an answer without a question");
    }
    if (connection_ != connection || !link.is_open()) return;
  }
  if (!moved) lose((commands_up_ ? std::string() : to_string(address_) + ": ") + moved.error().text);
}

void RedisShard::command(const RedisLink::Arguments& arguments, Handler handler) {
  if (!commands_.is_open()) return handler(nullptr);
  commands_.send(arguments);
  pending_.push_back({std::move(handler), clock_.now() + options_.timeout});
}

// ---- replicas

void RedisShard::when_replicated(uint64_t write, Replicated then) { writes_.push_back({write, std::move(then)}); }

// Asked behind the writes, before they are answered. While one question is under way the server answers nothing else on this connection,
// so the next one waits and covers all that were written meanwhile.
void RedisShard::ask_for_replicas() {
  if (asking_replicas_ || covered_ == written_ || !commands_up_) return;
  asking_replicas_ = true;
  covered_ = written_;
  const auto patience = std::to_string(std::min(kReplicaPatience, options_.timeout / 4).count());
  command({"WAIT", "1", patience}, [this, covered = covered_](const redisReply* reply) { on_replicas(covered, reply); });
}

void RedisShard::on_replicas(uint64_t covered, const redisReply* reply) {
  asking_replicas_ = false;
  if (reply == nullptr) return;
  if (is_error(reply)) return lose("WAIT is refused: " + std::string(text_of(*reply)));
  while (!writes_.empty() && writes_.front().number <= covered) {
    const auto write = std::move(writes_.front());
    writes_.pop_front();
    write.then(reply->integer);
  }
}

// ---- subscriptions

void RedisShard::subscribe(const std::vector<std::string>& names, uint64_t ask) { ask_for(true, names, ask); }
void RedisShard::unsubscribe(const std::vector<std::string>& names) { ask_for(false, names, 0); }

void RedisShard::ask_for(bool subscribe, const std::vector<std::string>& names, uint64_t ask) {
  for (size_t from = 0; from < names.size(); from += kMostAtOnce) {
    const size_t end = std::min(names.size(), from + kMostAtOnce);
    Asked asked{subscribe, ask, {names.begin() + static_cast<ptrdiff_t>(from), names.begin() + static_cast<ptrdiff_t>(end)}};
    RedisLink::Arguments arguments{sharded_ ? (subscribe ? "SSUBSCRIBE" : "SUNSUBSCRIBE") : (subscribe ? "SUBSCRIBE" : "UNSUBSCRIBE")};
    arguments.insert(arguments.end(), asked.names.begin(), asked.names.end());
    subscriptions_.send(arguments);
    asked_.push_back(std::move(asked));
  }
}

// The server writes to one connection in order: what was published before it answers stands before the answer.
void RedisShard::when_all_came(std::function<void()> then) {
  subscriptions_.send({"PING"});
  pings_.push_back({std::move(then), clock_.now()});
}

void RedisShard::on_pong() {
  if (pings_.empty()) return lose("an answer without a question");
  const auto then = std::move(pings_.front().then);
  pings_.pop_front();
  if (then) then();
}

void RedisShard::on_pushed(const redisReply& reply) {
  const auto text = text_of(reply);
  if (reply.type == REDIS_REPLY_ERROR) {
    // A whole command is refused before any of its names.
    if (asked_.empty()) return lose("the server refuses: " + std::string(text));
    const auto asked = std::move(asked_.front());
    asked_.pop_front();
    if (asked.subscribe) return owner_.on_refused(*this, asked.names, asked.ask, std::string(text));
    // The slot left before it was asked: nothing of it is subscribed here.
    if (!text.starts_with("MOVED") && !text.starts_with("CLUSTERDOWN")) lose("the server refuses: " + std::string(text));
    return;
  }
  if (text == "PONG") return on_pong();  // nothing is subscribed
  if (reply.type != REDIS_REPLY_ARRAY || reply.elements < 2) return;
  const auto kind = text_of(*reply.element[0]);
  if (kind == "pong") return on_pong();
  if (reply.elements == 4 && kind == "pmessage") {
    return owner_.on_foreign(text_of(*reply.element[1]), text_of(*reply.element[2]), text_of(*reply.element[3]));
  }
  if (reply.elements != 3) return;
  const auto name = text_of(*reply.element[1]);
  if (kind == (sharded_ ? "smessage" : "message")) return owner_.on_live(*this, name, text_of(*reply.element[2]));
  if (kind == (sharded_ ? "ssubscribe" : "subscribe")) return on_confirmed(true, name);
  if (kind == (sharded_ ? "sunsubscribe" : "unsubscribe")) return on_confirmed(false, name);
}

void RedisShard::on_confirmed(bool subscribed, std::string_view name) {
  const bool awaited = !asked_.empty() && asked_.front().subscribe == subscribed && asked_.front().names[asked_.front().confirmed] == name;
  if (!awaited) return subscribed ? lose("a confirmation without a question") : owner_.on_dropped(*this, std::string(name));
  auto& front = asked_.front();
  const uint64_t ask = front.ask;
  if (++front.confirmed == front.names.size()) asked_.pop_front();
  if (subscribed) owner_.on_subscribed(*this, std::string(name), ask);
}

}  // namespace holdfast
