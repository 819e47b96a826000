#include "adapters/redis/redis_broker.h"
#include "adapters/redis/replies.h"

namespace holdfast {

namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr unsigned kMostTries = 8;
constexpr Duration kTryAgain{50};   // longer each time
constexpr Duration kLookAgain{20};  // whether a server that was just named is connected

}  // namespace

void RedisBroker::do_publish(std::vector<PublishRequest> messages, const ReceiptsDone& done) {
  auto batch = std::make_shared<Batch>();
  batch->left = messages.size();
  batch->done = done;
  batch->receipts.resize(messages.size(), unavailable("not published"));
  if (messages.empty()) return done({});
  size_t index = 0;
  for (auto& request : messages) {
    const size_t size = request.envelope.size();
    Message message{std::move(request), batch, index++, clock_.now() + options_.timeout};
    if (message.request.channel.empty()) {
      answer(message, invalid("a channel has a name"));
    } else if (size > options_.max_message) {
      answer(message, fail(ErrorKind::too_large, "larger than broker.redis.max_message"));
    } else if (auto& partition = partition_of(message.request.channel); partition.stalled) {
      partition.held.push_back(std::move(message));
    } else {
      route(partition, std::move(message));
    }
  }
}

void RedisBroker::route(Partition& partition, Message message) {
  RedisShard* shard = sink_ == nullptr ? nullptr : message.asks ? &shard_at(*message.asks) : partition.owner;
  if (shard != nullptr && shard->is_up()) return send_message(*shard, partition, std::move(message));
  const bool was_named = shard != nullptr && shard->is_new() && message.tries > 0;
  if (!was_named || clock_.now() >= message.deadline) return answer(message, unavailable("the broker cannot be reached"));
  stall(partition, kLookAgain);
  partition.again.push_back(std::move(message));
  after(kLookAgain, [this, &partition] { resume(partition); });
}

void RedisBroker::send_message(RedisShard& shard, Partition& partition, Message message) {
  const auto& request = message.request;
  const std::string m = key(partition, 'm', request.channel), h = key(partition, 'h', request.channel);
  const std::string c = key(partition, 'c', request.channel);
  const std::string i = request.idempotency_key.empty()
                            ? std::string()
                            : key(partition, 'i', std::to_string(request.channel.size()) + ":" + request.channel + request.idempotency_key);
  const std::string fresh = fresh_epoch();
  const std::string now = std::to_string(duration_cast<milliseconds>(clock_.wall().time_since_epoch()).count());
  RedisLink::Arguments arguments{"EVALSHA", shard.publish_sha(), i.empty() ? "2" : "3", m, h};
  if (!i.empty()) arguments.push_back(i);
  arguments.insert(arguments.end(), {shard.fence(), fresh, now, request.envelope.view(), c, kept_, age_, state_age_, key_window_});
  if (message.asks) shard.command({"ASKING"}, [](const redisReply*) {});
  message.asks.reset();
  ++partition.under_way;
  const uint64_t write = options_.ack == "replicated" ? shard.note_write() : 0;
  shard.command(arguments, [this, &shard, &partition, write, message = std::move(message)](const redisReply* reply) mutable {
    on_published(shard, partition, message, write, reply);
  });
}

