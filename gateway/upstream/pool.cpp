#include "gateway/upstream/pool.h"

#include <algorithm>

#include "gateway/upstream/connection.h"

namespace holdfast {

Pool::Pool(UpstreamCore& core) : core_(core) {}
Pool::~Pool() = default;

std::unique_ptr<Connection> Pool::take_idle() {
  while (!idle_.empty()) {
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    if (connection->looks_alive()) return connection;
    discard(std::move(connection));
  }
  return nullptr;
}

bool Pool::has_room() const { return open_ < core_.options.max_connections_per_target; }

bool Pool::take_slot() {
  if (!has_room()) return false;
  ++open_;
  return true;
}

void Pool::free_slot() {
  --open_;
  if (anybody_waits()) core_.serve_later(*this);
}

bool Pool::wait(Waiter& waiter) {
  if (static_cast<int64_t>(waiting_.size()) >= core_.options.max_waiting_per_target) return false;
  waiter.place_ = waiting_.insert(waiting_.end(), &waiter);
  core_.counts.waiting.add();
  return true;
}

void Pool::leave(Waiter& waiter) {
  waiting_.erase(waiter.place_);
  core_.counts.waiting.sub();
}

void Pool::serve() {
  while (anybody_waits() && (!idle_.empty() || has_room())) {
    Waiter& first = *waiting_.front();
    leave(first);
    first.on_turn();
  }
}

void Pool::release(std::unique_ptr<Connection> connection) {
  if (core_.closed() || static_cast<int64_t>(idle_.size()) >= core_.options.max_idle_per_target) return discard(std::move(connection));
  connection->go_idle();
  idle_.push_back(std::move(connection));
  if (anybody_waits()) core_.serve_later(*this);
}

void Pool::discard(std::unique_ptr<Connection> connection) {
  const bool tunnel = connection->is_tunnel();
  connection->close();
  core_.bury(std::move(connection));
  if (tunnel) {
    --tunnels_;
  } else {
    free_slot();
  }
}

void Pool::let_out() {
  ++tunnels_;
  free_slot();
}

void Pool::drop_idle(Connection& connection) {
  const auto found = std::find_if(idle_.begin(), idle_.end(), [&](const auto& idle) { return idle.get() == &connection; });
  if (found == idle_.end()) return;
  auto dropped = std::move(*found);
  idle_.erase(found);
  discard(std::move(dropped));
}

void Pool::drop_all_idle() {
  for (auto& connection : std::exchange(idle_, {})) discard(std::move(connection));
}

}  // namespace holdfast
