#include "adapters/redis/redis_check.h"

#include <algorithm>
#include <set>

#include "adapters/redis/find_primary.h"
#include "adapters/redis/redis_link.h"
#include "adapters/redis/replies.h"
#include "adapters/redis/slots.h"
#include "gateway/base/text.h"

namespace holdfast {

namespace {

const std::atomic<bool> kNeverEnding{false};

using std::chrono::milliseconds;

constexpr milliseconds kClockAside{1000};
constexpr milliseconds kClockFar{10'000};
constexpr uint64_t kPubsubHard = 32u << 20;  // Redis' own default
constexpr uint64_t kPubsubSoft = 8u << 20;

// One server's facts against the options; each method looks at one thing.
class Judge {
 public:
  Judge(std::string name, const RedisFacts& facts, const RedisOptions& options, Findings& out)
      : name_(std::move(name)), facts_(facts), options_(options), out_(out) {}

  void all() {
    role();
    clock();
    if (facts_.config.empty()) {
      risk("settings", "CONFIG GET is not allowed", "look yourself at maxmemory-policy, appendonly and client-output-buffer-limit");
    } else {
      eviction();
      persistence();
      pubsub_buffer();
      replicas();
      cluster();
    }
  }

 private:
  std::string info(std::string_view key) const { return value(facts_.info, key); }
  std::string config(std::string_view key) const { return value(facts_.config, key); }
  static std::string value(const std::map<std::string, std::string, std::less<>>& map, std::string_view key) {
    const auto found = map.find(key);
    return found == map.end() ? std::string() : found->second;
  }
  static uint64_t number(std::string_view text) { return parse_uint(text).value_or(0); }

  void fine(std::string_view what, std::string text) { out_.push_back(good(named(what), std::move(text))); }
  void risk(std::string_view what, std::string text, std::string advice) {
    out_.push_back(risky(named(what), std::move(text), std::move(advice)));
  }
  void wrong(std::string_view what, std::string text, std::string advice) {
    out_.push_back(broken(named(what), std::move(text), std::move(advice)));
  }
  std::string named(std::string_view what) const { return name_ + " " + std::string(what); }

  void role() {
    if (info("role") == "master") return fine("role", "primary, Redis " + info("redis_version"));
    wrong("role", "is a " + info("role") + ": it refuses publications",
          "name the primary in broker.redis.address, or the Sentinels in broker.redis.sentinels");
  }

  void clock() {
    const auto aside = milliseconds(std::abs(facts_.ahead.count()));
    const std::string text = std::to_string(aside.count()) + " ms " + (facts_.ahead.count() < 0 ? "behind" : "ahead of") + " this machine";
    if (aside < kClockAside) return fine("clock", text);
    const std::string advice = "have NTP set both clocks: times of messages and history's age are the server's";
    aside < kClockFar ? risk("clock", text, advice) : wrong("clock", text, advice);
  }

  void eviction() {
    const std::string policy = config("maxmemory-policy");
    const uint64_t limit = number(config("maxmemory"));
    if (policy != "noeviction" && limit > 0) {
      return wrong("maxmemory-policy",
                   policy + " with maxmemory " + format_size(limit) + ": history and positions are thrown away under load",
                   "CONFIG SET maxmemory-policy noeviction, and give this Redis to Holdfast alone");
    }
    if (number(info("evicted_keys")) > 0) {
      return risk("maxmemory-policy", info("evicted_keys") + " keys were evicted since it started",
                  "see what had set maxmemory-policy; it is " + policy + " now");
    }
    fine("maxmemory-policy", limit == 0 ? policy + ", no maxmemory" : policy);
  }

  void persistence() {
    const bool log = config("appendonly") == "yes";
    if (log && config("appendfsync") != "no") return fine("persistence", "appendonly, fsync " + config("appendfsync"));
    if (log)
      return risk("persistence", "appendfsync no: a crash of the machine loses what the kernel had not written",
                  "CONFIG SET appendfsync everysec");
    if (config("save").empty()) {
      return risk("persistence", "neither appendonly nor save: a restart begins with nothing, and clients that come back are told of a gap",
                  "CONFIG SET appendonly yes, unless replicas keep the data");
    }
    risk("persistence", "snapshots only (save " + config("save") + "): a restart loses what came since the last one",
         "CONFIG SET appendonly yes");
  }

  // "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"
  void pubsub_buffer() {
    const std::string text = config("client-output-buffer-limit");
    const auto words = split(text, ' ');
    const auto at = std::find(words.begin(), words.end(), "pubsub");
    if (words.end() - at < 4) return;
    const uint64_t hard = number(at[1]);
    const uint64_t soft = number(at[2]);
    const std::string shown = std::string(at[1]) + " " + std::string(at[2]) + " " + std::string(at[3]);
    const std::string advice = "CONFIG SET client-output-buffer-limit \"pubsub 268435456 134217728 60\": a node past the limit is cut off";
    if (hard > 0 && hard < options_.max_message * 2) {
      return wrong("client-output-buffer-limit", "pubsub " + shown + ": less than two messages of broker.redis.max_message", advice);
    }
    if ((hard > 0 && hard < kPubsubHard) || (soft > 0 && soft < kPubsubSoft))
      return risk("client-output-buffer-limit", "pubsub " + shown, advice);
    fine("client-output-buffer-limit", "pubsub " + shown);
  }

  void replicas() {
    const uint64_t count = number(info("connected_slaves"));
    const uint64_t least = number(config("min-replicas-to-write"));
    if (options_.ack == "replicated") {
      if (count > 0) return fine("replicas", std::to_string(count) + "; acknowledged when one has it");
      return wrong("replicas", "none is connected, and broker.redis.ack is replicated: no publication is acknowledged",
                   "connect a replica, or set broker.redis.ack: primary");
    }
    if (count == 0) return fine("replicas", "none: what this server loses is lost");
    if (least == 0) {
      risk("min-replicas-to-write",
           "0 with " + std::to_string(count) + " replicas: a primary that is cut off goes on accepting what the fail-over loses",
           "CONFIG SET min-replicas-to-write 1, or set broker.redis.ack: replicated");
    } else {
      fine("min-replicas-to-write", std::to_string(least));
    }
    if (config("replica-read-only") == "no") {
      risk("replica-read-only", "no: a node that takes a replica for the primary publishes into nowhere",
           "CONFIG SET replica-read-only yes");
    }
  }

  void cluster() {
    if (options_.cluster.empty()) return;
    if (config("cluster-allow-reads-when-down") == "yes") {
      return risk("cluster-allow-reads-when-down", "yes: history is read from a server that may have been left behind",
                  "CONFIG SET cluster-allow-reads-when-down no");
    }
    fine("cluster-allow-reads-when-down", "no");
  }

  const std::string name_;
  const RedisFacts& facts_;
  const RedisOptions& options_;
  Findings& out_;
};

void read_info(std::string_view text, RedisFacts& facts) {
  for (std::string_view line : split(text, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    const size_t colon = line.find(':');
    if (!line.starts_with('#') && colon != std::string_view::npos) facts.info[std::string(line.substr(0, colon))] = line.substr(colon + 1);
  }
}

void read_config(const redisReply& reply, RedisFacts& facts) {
  if (reply.type != REDIS_REPLY_ARRAY) return;
  for (size_t i = 0; i + 1 < reply.elements; i += 2) facts.config[std::string(text_of(*reply.element[i]))] = text_of(*reply.element[i + 1]);
}

milliseconds clock_of(const redisReply& reply, WallTime asked, WallTime answered) {
  if (reply.type != REDIS_REPLY_ARRAY || reply.elements != 2) return milliseconds(0);
  const auto seconds = parse_uint(text_of(*reply.element[0])).value_or(0);
  const auto micros = parse_uint(text_of(*reply.element[1])).value_or(0);
  const WallTime theirs(std::chrono::seconds(static_cast<int64_t>(seconds)) + std::chrono::microseconds(static_cast<int64_t>(micros)));
  return std::chrono::duration_cast<milliseconds>(theirs - (asked + (answered - asked) / 2));
}

void examine_server(const RedisAddress& address, const RedisOptions& options, const RedisLogin& login, Findings& out) {
  const std::string name = "redis " + to_string(address);
  const auto asked = std::chrono::system_clock::now();
  const auto replies = ask_once(address, login, {{"TIME"}, {"INFO"}, {"CONFIG", "GET", "*"}}, options.timeout, kNeverEnding);
  const auto answered = std::chrono::system_clock::now();
  if (!replies) {
    out.push_back(broken(name, replies.error().text, "start it, or mend broker.redis; nothing is published or received until it answers"));
    return;
  }
  RedisFacts facts;
  facts.ahead = clock_of(*(*replies)[0], asked, answered);
  read_info(text_of(*(*replies)[1]), facts);
  read_config(*(*replies)[2], facts);
  if (facts.info.empty()) {
    out.push_back(broken(name, "refuses INFO: " + std::string(text_of(*(*replies)[1])),
                         "allow INFO, TIME and CONFIG|GET to the ACL user of broker.redis"));
    return;
  }
  const auto judged = judge(name, facts, options);
  out.insert(out.end(), judged.begin(), judged.end());
}

// The primaries of a cluster, by the first node that answers.
Result<std::vector<RedisAddress>> cluster_primaries(const RedisOptions& options, const RedisLogin& login) {
  std::string last = "no node is named";
  for (const auto& text : options.cluster) {
    const auto address = parse_redis_address(text);
    if (!address) return fail(address.error());
    const auto replies = ask_once(*address, login, {{"CLUSTER", "SLOTS"}}, options.timeout, kNeverEnding);
    const auto ranges = replies ? parse_slots(*replies->front(), *address) : tl::unexpected(replies.error());
    if (!ranges) {
      last = text + ": " + ranges.error().text;
      continue;
    }
    std::vector<RedisAddress> out;
    for (const auto& range : *ranges) {
      if (std::find(out.begin(), out.end(), range.primary) == out.end()) out.push_back(range.primary);
    }
    return out;
  }
  return fail(ErrorKind::unavailable, last);
}

}  // namespace

Findings judge(const std::string& name, const RedisFacts& facts, const RedisOptions& options) {
  Findings out;
  Judge(name, facts, options, out).all();
  return out;
}

Findings examine(const RedisOptions& options) {
  Findings out;
  const auto tls = RedisTls::make(options);
  if (!tls) return {broken("redis tls", tls.error().text, "mend ca_file, cert_file and key_file of broker.redis")};
  const RedisLogin login{options.username, options.password, *tls};
  std::vector<RedisAddress> servers;
  if (!options.cluster.empty()) {
    auto primaries = cluster_primaries(options, login);
    if (!primaries) return {broken("redis cluster", primaries.error().text, "start it, or mend broker.redis.cluster")};
    servers = *std::move(primaries);
  } else {
    auto primary = find_primary(options, options.timeout, kNeverEnding);
    if (!primary)
      return {broken("redis sentinels", primary.error().text, "start them, or mend broker.redis.sentinels and sentinel_master")};
    servers.push_back(*std::move(primary));
  }
  for (const auto& server : servers) examine_server(server, options, login, out);
  return out;
}

}  // namespace holdfast