void RedisBroker::on_published(RedisShard& shard, Partition& partition, Message& message, uint64_t write, const redisReply* reply) {
  --partition.under_way;
  if (reply == nullptr) {
    answer(message, unavailable("the connection was lost before the broker's answer: it may have been published"));
  } else if (std::string_view text = text_of(*reply); is_error(reply)) {
    const auto delay = passes_in(text, shard, partition, message.tries, message.asks);
    if (delay && ++message.tries <= kMostTries && clock_.now() + *delay < message.deadline) {
      stall(partition, *delay);
      partition.again.push_back(std::move(message));
    } else {
      const bool moving = text.starts_with("ASK ") || text.starts_with("TRYAGAIN");
      answer(message, unavailable("Redis: " + (moving ? "the channel's slot is moving" : std::string(text))));
      if (needs_other_server(text)) shard.lose(std::string(text));
    }
  } else if (const auto position = take_position(text); !position) {
    answer(message, unavailable("Redis answers what was not asked"));
  } else {
    refuse_overtaken(partition, message.request.channel);
    const PublishReceipt receipt{*position, text == "dup"};
    if (write == 0) {
      answer(message, receipt);
    } else {
      shard.when_replicated(write, [this, message = std::move(message), receipt](int64_t replicas) {
        if (replicas > 0) return answer(message, receipt);
        answer(message,
               unavailable(replicas == 0 ? "it is on the primary only and may be delivered, but no replica has it in time: a retry "
                                           "with the same idempotency key is safe"
                                         : "the connection was lost before a replica had it: it may have been published"));
      });
    }
  }
  if (!partition.stalled || partition.under_way > 0) return;
  const auto now = clock_.now();
  if (now >= partition.resume_at) return resume(partition);
  after(duration_cast<Duration>(partition.resume_at - now) + Duration(1), [this, &partition] { resume(partition); });
}

std::optional<Duration> RedisBroker::passes_in(std::string_view error, RedisShard& shard, Partition& partition, unsigned tries,
                                               std::optional<RedisAddress>& asks) {
  if (error.starts_with("NOSCRIPT")) {
    shard.load_scripts();
    return Duration(0);
  }
  if (error.starts_with("MOVED")) {
    follow(partition, shard, error);
    return kTryAgain * tries;
  }
  if (error.starts_with("ASK ")) {
    const auto address = parse_redirection(error, shard.address());
    if (address) asks = *address;
    return kTryAgain * tries;
  }
  if (error.starts_with("TRYAGAIN") || error.starts_with("CLUSTERDOWN")) {
    hurry_topology();
    return kTryAgain * (tries + 1);
  }
  return std::nullopt;
}

void RedisBroker::stall(Partition& partition, Duration delay) {
  partition.stalled = true;
  partition.resume_at = std::max(partition.resume_at, clock_.now() + delay);
}

// Those that were refused come first, in order, then those that waited behind them.
void RedisBroker::resume(Partition& partition) {
  if (!partition.stalled || partition.under_way > 0 || clock_.now() < partition.resume_at) return;
  partition.stalled = false;
  auto again = std::exchange(partition.again, {});
  auto held = std::exchange(partition.held, {});
  for (auto* list : {&again, &held}) {
    auto& back = list == &again ? partition.again : partition.held;
    for (auto& message : *list) {
      if (partition.stalled) {
        back.push_back(std::move(message));
      } else {
        route(partition, std::move(message));
      }
    }
  }
}

// A message was accepted though one before it was refused for a reason that passed meanwhile. To send that again would change their order.
void RedisBroker::refuse_overtaken(Partition& partition, const std::string& channel) {
  std::erase_if(partition.again, [&](const Message& message) {
    if (message.request.channel != channel) return false;
    answer(message, unavailable("it was refused for a moment, and a later message of its channel was not"));
    return true;
  });
}

void RedisBroker::refuse_waiting(Partition& partition, const std::string& reason) {
  if (partition.under_way == 0) partition.stalled = false;
  auto again = std::exchange(partition.again, {});
  auto held = std::exchange(partition.held, {});
  for (auto* list : {&again, &held}) {
    for (auto& message : *list) answer(message, unavailable(reason));
  }
}

void RedisBroker::answer(const Message& message, Result<PublishReceipt> receipt) {
  const size_t size = message.request.envelope.size();
  waiting_bytes_ -= size;
  waiting_gauge_.sub(static_cast<int64_t>(size));
  auto& batch = *message.batch;
  batch.receipts[message.index] = std::move(receipt);
  if (--batch.left == 0) batch.done(std::move(batch.receipts));
}

}  // namespace holdfast
