#include "adapters/redis/redis_broker.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <future>
#include <optional>
#include <sys/eventfd.h>

#include <hiredis/hiredis.h>
#include <poll.h>
#include <unistd.h>

#include "adapters/redis/scripts.h"
#include "gateway/base/log.h"
#include "gateway/base/text.h"

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
constexpr size_t kMostAtOnce = 512;  // channels of one SUBSCRIBE

tl::unexpected<Error> unavailable(std::string text) { return fail(ErrorKind::unavailable, std::move(text)); }

std::string line_of(std::string_view info, std::string_view name) {
  for (auto line : split(info, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with(name) && line.substr(name.size()).starts_with(':')) return std::string(line.substr(name.size() + 1));
  }
  return {};
}

std::optional<uint64_t> parse_hex(std::string_view text) {
  uint64_t value = 0;
  if (text.size() != 16) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// Takes a word and the blank behind it.
std::string_view take_word(std::string_view& text) {
  const size_t end = text.find(' ');
  const auto word = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return word;
}

// "<epoch> <offset>", taken from the front.
std::optional<Position> take_position(std::string_view& text) {
  const auto epoch = parse_hex(take_word(text));
  const auto offset = parse_uint(take_word(text));
  if (!epoch || *epoch == 0 || !offset) return std::nullopt;
  return Position{*epoch, *offset};
}

WallTime wall_of(uint64_t unix_ms) { return WallTime(milliseconds(static_cast<int64_t>(unix_ms))); }

bool is_error(const redisReply* reply) { return reply->type == REDIS_REPLY_ERROR; }

// The server is not (or no longer) one to talk to.
bool needs_other_server(std::string_view error) {
  return error.starts_with("READONLY") || error.starts_with("NOAUTH") || error.starts_with("MASTERDOWN") || error.starts_with("LOADING");
}

}  // namespace

RedisBroker::RedisBroker(const RedisOptions& options, const Clock& clock, Metrics& metrics)
    : options_(options),
      clock_(clock),
      reconnects_(metrics.counter("holdfast_redis_connects_total", "Times that the connections to Redis were made.")),
      garbage_(metrics.counter("holdfast_redis_garbage_total", "Live messages from Redis that were not of this cluster's form.")),
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

void RedisBroker::publish(std::vector<PublishRequest> messages, ReceiptsDone done) {
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

// ---- publishing

std::string RedisBroker::key(char kind, std::string_view channel) const {
  return std::string(options_.prefix).append(":").append(1, kind).append(":").append(channel);
}

std::string RedisBroker::fresh_epoch() {
  const auto ms = static_cast<uint64_t>(duration_cast<milliseconds>(clock_.wall().time_since_epoch()).count());
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(ms << 16 | (random_() & 0xffff)));
  return text;
}

void RedisBroker::do_publish(std::vector<PublishRequest> messages, const ReceiptsDone& done) {
  auto batch = std::make_shared<Batch>();
  batch->left = messages.size();
  batch->done = done;
  batch->receipts.resize(messages.size(), unavailable("not published"));
  if (messages.empty()) return done({});
  size_t index = 0;
  for (auto& request : messages) {
    const size_t size = request.envelope.size();
    Message message{std::move(request), batch, index++};
    waiting_bytes_ += size;
    if (message.request.channel.empty()) {
      answer(message, invalid("a channel has a name"));
    } else if (size > options_.max_message) {
      answer(message, fail(ErrorKind::too_large, "larger than broker.redis.max_message"));
    } else if (!commands_up_) {
      answer(message, unavailable("the broker cannot be reached"));
    } else if (waiting_bytes_ > options_.max_waiting) {
      answer(message, unavailable("too many publications are under way"));
    } else if (reloading_) {
      held_.push_back(std::move(message));
    } else {
      send_message(std::move(message));
    }
  }
}

void RedisBroker::send_message(Message message) {
  const auto& request = message.request;
  const std::string m = key('m', request.channel), h = key('h', request.channel), c = key('c', request.channel);
  const std::string i = request.idempotency_key.empty()
                            ? std::string()
                            : key('i', std::to_string(request.channel.size()) + ":" + request.channel + request.idempotency_key);
  const std::string fresh = fresh_epoch();
  const std::string now = std::to_string(duration_cast<milliseconds>(clock_.wall().time_since_epoch()).count());
  const std::string kept = std::to_string(options_.history_messages), age = std::to_string(options_.history_age.count());
  const std::string state_age = std::to_string(std::max(kStateAge, options_.history_age * 2).count());
  const std::string window = std::to_string(kKeyWindow.count());
  RedisLink::Arguments arguments{"EVALSHA", publish_sha_, i.empty() ? "2" : "3", m, h};
  if (!i.empty()) arguments.push_back(i);
  arguments.insert(arguments.end(), {fence_, fresh, now, request.envelope.view(), c, kept, age, state_age, window});
  ++publishing_;
  commands_.send(arguments);
  pending_.push_back({[this, message = std::move(message)](const redisReply* reply) mutable { on_published(message, reply); },
                      clock_.now() + options_.timeout});
}

