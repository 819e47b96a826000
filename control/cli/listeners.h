#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "gateway/base/result.h"

namespace holdfast::control {

// Many clients that hold a stream at a node and look for stamped messages in it: for `holdfast bench`. One thread.
class Listeners {
 public:
  using Clock = std::chrono::steady_clock;

  Listeners() = default;
  ~Listeners();
  Listeners(const Listeners&) = delete;
  Listeners& operator=(const Listeners&) = delete;

  // Connects and asks for the stream. `url`: http://HOST:PORT/PATH. Errors: invalid (the URL), unavailable (the node, or too few
  // descriptors).
  Result<void> open(const std::string& url, size_t count);
  // Reads what is there, waiting up to `patience` for the first of it.
  void turn(std::chrono::milliseconds patience);

  size_t begun() const { return begun_; }  // whose response has begun with 200
  size_t ended() const { return ended_; }  // that are gone
  uint64_t messages() const { return messages_; }
  const std::string& refusal() const { return refusal_; }  // status line of a response that was no 200
  std::vector<float>& delays() { return delays_; }         // milliseconds, of each message

  // What a message looks like for them to know it.
  static std::string stamp();

 private:
  struct One {
    int fd = -1;
    bool begun = false;
    std::string rest;
  };
  void read(One& one);
  void look(One& one);
  void close(One& one);

  int poll_ = -1;
  std::vector<One> all_;
  size_t begun_ = 0, ended_ = 0;
  uint64_t messages_ = 0;
  std::string refusal_;
  std::vector<float> delays_;
};

}  // namespace holdfast::control
