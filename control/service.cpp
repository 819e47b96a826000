#include "control/service.h"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "gateway/base/text.h"
#include "gateway/message/item_codec.h"

namespace holdfast::control {
namespace {

// Where the broker's completion and the waiting publisher meet. Shared, because a completion may come after the publisher gave up.
struct Meeting {
  std::mutex mutex;
  std::condition_variable arrived;
  bool done = false;
  Service::Receipts receipts;
};

std::vector<PublishRequest> to_requests(std::vector<Item>& items, const std::vector<std::string>& keys, const std::string& node) {
  using std::chrono::microseconds;
  const auto at = std::chrono::duration_cast<microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  std::vector<PublishRequest> requests;
  requests.reserve(items.size());
  for (Item& item : items) {
    item.origin.node = node;
    item.origin.at = at;
    const size_t index = requests.size();
    requests.push_back({.channel = item.channel, .envelope = encode(item), .idempotency_key = index < keys.size() ? keys[index] : ""});
  }
  return requests;
}

// Why the item is not the caller's to publish.
std::optional<Error> fault_of(const Caller& caller, const Item& item) {
  // Only nodes speak there.
  if (is_reserved(item.channel)) return Error{ErrorKind::invalid, "a channel's name must not begin with the byte 1"};
  if (!is_field_value(item.channel)) return Error{ErrorKind::invalid, "channel: control characters"};
  if (!caller.may_publish(item.channel)) return Error{ErrorKind::denied, caller.name + " may not publish to channel " + item.channel};
  return std::nullopt;
}

std::string in_seconds(Duration wait) { return std::to_string(std::chrono::ceil<std::chrono::seconds>(wait).count()) + " s"; }

}  // namespace

Service::Service(Broker& broker, NodeFacts& node, Fleet& fleet, Metrics& metrics, Duration patience)
    : broker_(broker),
      node_(node),
      fleet_(fleet),
      items_(metrics.counter("holdfast_published_items_total", "Items that the broker has accepted from this node.")),
      refused_(
          metrics.counter("holdfast_publish_refused_total", "Items that were refused, or that the broker did not answer for in time.")),
      requests_(metrics.counter("holdfast_publish_requests_total", "Publish requests with valid items, accepted or not.")),
      seconds_(metrics.histogram("holdfast_publish_seconds", "Time from valid items to the broker's answer.",
                                 {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5, 10})),
      patience_(patience),
      rates_(metrics) {}

tl::unexpected<Error> Service::refuse(const Caller& caller, std::string_view action, std::string_view target, std::string text) {
  audit_.refused(caller.name, action, target, text);
  return fail(ErrorKind::denied, std::move(text));
}

tl::unexpected<Error> Service::operators_only(const Caller& caller, std::string_view action, std::string_view target) {
  return refuse(caller, action, target, caller.name + " is no operator");
}

// ---- publish

// Never more confidence than the broker gave: an item without a receipt counts as refused.
Service::Receipts Service::counted(size_t count, Receipts receipts, TimePoint begin) {
  receipts.resize(count, fail(ErrorKind::internal, "the broker gave no receipt"));
  const auto refused = std::count_if(receipts.begin(), receipts.end(), [](const auto& receipt) { return !receipt; });
  refused_.add(refused);
  items_.add(static_cast<int64_t>(count) - refused);
  seconds_.observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  return receipts;
}

std::optional<Service::Receipts> Service::begin(const Caller& caller, const std::vector<Item>& items) {
  requests_.add();
  if (items.empty()) return Receipts();
  for (size_t i = 0; i < items.size(); ++i) {
    const auto fault = fault_of(caller, items[i]);
    if (!fault) continue;
    refused_.add(static_cast<int64_t>(items.size()));
    if (fault->kind == ErrorKind::denied) audit_.refused(caller.name, "publish", items[i].channel, fault->text);
    Receipts receipts(items.size(), fail(fault->kind, "not tried, since another item was refused"));
    receipts[i] = fail(*fault);
    return receipts;
  }
  const Duration wait = rates_.take(caller, items.size(), std::chrono::steady_clock::now());
  if (wait == Duration(0)) return std::nullopt;
  refused_.add(static_cast<int64_t>(items.size()));
  const Error error{ErrorKind::exhausted, caller.name + " publishes too much: try again in " + in_seconds(wait), wait};
  audit_.refused(caller.name, "publish", items.front().channel, error.text);
  return Receipts(items.size(), fail(error));
}

std::optional<Span> Service::begin_span(std::vector<Item>& items) const {
  if (tracer_ == nullptr) return std::nullopt;
  auto span = tracer_->begin(Span::Kind::producer, "publish", items.front().origin.traceparent, std::chrono::system_clock::now());
  if (!span) return std::nullopt;
  span->attributes = {{"messaging.system", "holdfast"},
                      {"messaging.destination.name", items.front().channel},
                      {"messaging.batch.message_count", std::to_string(items.size())}};
  for (auto& item : items) item.origin.traceparent = span->traceparent();
  return span;
}

void Service::end_span(std::optional<Span> span, const Receipts& receipts) const {
  if (!span) return;
  for (const auto& receipt : receipts) {
    if (!receipt) span->fault = receipt.error().text;
  }
  tracer_->end(std::move(*span), std::chrono::system_clock::now());
}

void Service::publish(const Caller& caller, std::vector<Item> items, const std::vector<std::string>& keys,
                      std::function<void(Receipts)> done) {
  if (auto over = begin(caller, items)) return done(std::move(*over));
  const size_t count = items.size();
  const auto at = std::chrono::steady_clock::now();
  auto span = begin_span(items);
  broker_.publish(to_requests(items, keys, fleet_.own_id()),
                  [this, count, at, span = std::move(span), done = std::move(done)](Receipts receipts) mutable {
                    receipts = counted(count, std::move(receipts), at);
                    end_span(std::move(span), receipts);
                    done(std::move(receipts));
                  });
}

Service::Receipts Service::publish(const Caller& caller, std::vector<Item> items, const std::vector<std::string>& keys) {
  if (auto over = begin(caller, items)) return std::move(*over);
  const size_t count = items.size();
  const auto at = std::chrono::steady_clock::now();
  auto span = begin_span(items);
  auto meeting = std::make_shared<Meeting>();
  broker_.publish(to_requests(items, keys, fleet_.own_id()), [meeting](Receipts receipts) {
    const std::lock_guard lock(meeting->mutex);
    meeting->receipts = std::move(receipts);
    meeting->done = true;
    meeting->arrived.notify_one();
  });
  Receipts receipts;
  {
    std::unique_lock lock(meeting->mutex);
    if (meeting->arrived.wait_for(lock, patience_, [&] { return meeting->done; }))
      receipts = std::move(meeting->receipts);
    else
      receipts.assign(count, fail(ErrorKind::unavailable, "the broker did not answer in time"));
  }
  receipts = counted(count, std::move(receipts), at);
  end_span(std::move(span), receipts);
  return receipts;
}

// ---- the rest

Result<std::shared_ptr<WatchFeed>> Service::watch(const Caller& caller, const std::string& channel, const std::string& since,
                                                  std::function<void()> ready) {
  if (channel.empty() || is_reserved(channel) || !is_field_value(channel)) return invalid("channel: this is no channel's name");
  if (!caller.may_read(channel)) return refuse(caller, "watch", channel, caller.name + " may not read channel " + channel);
  std::optional<Position> from;
  if (!since.empty()) {
    const auto positions = parse_token(since, {channel});
    if (!positions) return invalid("since: this is no position of channel " + channel);
    from = positions->front();
  }
  auto feed = std::make_shared<WatchFeed>(caller.until);
  feed->on_ready(std::move(ready));
  node_.watch(channel, from, feed);
  return feed;
}

Result<std::vector<NodeInfo>> Service::nodes(const Caller& caller) {
  if (!caller.operate) return operators_only(caller, "nodes");
  return fleet_.nodes();
}

Result<Service::Channels> Service::channels(const Caller& caller, const std::string& prefix, size_t most) {
  if (!caller.operate && !caller.may_read(prefix))
    return refuse(caller, "channels", prefix, caller.name + " may not list channels that begin with '" + prefix + "'");
  Channels out;
  out.list = fleet_.channels(prefix, most, out.answers);
  return out;
}

Result<Service::Channel> Service::channel(const Caller& caller, const std::string& name) {
  if (!caller.operate && !caller.may_read(name)) return refuse(caller, "channel", name, caller.name + " may not read channel " + name);
  Channel out;
  out.info = fleet_.channel(name, out.answers);
  return out;
}

Result<Service::Connections> Service::connections(const Caller& caller, const ConnectionQuery& query) {
  if (!caller.operate) return operators_only(caller, "connections");
  Connections out;
  out.list = fleet_.connections(query, out.answers);
  return out;
}

Result<std::vector<std::string>> Service::alive(const Caller& caller, const std::vector<std::string>& connections) {
  if (!caller.operate) return operators_only(caller, "alive");
  return fleet_.alive(connections);
}

// What an operator's command ends with.
Result<void> Service::told(const Caller& caller, std::string_view action, const std::string& target, bool found, const char* missing) {
  audit_.done(caller.name, action, target, found ? "done" : missing);
  if (!found) return fail(ErrorKind::not_found, missing);
  return {};
}

Result<void> Service::refresh(const Caller& caller, const std::string& connection) {
  if (!caller.operate) return operators_only(caller, "refresh", connection);
  return told(caller, "refresh", connection, fleet_.refresh(connection),
              "No node holds such a connection with a backend that knows only HTTP.");
}

Result<void> Service::disconnect(const Caller& caller, const std::string& connection) {
  if (!caller.operate) return operators_only(caller, "disconnect", connection);
  return told(caller, "disconnect", connection, fleet_.disconnect(connection), "No node holds it.");
}

Result<void> Service::drain(const Caller& caller, const std::string& node) {
  if (!caller.operate) return operators_only(caller, "drain", node);
  return told(caller, "drain", node, fleet_.drain(node), "There is no such node, or it does not answer.");
}

Result<void> Service::recover(const Caller& caller) {
  if (!caller.operate) return operators_only(caller, "recover");
  node_.recover();
  return told(caller, "recover", "", true, "");
}

}  // namespace holdfast::control
