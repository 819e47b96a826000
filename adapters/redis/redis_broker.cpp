#include "adapters/redis/redis_broker.h"

#include <algorithm>
#include <cstdio>
#include <future>
#include <sys/eventfd.h>

#include <hiredis/hiredis.h>
#include <poll.h>
#include <unistd.h>

#include "adapters/redis/replies.h"
#include "adapters/redis/scripts.h"
#include "gateway/base/log.h"

namespace holdfast {

namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr Duration kLeastBackoff{50};
constexpr Duration kMostBackoff{5'000};
constexpr Duration kCheckEvery{5'000};         // the fence, and that subscriptions are alive
constexpr Duration kAskPatience{200};          // of a Sentinel, while all seems well: the thread waits
constexpr Duration kStateAge{24 * 3'600'000};  // of a channel's epoch and offset, after it was last used
constexpr Duration kKeyWindow{120'000};

std::string line_of(std::string_view info, std::string_view name) {
  for (auto line : split(info, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with(name) && line.substr(name.size()).starts_with(':')) return std::string(line.substr(name.size() + 1));
  }
  return {};
}

}  // namespace

RedisBroker::RedisBroker(const RedisOptions& options, const Clock& clock, Metrics& metrics)
    : options_(options),
      clock_(clock),
      reconnects_(metrics.counter("holdfast_redis_connects_total", "Times that the connections to Redis were made.")),
      garbage_(metrics.counter("holdfast_redis_garbage_total", "Live messages from Redis that were not of this cluster's form.")),
      waiting_gauge_(metrics.gauge("holdfast_redis_waiting_bytes", "Bytes of publications that wait for the answer of Redis.")),
      kept_(std::to_string(options.history_messages)),
      age_(std::to_string(options.history_age.count())),
      state_age_(std::to_string(std::max(kStateAge, options.history_age * 2).count())),
      key_window_(std::to_string(kKeyWindow.count())),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      thread_([this] { run(); }) {}

RedisBroker::~RedisBroker() {
  stop();
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  post(nullptr);
  thread_.join();
  ::close(wake_);
}

// ---- from any thread

void RedisBroker::post(std::function<void()> call) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(call));
  }
  const uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
}

void RedisBroker::start(BrokerSink& sink) {
  post([this, &sink] {
    sink_ = &sink;
    connect_at_ = clock_.now();
  });
}

void RedisBroker::stop() {
  std::promise<void> stopped;
  post([&] {
    sink_ = nullptr;
    lose("stopped");
    for (auto& [name, channel] : channels_) {
      for (auto& change : channel.subscribes) {
        if (change->left > 0) change->left = 0, change->done(unavailable("the broker is not running"));
      }
    }
    channels_.clear();
    unconfirmed_ = 0;
    stopped.set_value();
  });
  stopped.get_future().wait();
}

// The bound is kept here, since the thread may be busy finding a primary while publishers go on.
void RedisBroker::publish(std::vector<PublishRequest> messages, ReceiptsDone done) {
  size_t size = 0;
  for (const auto& message : messages) size += message.envelope.size();
  if (waiting_bytes_.fetch_add(size) + size > options_.max_waiting && !messages.empty()) {
    waiting_bytes_ -= size;
    return post([count = messages.size(), done = std::move(done)] { done({count, unavailable("too many publications are under way")}); });
  }
  waiting_gauge_.add(static_cast<int64_t>(size));
  post([this, messages = std::move(messages), done = std::move(done)]() mutable { do_publish(std::move(messages), done); });
}

void RedisBroker::read(const std::string& channel, Position since, size_t limit, PageDone done) {
  post([this, channel, since, limit, done = std::move(done)] { do_read(channel, since, limit, done, false); });
}

void RedisBroker::subscribe(const std::vector<std::string>& channels, Done done) {
  post([this, channels, done = std::move(done)]() mutable { do_subscribe(channels, std::move(done)); });
}

void RedisBroker::unsubscribe(const std::vector<std::string>& channels, Done done) {
  post([this, channels, done = std::move(done)]() mutable { do_unsubscribe(channels, std::move(done)); });
}

// ---- the thread

void RedisBroker::run() {
  for (;;) {
    pollfd waits[3] = {{wake_, POLLIN, 0}, {commands_.fd(), commands_.events(), 0}, {subscriptions_.fd(), subscriptions_.events(), 0}};
    ::poll(waits, 3, static_cast<int>(until_next().count()));
    uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(wake_, &count, sizeof count);
    // A link that was closed or opened anew meanwhile was not waited for.
    if (commands_.fd() == waits[1].fd && waits[1].revents != 0) serve(commands_, &pending_, waits[1].revents);
    if (subscriptions_.fd() == waits[2].fd && waits[2].revents != 0) serve(subscriptions_, &greeting_pending_, waits[2].revents);
    take_posted();
    keep_time();
    const std::lock_guard lock(mutex_);
    if (ending_ && posted_.empty()) return;
  }
}

