#pragma once

#include <string>
#include <utility>
#include <vector>

namespace holdfast {

// One thing that was looked at before or while a node runs, and what to do about it.
struct Finding {
  enum class State {
    ok,
    warn,  // works, but a fault will cost messages or connections
    fail,  // does not work, or loses messages without a fault
  };
  State state = State::ok;
  std::string what;    // "redis 127.0.0.1:6379 maxmemory-policy"
  std::string text;    // how it is
  std::string advice;  // what to do; empty when ok
};
using Findings = std::vector<Finding>;

inline Finding good(std::string what, std::string text) { return {Finding::State::ok, std::move(what), std::move(text), {}}; }
inline Finding risky(std::string what, std::string text, std::string advice) {
  return {Finding::State::warn, std::move(what), std::move(text), std::move(advice)};
}
inline Finding broken(std::string what, std::string text, std::string advice) {
  return {Finding::State::fail, std::move(what), std::move(text), std::move(advice)};
}

}  // namespace holdfast