void RedisBroker::on_published(Message& message, const redisReply* reply) {
  --publishing_;
  if (reply == nullptr) {
    return answer(message, unavailable("the connection was lost before the broker's answer: it may have been published"));
  }
  std::string_view text = text_of(*reply);
  if (is_error(reply) && text.starts_with("NOSCRIPT")) {
    reloading_ = true;
    again_.push_back(std::move(message));
  } else if (is_error(reply)) {
    answer(message, unavailable("Redis: " + std::string(text)));
    if (needs_other_server(text)) return lose(std::string(text));
  } else if (const auto position = take_position(text)) {
    answer(message, PublishReceipt{*position, text == "dup"});
  } else {
    answer(message, unavailable("Redis answers what was not asked"));
  }
  // The scripts were flushed: those that were under way come back first, in order, then those that waited behind them.
  if (!reloading_ || publishing_ > 0) return;
  reloading_ = false;
  load_scripts();
  for (auto* list : {&again_, &held_}) {
    for (auto& waiting : std::exchange(*list, {})) send_message(std::move(waiting));
  }
}

void RedisBroker::answer(const Message& message, Result<PublishReceipt> receipt) {
  waiting_bytes_ -= message.request.envelope.size();
  auto& batch = *message.batch;
  batch.receipts[message.index] = std::move(receipt);
  if (--batch.left == 0) batch.done(std::move(batch.receipts));
}

// ---- history

void RedisBroker::do_read(const std::string& channel, Position since, size_t limit, const PageDone& done, bool whole_script) {
  if (!commands_up_) return done(unavailable("the broker cannot be reached"));
  const std::string m = key('m', channel), h = key('h', channel), fresh = fresh_epoch();
  const std::string state_age = std::to_string(std::max(kStateAge, options_.history_age * 2).count());
  char epoch[17] = "";
  if (since.known()) std::snprintf(epoch, sizeof epoch, "%016llx", static_cast<unsigned long long>(since.epoch));
  const std::string offset = std::to_string(since.offset), most = std::to_string(limit);
  command(
      {whole_script ? "EVAL" : "EVALSHA", whole_script ? kReadScript : read_sha_, "2", m, h, fence_, fresh, state_age, epoch, offset, most},
      [this, channel, since, limit, done](const redisReply* reply) {
        if (reply == nullptr) return done(unavailable("the connection to the broker was lost"));
        if (is_error(reply)) {
          const std::string text(text_of(*reply));
          if (text.starts_with("NOSCRIPT")) return do_read(channel, since, limit, done, true);
          done(unavailable("Redis: " + text));
          if (needs_other_server(text)) lose(text);
          return;
        }
        const auto garbled = [&] { done(unavailable("Redis answers what was not asked")); };
        if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 || reply->element[2]->type != REDIS_REPLY_ARRAY) return garbled();
        HistoryPage page;
        auto text = text_of(*reply->element[0]);
        const auto top = take_position(text);
        if (!top) return garbled();
        page.top = *top;
        page.continuous = reply->element[1]->integer != 0;
        for (size_t i = 0; i < reply->element[2]->elements; ++i) {
          const redisReply* entry = reply->element[2]->element[i];
          if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 || entry->element[1]->elements != 4) return garbled();
          auto id = text_of(*entry->element[0]);
          const auto number = parse_uint(id.substr(0, id.find('-')));
          const auto ms = parse_uint(text_of(*entry->element[1]->element[1]));
          if (!number || *number == 0 || !ms) return garbled();
          auto publication = std::make_shared<Publication>();
          publication->channel = channel;
          publication->position = {top->epoch, *number};
          publication->previous = {top->epoch, *number - 1};
          publication->time = wall_of(*ms);
          publication->envelope = Bytes::copy(text_of(*entry->element[1]->element[3]));
          page.publications.push_back(std::move(publication));
        }
        done(std::move(page));
      });
}

// ---- subscriptions

