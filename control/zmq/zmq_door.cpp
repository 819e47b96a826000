#include "control/zmq/zmq_door.h"

#include <mutex>
#include <set>
#include <sys/eventfd.h>
#include <thread>

#include <unistd.h>
#include <zmq.hpp>

#include "control/zmq/commands.h"
#include "gateway/base/log.h"
#include "gateway/message/foreign.h"
#include "gateway/message/item_tnet.h"

namespace holdfast::control {

namespace {

constexpr size_t kBatch = 256;  // items that are given to the broker at once
constexpr std::chrono::milliseconds kStatsEvery{200};
constexpr std::chrono::milliseconds kForever{-1};

std::string_view view_of(const zmq::message_t& message) { return {static_cast<const char*>(message.data()), message.size()}; }

std::string own_name() {
  char host[256] = "holdfast";
  ::gethostname(host, sizeof host - 1);
  return std::string(host) + "_" + std::to_string(::getpid());
}

}  // namespace

struct ZmqDoor::State {
  State(ZmqOptions o, Service& s, ItemLimits l, Metrics& metrics)
      : options(std::move(o)),
        service(s),
        limits(l),
        bad(metrics.counter("holdfast_zmq_bad_messages_total", "Messages on the publishing sockets that were no items.")),
        lost(metrics.counter("holdfast_zmq_lost_items_total", "Items from the publishing sockets that the broker refused.")),
        wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (!options.stats.empty()) {
      book.emplace(own_name(), options.connection_ttl, options.subscription_ttl, options.report_interval, metrics);
    }
  }
  ~State() { ::close(wake); }

  void ring() const {
    const uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake, &one, sizeof one);
  }

  void open(const std::string& address, zmq::socket_type type, const char* purpose, bool connect = false);
  void run();
  void follow_interest();
  void read_items(zmq::socket_t& socket, bool with_channel);
  void take(const zmq::message_t& frame, std::string_view channel);
  void publish();
  void answer(zmq::socket_t& socket);
  void tell_stats(TimePoint now);

  const ZmqOptions options;
  Service& service;
  const ItemLimits limits;
  Count& bad;
  Count& lost;
  std::optional<StatsBook> book;
  std::vector<std::string> bound;

  std::mutex mutex;
  std::set<std::string> changed;  // channels whose listeners may have come or gone; at most one entry per channel
  bool stopping = false;
  const int wake;

  // The thread's, once it runs.
  zmq::context_t context{1};
  std::vector<zmq::socket_t> pulls, subs, commands, stats;
  SocketAddresses addresses;
  std::set<std::string, std::less<>> subscribed;
  std::vector<Item> items;
  std::vector<std::string> keys;
  bool refusing = false;  // said so already
  std::thread thread;
};

void ZmqDoor::State::open(const std::string& address, zmq::socket_type type, const char* purpose, bool connect) {
  zmq::socket_t socket(context, type);
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::rcvhwm, static_cast<int>(options.high_water_mark));
  socket.set(zmq::sockopt::sndhwm, static_cast<int>(options.high_water_mark));
  socket.set(zmq::sockopt::ipv6, 1);
  socket.set(zmq::sockopt::maxmsgsize, static_cast<int64_t>(limits.max_item_bytes) * 4);
  std::string said = address;
  if (connect) {
    socket.connect(address);
  } else {
    if (said.starts_with("tcp://") && said.ends_with(":0")) said.replace(said.size() - 1, 1, "*");
    socket.bind(said);
    said = socket.get(zmq::sockopt::last_endpoint);
    if (!said.empty() && said.back() == '\0') said.pop_back();
  }
  bound.push_back(said + " (" + purpose + ")");
  if (type == zmq::socket_type::pull) addresses.pull = said;
  if (type == zmq::socket_type::rep) addresses.command = said;
  if (type == zmq::socket_type::sub && !connect && addresses.sub.empty()) addresses.sub = said;
  auto& list = type == zmq::socket_type::pull  ? pulls
               : type == zmq::socket_type::sub ? subs
               : type == zmq::socket_type::rep ? commands
                                               : stats;
  list.push_back(std::move(socket));
}

void ZmqDoor::State::run() {
  for (;;) {
    std::vector<zmq::pollitem_t> polled{{nullptr, wake, ZMQ_POLLIN, 0}};
    for (auto* list : {&pulls, &subs, &commands}) {
      for (auto& socket : *list) polled.push_back({socket.handle(), 0, ZMQ_POLLIN, 0});
    }
    zmq::poll(polled, book ? kStatsEvery : kForever);
    uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(wake, &count, sizeof count);
    follow_interest();
    for (auto& socket : pulls) read_items(socket, false);
    for (auto& socket : subs) read_items(socket, true);
    for (auto& socket : commands) answer(socket);
    if (book) tell_stats(std::chrono::steady_clock::now());
    const std::lock_guard lock(mutex);
    if (stopping) break;
  }
  for (auto* list : {&pulls, &subs, &commands, &stats}) list->clear();
}

// Looks at what is, whatever was said: two loops' words may have passed each other.
void ZmqDoor::State::follow_interest() {
  std::set<std::string> channels;
  {
    const std::lock_guard lock(mutex);
    channels.swap(changed);
  }
  for (const auto& channel : channels) {
    const bool wanted = service.listened(channel);
    if (wanted == subscribed.contains(channel)) continue;
    for (auto& socket : subs) {
      if (wanted) {
        socket.set(zmq::sockopt::subscribe, channel);
      } else {
        socket.set(zmq::sockopt::unsubscribe, channel);
      }
    }
    if (wanted) {
      subscribed.insert(channel);
    } else {
      subscribed.erase(channel);
    }
  }
}