void RedisBroker::take_posted() {
  std::vector<std::function<void()>> calls;
  {
    const std::lock_guard lock(mutex_);
    calls.swap(posted_);
  }
  for (auto& call : calls) {
    if (call) call();
  }
}

Duration RedisBroker::until_next() const {
  if (sink_ == nullptr) return Duration(-1);
  TimePoint next = commands_.is_open() ? check_at_ : connect_at_;
  if (!pending_.empty()) next = std::min(next, pending_.front().deadline);
  return std::max(Duration(0), duration_cast<Duration>(next - clock_.now()) + Duration(1));
}

void RedisBroker::keep_time() {
  if (sink_ == nullptr) return;
  const auto now = clock_.now();
  if (!commands_.is_open()) {
    if (now >= connect_at_) connect();
    return;
  }
  if (!pending_.empty() && now >= pending_.front().deadline) return lose("no answer within " + format_duration(options_.timeout));
  if (!greeted_ && now - subscriptions_.heard_at() > options_.timeout) return lose("no answer within " + format_duration(options_.timeout));
  if (now < check_at_) return;
  check_at_ = now + kCheckEvery;
  // A primary that the others have left behind looks well from here.
  if (!options_.sentinels.empty()) {
    const auto named = find_primary(kAskPatience);
    if (named && (named->host != primary_.host || named->port != primary_.port)) return lose("the Sentinels name another primary");
  }
  if (commands_up_) command({"INFO"}, [this](const redisReply* reply) { on_info(reply); });
  if (!subscriptions_up_) return;
  if (now - subscriptions_.heard_at() > kCheckEvery + options_.timeout) return lose("subscriptions are silent");
  subscriptions_.send({"PING"});
}

// ---- connecting

void RedisBroker::connect() {
  backoff_ = std::clamp(backoff_ * 2, kLeastBackoff, kMostBackoff);
  auto primary = find_primary(options_.timeout);
  if (!primary) return lose(primary.error().text);
  primary_ = *primary;
  const std::string where = primary_.host + ":" + primary_.port;
  for (auto* link : {&commands_, &subscriptions_}) {
    if (auto opened = link->open(primary_); !opened) return lose(where + ": " + opened.error().text);
  }
  check_at_ = clock_.now() + kCheckEvery;
  const auto deadline = clock_.now() + options_.timeout;
  // Answers come in the order of the questions: the last of them means that all went well.
  for (auto* link : {&commands_, &subscriptions_}) {
    auto& pending = link == &commands_ ? pending_ : greeting_pending_;
    if (options_.password.empty()) continue;
    if (options_.username.empty()) {
      link->send({"AUTH", options_.password});
    } else {
      link->send({"AUTH", options_.username, options_.password});
    }
    pending.push_back({[this](const redisReply* reply) {
                         if (reply != nullptr && is_error(reply)) lose("the server refuses: " + std::string(text_of(*reply)));
                       },
                       deadline});
  }
  load_scripts();
  command({"INFO"}, [this](const redisReply* reply) { on_info(reply); });
  subscriptions_.send({"PING"});
  greeting_pending_.push_back({[this](const redisReply* reply) {
                                 if (reply == nullptr) return;
                                 if (is_error(reply)) return lose("the server refuses: " + std::string(text_of(*reply)));
                                 greeted_ = true;
                                 come_up();
                               },
                               deadline});
}

Result<RedisAddress> RedisBroker::find_primary(Duration patience) const {
  if (options_.sentinels.empty()) return parse_redis_address(options_.address);
  std::string last = "no Sentinel answers";
  const auto ms = patience.count();
  const timeval wait{static_cast<time_t>(ms / 1000), static_cast<suseconds_t>(ms % 1000 * 1000)};
  for (const auto& text : options_.sentinels) {
    const auto address = parse_redis_address(text);
    if (!address) return fail(address.error());
    struct Free {
      void operator()(redisContext* context) const { ::redisFree(context); }
    };
    const std::unique_ptr<redisContext, Free> context(::redisConnectWithTimeout(address->host.c_str(), std::stoi(address->port), wait));
    if (!context || context->err != 0) {
      last = text + ": " + (context ? context->errstr : "out of memory");
      continue;
    }
    ::redisSetTimeout(context.get(), wait);
    const RedisLink::Reply reply(
        static_cast<redisReply*>(::redisCommand(context.get(), "SENTINEL get-master-addr-by-name %s", options_.sentinel_master.c_str())));
    if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2) {
      return RedisAddress{std::string(text_of(*reply->element[0])), std::string(text_of(*reply->element[1]))};
    }
    last = text + ": knows no primary named " + options_.sentinel_master;
  }
  return unavailable(last);
}

