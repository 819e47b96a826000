#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace holdfast {

// ZeroMQ sockets that message-speaking backends connect to with REP (Pushpin's zhttpreq targets): a request is one message, its answer
// another, told apart by an id. One thread of its own owns the sockets. Threads: any.
class MessageSockets {
 public:
  MessageSockets();
  ~MessageSockets();
  MessageSockets(const MessageSockets&) = delete;
  MessageSockets& operator=(const MessageSockets&) = delete;

  // Binds those of the addresses ("tcp://127.0.0.1:5000") that are not bound yet. Returns what went wrong, for logs.
  std::vector<std::string> bind(const std::vector<std::string>& addresses);

  std::string new_id();
  // Sends `message`; `done` is called once on the sockets' thread with the answer as it came, or nullopt if nobody is connected there, too
  // many wait, or the sockets go. An answer is matched by its `id`.
  using Done = std::function<void(std::optional<std::string> answer)>;
  void request(const std::string& address, std::string id, std::string message, Done done);
  // Nobody waits for that answer any more.
  void forget(const std::string& id);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast
