#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gateway/net/loop.h"
#include "gateway/upstream/address.h"

namespace holdfast {

// Told what a name stands for. `addresses` is empty if it could not be resolved; then `error` says why. May cancel anybody's question.
class ResolveUser {
 public:
  virtual void on_resolved(const std::vector<Address>& addresses, const std::string& error) = 0;

 protected:
  ~ResolveUser() = default;
};

// Names to addresses, off the loop; equal questions at one time are asked once, and answers are kept for five seconds: long enough for a
// burst of connections, short enough that a changed record is noticed. Threads: its loop.
class Resolver {
 public:
  explicit Resolver(Loop& loop);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // A fresh answer, or null. Valid until the next call.
  const std::vector<Address>* cached(const std::string& name) const;
  // Answered once, later, unless cancelled.
  void ask(const std::string& name, ResolveUser& user);
  void cancel(ResolveUser& user);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace holdfast
