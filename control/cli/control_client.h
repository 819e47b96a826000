#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/base/result.h"

namespace CLI {
class App;
}

namespace holdfast::control {

// How a command ended; the same for all that talk to a node.
enum class Exit { good = 0, refused = 1, usage = 2, unreachable = 3 };

// Where the control door is, who asks, and for whom the answer is.
struct DoorArguments {
  std::string url = "http://127.0.0.1:5561";
  std::string token_file;
  bool json = false;
};
void add_door_options(CLI::App& command, DoorArguments& arguments);

struct DoorAnswer {
  int status = 0;
  std::string body;
};

// One control door. Waits; one thread.
class ControlClient {
 public:
  // `in`: where "-" reads the token from. Errors: invalid (the URL, the token's file).
  static Result<ControlClient> open(const DoorArguments& arguments, std::istream& in);
  ControlClient(ControlClient&&) noexcept;
  ControlClient& operator=(ControlClient&&) noexcept;
  ~ControlClient();

  const std::string& name() const;  // HOST:PORT, for people
  const std::string& base() const;  // path of the URL, without a slash at its end
  // Errors: unavailable (nobody answers, or not in time).
  Result<DoorAnswer> get(const std::string& path);
  Result<DoorAnswer> post(const std::string& path, const std::string& body);
  // Hands over the body of a 200 as it comes, until it ends or `take` answers false; another answer is returned as it is.
  Result<DoorAnswer> stream(const std::string& path, const std::function<bool(std::string_view piece)>& take);

 private:
  struct State;
  explicit ControlClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Tells on `err`, or as JSON on `out`, why a command failed.
class Complaint {
 public:
  Complaint(std::string command, bool json, std::ostream& out, std::ostream& err)
      : command_(std::move(command)), json_(json), out_(out), err_(err) {}

  Exit usage(const std::string& text) const { return tell(Exit::usage, text, 0); }
  Exit unreachable(const ControlClient& client, const Error& error) const {
    return tell(Exit::unreachable, "cannot reach " + client.name() + ": " + error.text, 0);
  }
  Exit unreachable(const std::string& text) const { return tell(Exit::unreachable, text, 0); }
  // Of a problem (RFC 9457) the detail is told.
  Exit refused(const ControlClient& client, const DoorAnswer& answer) const;

 private:
  Exit tell(Exit exit, const std::string& text, int status) const;

  const std::string command_;
  const bool json_;
  std::ostream& out_;
  std::ostream& err_;
};

std::string percent_encoded(std::string_view text);  // as a part of a path or a query

}  // namespace holdfast::control