void ZmqDoor::State::read_items(zmq::socket_t& socket, bool with_channel) {
  for (size_t read = 0; read < kBatch; ++read) {
    std::vector<zmq::message_t> parts(1);
    if (!socket.recv(parts.back(), zmq::recv_flags::dontwait)) break;
    while (parts.back().more() && parts.size() < 8) {
      if (!socket.recv(parts.emplace_back())) break;
    }
    // What is left of a message of too many parts.
    for (zmq::message_t rest; parts.back().more();) {
      if (!socket.recv(rest) || !rest.more()) break;
    }
    if (parts.size() != (with_channel ? 2 : 1)) {
      bad.add();
      log::warn("a message socket got a message with a wrong number of parts", {{"parts", parts.size()}});
      continue;
    }
    // A subscription is a prefix to ZeroMQ.
    if (with_channel && !subscribed.contains(view_of(parts.front()))) continue;
    take(parts.back(), with_channel ? view_of(parts.front()) : std::string_view());
  }
  publish();
}

void ZmqDoor::State::take(const zmq::message_t& frame, std::string_view channel) {
  const auto wire = channel.empty() ? std::nullopt : parse_wire(options.sub_wire);
  auto item = wire ? foreign_item(*wire, view_of(frame), std::string(channel)) : parse_item_frame(view_of(frame), limits, channel);
  if (!item) {
    bad.add();
    log::warn("a message socket got no item", {{"reason", item.error().text}, {"bytes", frame.size()}});
    return;
  }
  // Several nodes may subscribe to one publisher: those on one broker publish what has an id once.
  keys.push_back(!channel.empty() && item->id ? "sub:" + *item->id : std::string());
  items.push_back(std::move(*item));
}

void ZmqDoor::State::publish() {
  if (items.empty()) return;
  size_t refused = 0;
  std::string reason;
  for (const auto& receipt : service.publish(Caller::anybody(), std::exchange(items, {}), std::exchange(keys, {}))) {
    if (receipt) continue;
    ++refused;
    reason = receipt.error().text;
  }
  lost.add(static_cast<int64_t>(refused));
  if (refused > 0 && !refusing) log::error("items from a message socket are lost: the broker refuses them", {{"reason", reason}});
  refusing = refused > 0;
}

void ZmqDoor::State::answer(zmq::socket_t& socket) {
  zmq::message_t request;
  if (!socket.recv(request, zmq::recv_flags::dontwait)) return;
  std::string text(view_of(request));
  while (request.more()) {
    if (!socket.recv(request)) return;
    text.clear();  // no such request has parts
  }
  socket.send(zmq::buffer(answer_command(text, service, addresses, limits)), zmq::send_flags::dontwait);
}

void ZmqDoor::State::tell_stats(TimePoint now) {
  const bool tagged = options.stats_format == "tnetstring";
  for (const auto& stat : book->due(now)) {
    for (auto& socket : stats) socket.send(zmq::buffer(format_stat(stat, tagged)), zmq::send_flags::dontwait);
  }
}

ZmqDoor::ZmqDoor(ZmqOptions options, Service& service, ItemLimits limits, Metrics& metrics)
    : state_(std::make_unique<State>(std::move(options), service, limits, metrics)) {}
ZmqDoor::~ZmqDoor() { stop(); }

Result<void> ZmqDoor::start(SocketGuests guests) {
  State& s = *state_;
  const auto& o = s.options;
  if (!o.any()) return {};
  const auto open = [&](const std::string& at, zmq::socket_type type, const char* purpose, bool connect = false) -> Result<void> {
    if (at.empty()) return {};
    if (!connect) {
      if (auto checked = check_socket_address(at, o.allow_anonymous, guests); !checked) return checked;
    }
    try {
      s.open(at, type, purpose, connect);
    } catch (const zmq::error_t& error) {
      return invalid(at + ": " + error.what());
    }
    return {};
  };
  if (auto opened = open(o.pull, zmq::socket_type::pull, "pull"); !opened) return opened;
  for (const auto& sub : o.sub) {
    if (auto opened = open(sub, zmq::socket_type::sub, "sub", o.sub_connect); !opened) return opened;
  }
  if (auto opened = open(o.command, zmq::socket_type::rep, "command"); !opened) return opened;
  if (auto opened = open(o.stats, zmq::socket_type::pub, "stats"); !opened) return opened;
  s.thread = std::thread([&s] { s.run(); });
  return {};
}

void ZmqDoor::stop() {
  if (!state_->thread.joinable()) return;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->ring();
  state_->thread.join();
}

const std::vector<std::string>& ZmqDoor::addresses() const { return state_->bound; }

void ZmqDoor::interest_changed(const std::string& channel) {
  if (state_->options.sub.empty()) return;
  {
    const std::lock_guard lock(state_->mutex);
    state_->changed.insert(channel);
  }
  state_->ring();
}

StatsBook* ZmqDoor::stats() { return state_->book ? &*state_->book : nullptr; }

}  // namespace holdfast::control
