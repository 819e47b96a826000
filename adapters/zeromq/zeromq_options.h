#pragma once

#include <string>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/base/options.h"
#include "gateway/base/result.h"

namespace holdfast {

struct ZeromqOptions {
  std::string bind = "tcp://127.0.0.1:5570";  // where other nodes connect; empty: this node only listens to the others
  std::vector<std::string> peers;             // the others' addresses; its own may be among them
  Duration resolve_every{10'000};             // peers that are names are looked up again
  Duration heartbeat{1'000};
  Duration peer_timeout{4'000};  // nothing was heard from it for so long: it is gone
  Duration timeout{3'000};       // for another node's answer
  std::string secret_key;        // CURVE, Z85; the same on all nodes
  bool allow_plain = false;      // without a key on an address that others reach
  int64_t high_water_mark = 100'000;
  int64_t history_messages = 1000;
  Duration history_age{600'000};
  uint64_t history_bytes = 64u << 20;
  int64_t max_channels = 250'000;
  uint64_t max_message = 4u << 20;
  uint64_t max_waiting = 64u << 20;  // bytes of publications that wait for another node's answer
};
void declare(OptionSet& set, ZeromqOptions& options);  // keys of section "broker.zeromq"
Result<void> check(const ZeromqOptions& options);      // Errors: invalid (a key that is none; open to others without one)

}  // namespace holdfast
