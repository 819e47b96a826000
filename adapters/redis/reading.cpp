#include <cstdio>

#include "adapters/redis/redis_broker.h"
#include "adapters/redis/replies.h"

namespace holdfast {

namespace {

constexpr unsigned kMostTries = 8;
constexpr Duration kLookAgain{20};

Result<HistoryPage> parse_page(const std::string& channel, const redisReply& reply) {
  const auto garbled = [] { return unavailable("Redis answers what was not asked"); };
  if (reply.type != REDIS_REPLY_ARRAY || reply.elements != 3 || reply.element[2]->type != REDIS_REPLY_ARRAY) return garbled();
  HistoryPage page;
  auto text = text_of(*reply.element[0]);
  const auto top = take_position(text);
  if (!top) return garbled();
  page.top = *top;
  page.continuous = reply.element[1]->integer != 0;
  for (size_t i = 0; i < reply.element[2]->elements; ++i) {
    const redisReply* entry = reply.element[2]->element[i];
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
  return page;
}

}  // namespace

void RedisBroker::do_read(const std::shared_ptr<Reading>& reading) {
  if (options_.foreign.match(reading->channel)) {
    return reading->done(fail(ErrorKind::not_found, "a channel of broker.foreign has no history with Redis"));
  }
  auto& partition = partition_of(reading->channel);
  RedisShard* shard = sink_ == nullptr ? nullptr : reading->asks ? &shard_at(*reading->asks) : partition.owner;
  if (shard == nullptr || !shard->is_up()) {
    const bool was_named = shard != nullptr && shard->is_new() && reading->tries > 0;
    if (!was_named || clock_.now() >= reading->deadline) return reading->done(unavailable("the broker cannot be reached"));
    return after(kLookAgain, [this, reading] { do_read(reading); });
  }
  const std::string m = key(partition, 'm', reading->channel), h = key(partition, 'h', reading->channel), fresh = fresh_epoch();
  char epoch[17] = "";
  if (reading->since.known()) std::snprintf(epoch, sizeof epoch, "%016llx", static_cast<unsigned long long>(reading->since.epoch));
  const std::string offset = std::to_string(reading->since.offset), most = std::to_string(reading->limit);
  if (reading->asks) shard->command({"ASKING"}, [](const redisReply*) {});
  reading->asks.reset();
  shard->command({"EVALSHA", shard->read_sha(), "2", m, h, shard->fence(), fresh, state_age_, epoch, offset, most},
                 [this, shard, reading](const redisReply* reply) { on_page(*shard, reading, reply); });
}

void RedisBroker::on_page(RedisShard& shard, const std::shared_ptr<Reading>& reading, const redisReply* reply) {
  if (reply == nullptr) return reading->done(unavailable("the connection to the broker was lost"));
  if (!is_error(reply)) return reading->done(parse_page(reading->channel, *reply));
  const std::string text(text_of(*reply));
  const auto delay = passes_in(text, shard, partition_of(reading->channel), reading->tries, reading->asks);
  if (delay && ++reading->tries <= kMostTries && clock_.now() + *delay < reading->deadline) {
    return after(*delay, [this, reading] { do_read(reading); });
  }
  reading->done(unavailable("Redis: " + text));
  if (needs_other_server(text)) shard.lose(text);
}

}  // namespace holdfast