void RedisBroker::do_subscribe(const std::vector<std::string>& channels, Done done) {
  if (sink_ == nullptr) return done(unavailable("the broker is not running"));
  auto change = std::make_shared<Change>();
  change->done = std::move(done);
  std::vector<std::string> wanted;
  for (const auto& name : channels) {
    auto& channel = channels_[name];
    if (!channel.wanted) {
      channel.wanted = true;
      ++unconfirmed_;
      wanted.push_back(name);
    }
    if (channel.confirmed) continue;
    ++change->left;
    channel.subscribes.push_back(change);
  }
  if (change->left == 0) return change->done({});
  if (subscriptions_up_) ask_for("SUBSCRIBE", wanted);
}

void RedisBroker::do_unsubscribe(const std::vector<std::string>& channels, Done done) {
  auto change = std::make_shared<Change>();
  change->done = std::move(done);
  std::vector<std::string> unwanted;
  for (const auto& name : channels) {
    const auto found = channels_.find(name);
    if (found == channels_.end() || !found->second.wanted) continue;
    auto& channel = found->second;
    channel.wanted = channel.unsure = false;
    if (!channel.confirmed) --unconfirmed_;
    channel.confirmed = false;
    for (auto& waiting : std::exchange(channel.subscribes, {})) {
      if (waiting->left > 0 && --waiting->left == 0) waiting->done({});
    }
    if (subscriptions_up_) {
      ++change->left;
      unwanted.push_back(name);
    } else {
      channels_.erase(found);
    }
  }
  if (unwanted.empty()) {
    change->done({});
  } else {
    ask_for("UNSUBSCRIBE", unwanted);
    for (const auto& name : unwanted) channels_[name].asked.back() = change;
  }
  come_up();
}

void RedisBroker::ask_for(std::string_view word, const std::vector<std::string>& channels) {
  for (size_t from = 0; from < channels.size(); from += kMostAtOnce) {
    std::vector<std::string> names;
    for (size_t i = from; i < std::min(channels.size(), from + kMostAtOnce); ++i) {
      names.push_back(key('c', channels[i]));
      channels_[channels[i]].asked.push_back(nullptr);
    }
    RedisLink::Arguments arguments{word};
    arguments.insert(arguments.end(), names.begin(), names.end());
    subscriptions_.send(arguments);
  }
}

void RedisBroker::on_pushed(const redisReply& reply) {
  if (reply.type == REDIS_REPLY_ERROR) return lose("the server refuses: " + std::string(text_of(reply)));
  if (reply.type != REDIS_REPLY_ARRAY || reply.elements < 2) return;
  const auto kind = text_of(*reply.element[0]);
  if (kind == "pong" || reply.elements != 3) return;
  auto name = text_of(*reply.element[1]);
  const std::string before = key('c', "");
  if (!name.starts_with(before)) return;
  name.remove_prefix(before.size());
  if (kind == "message") return on_live(std::string(name), text_of(*reply.element[2]));
  if (kind == "subscribe" || kind == "unsubscribe") on_confirmed(kind == "subscribe", std::string(name));
}

// Confirmations of a channel come in the order in which they were asked for: only the last says how it stands.
void RedisBroker::on_confirmed(bool subscribed, const std::string& name) {
  const auto found = channels_.find(name);
  if (found == channels_.end() || found->second.asked.empty()) return;
  auto& channel = found->second;
  const auto change = std::move(channel.asked.front());
  channel.asked.pop_front();
  if (change && --change->left == 0) change->done({});
  if (!channel.asked.empty()) return;
  if (!channel.wanted) {
    channels_.erase(found);
    return;
  }
  if (!subscribed || channel.confirmed) return;
  channel.confirmed = true;
  --unconfirmed_;
  const bool unsure = std::exchange(channel.unsure, false);
  if (unsure && sink_ != nullptr) sink_->on_gap(name);
  for (auto& waiting : std::exchange(channel.subscribes, {})) {
    if (waiting->left > 0 && --waiting->left == 0) waiting->done({});
  }
  come_up();
}

void RedisBroker::on_live(const std::string& name, std::string_view text) {
  const auto found = channels_.find(name);
  if (found == channels_.end() || !found->second.wanted || sink_ == nullptr) return;
  const auto position = take_position(text);
  const auto ms = position ? parse_uint(take_word(text)) : std::nullopt;
  if (!ms || position->offset == 0) return garbage_.add();
  auto publication = std::make_shared<Publication>();
  publication->channel = name;
  publication->position = *position;
  publication->previous = {position->epoch, position->offset - 1};
  publication->time = wall_of(*ms);
  publication->envelope = Bytes::copy(text);
  sink_->on_publication(std::move(publication));
}

}  // namespace holdfast
