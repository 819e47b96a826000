#pragma once

#include <functional>
#include <optional>
#include <string>

namespace holdfast::control {

// What an answer without a known end says, piece by piece. Threads: one takes; on_ready's function is called on any.
class EventSource {
 public:
  virtual ~EventSource() = default;
  virtual std::optional<std::string> next() = 0;  // nullopt: nothing now
  virtual bool ended() const = 0;                 // what next() gave was the last
  virtual void on_ready(std::function<void()> ready) = 0;
  virtual void end(const std::string& reason) = 0;  // a last event comes
};

}  // namespace holdfast::control