void RedisBroker::load_scripts() {
  const auto load = [this](const std::string& script, std::string& sha) {
    command({"SCRIPT", "LOAD", script}, [this, &sha](const redisReply* reply) {
      if (reply == nullptr) return;
      if (is_error(reply)) return lose("scripts are refused: " + std::string(text_of(*reply)));
      sha = text_of(*reply);
    });
  };
  load(kPublishScript, publish_sha_);
  load(kReadScript, read_sha_);
}

// The fence: run_id changes with each start, and replid with each promotion; replid2 is not zero only after one. (A primary without
// replicas changes its replid in time too, though nothing was lost: then replid2 is zero.)
void RedisBroker::on_info(const redisReply* reply) {
  if (reply == nullptr) return;
  if (is_error(reply)) return lose("INFO is refused: " + std::string(text_of(*reply)));
  const auto info = text_of(*reply);
  if (const auto role = line_of(info, "role"); role != "master") return lose("it is a " + role + ", not a primary");
  const auto earlier = line_of(info, "master_replid2");
  const bool promoted = earlier.find_first_not_of('0') != std::string::npos;
  fence_ = line_of(info, "run_id") + (promoted ? line_of(info, "master_replid") : std::string());
  if (commands_up_) return;
  commands_up_ = true;
  come_up();
}

// Channels are subscribed to once history can be read: whoever is told of a gap looks there.
void RedisBroker::come_up() {
  if (!commands_up_ || !greeted_) return;
  if (!subscriptions_up_) {
    subscriptions_up_ = true;
    std::vector<std::string> names;
    for (const auto& [name, channel] : channels_) names.push_back(name);
    ask_for("SUBSCRIBE", names);
  }
  if (healthy_ || unconfirmed_ > 0) return;
  healthy_ = told_health_ = true;
  backoff_ = Duration(0);
  reconnects_.add();
  const std::string where = primary_.host + ":" + primary_.port;
  log::info("connected to Redis", {{"address", where}, {"channels", channels_.size()}});
  sink_->on_health(true, "Redis at " + where);
}

void RedisBroker::lose(const std::string& reason) {
  const bool said = !healthy_ && told_health_;
  commands_.close();
  subscriptions_.close();
  commands_up_ = greeted_ = subscriptions_up_ = healthy_ = reloading_ = false;
  connect_at_ = clock_.now() + backoff_ + Duration(static_cast<int64_t>(random_() % static_cast<uint64_t>(backoff_.count() + 1)));
  if (!said && sink_ != nullptr) {
    told_health_ = true;
    log::warn("the connection to Redis is lost; trying again", {{"reason", reason}});
    sink_->on_health(false, "Redis: " + reason);
  }
  // Those that wait may ask for more: they find the connection gone.
  for (auto& pending : std::exchange(pending_, {})) pending.handler(nullptr);
  greeting_pending_.clear();
  for (auto* list : {&again_, &held_}) {
    for (auto& message : std::exchange(*list, {})) answer(message, unavailable("the connection to the broker was lost"));
  }
  unconfirmed_ = 0;
  for (auto it = channels_.begin(); it != channels_.end();) {
    auto& channel = it->second;
    channel.unsure = channel.unsure || channel.confirmed;
    channel.confirmed = false;
    // Nothing comes any more: what was to be unsubscribed is.
    for (auto& change : std::exchange(channel.asked, {})) {
      if (change && --change->left == 0) change->done({});
    }
    if (channel.wanted) {
      ++unconfirmed_;
      ++it;
    } else {
      it = channels_.erase(it);
    }
  }
}

void RedisBroker::serve(RedisLink& link, std::deque<Pending>* pending, short revents) {
  const auto moved = link.move(revents);
  const int fd = link.fd();
  for (;;) {  // what came before it broke counts
    auto reply = link.is_open() ? link.next() : Result<RedisLink::Reply>(nullptr);
    if (!reply) return lose(reply.error().text);
    if (!*reply) break;
    if (!pending->empty()) {
      const auto handler = std::move(pending->front().handler);
      pending->pop_front();
      handler(reply->get());
    } else if (&link == &subscriptions_) {
      on_pushed(**reply);
    } else {
      return lose("an answer without a question");
    }
    if (link.fd() != fd || !link.is_open()) return;
  }
  if (!moved) lose(moved.error().text);
}

void RedisBroker::command(const RedisLink::Arguments& arguments, Handler handler) {
  commands_.send(arguments);
  pending_.push_back({std::move(handler), clock_.now() + options_.timeout});
}

}  // namespace holdfast
