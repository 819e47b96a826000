#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include "adapters/redis/redis_options.h"
#include "gateway/base/finding.h"

namespace holdfast {

// Asks every primary about what would lose messages: eviction, persistence, replication, short pub/sub buffers, its clock.
// Blocks, up to `options.timeout` for each server.
Findings examine(const RedisOptions& options);

// What one server says of itself.
struct RedisFacts {
  std::map<std::string, std::string, std::less<>> info;
  std::map<std::string, std::string, std::less<>> config;  // empty: it may not be read
  std::chrono::milliseconds ahead{0};                      // of its clock before ours
};
// `name` begins each finding: "redis 127.0.0.1:6379".
Findings judge(const std::string& name, const RedisFacts& facts, const RedisOptions& options);

}  // namespace holdfast
