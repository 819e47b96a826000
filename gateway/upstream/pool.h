#pragma once

#include <list>
#include <memory>
#include <vector>

#include "gateway/upstream/core.h"

namespace holdfast {

// A request that waits for a connection. Its turn: there is an idle connection or a slot to open one, and the request takes it.
class Waiter {
 public:
  virtual ~Waiter() = default;
  virtual void on_turn() = 0;

 private:
  friend class Pool;
  std::list<Waiter*>::iterator place_;
};

// The connections of one loop to one endpoint: idle ones (the last used first, so that the others grow old and go), how many may be open,
// and the requests that wait for one in order. Threads: its loop.
class Pool {
 public:
  explicit Pool(UpstreamCore& core);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // A connection that was just looked at, or null.
  std::unique_ptr<Connection> take_idle();
  // Counts one more open connection if there may be one. Who took the slot gives it back: with free_slot(), or with its connection.
  bool take_slot();
  void free_slot();

  bool anybody_waits() const { return !waiting_.empty(); }
  bool wait(Waiter& waiter);  // false: too many wait
  void leave(Waiter& waiter);
  void serve();

  void release(std::unique_ptr<Connection> connection);  // kept for the next request
  void discard(std::unique_ptr<Connection> connection);  // closed
  // It became a tunnel: it lives as long as its users want and takes no slot any more.
  void let_out();
  void drop_idle(Connection& connection);
  void drop_all_idle();

  bool unused() const { return open_ == 0 && tunnels_ == 0 && waiting_.empty(); }

 private:
  bool has_room() const;

  UpstreamCore& core_;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::list<Waiter*> waiting_;
  int64_t open_ = 0;  // connecting, busy and idle
  int64_t tunnels_ = 0;
};

}  // namespace holdfast
