#pragma once

#include <string>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/base/options.h"
#include "gateway/message/foreign.h"

namespace holdfast {

struct RedisOptions {
  ForeignChannels foreign;  // of section "broker"
  std::string address = "127.0.0.1:6379";
  std::vector<std::string> sentinels;  // when given, they say where the primary is, and `address` is not used
  std::string sentinel_master = "holdfast";
  std::string sentinel_username, sentinel_password;
  std::vector<std::string> cluster;  // when given: nodes of a Redis Cluster, of which one must answer; `address` is not used
  int64_t partitions = 256;          // of a Redis Cluster: channels of one share a slot
  std::string username, password;
  bool tls = false;  // to servers and to Sentinels
  std::string ca_file, cert_file, key_file;
  std::string tls_server_name;      // empty: the host of the address
  std::string prefix = "holdfast";  // of every key and pub/sub channel
  int64_t history_messages = 1000;  // per channel
  Duration history_age{600'000};    // a channel without publications for so long keeps no messages
  uint64_t max_message = 4u << 20;  // one envelope
  uint64_t max_waiting = 64u << 20;
  Duration timeout{5'000};  // of connecting, and of an answer
  std::string ack = "primary";
  Duration compare_tops{30'000};
};
void declare(OptionSet& set, RedisOptions& options);  // keys of section "broker.redis"
Result<void> check(const RedisOptions& options);      // Errors: invalid (options that contradict each other)

struct RedisAddress {
  std::string host;
  std::string port;
  bool operator==(const RedisAddress&) const = default;
};
std::string to_string(const RedisAddress& address);
// "HOST:PORT" or "[IPV6]:PORT".
Result<RedisAddress> parse_redis_address(std::string_view text);

}  // namespace holdfast
