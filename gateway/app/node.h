#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gateway/app/settings.h"

namespace holdfast {

// One running node: loops with their parts, the broker, the doors. Threads: start, reload, drain and stop belong to one thread.
class Node {
 public:
  Node(Settings settings, std::vector<Route> routes);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Binds, connects, begins to serve. On an error nothing runs.
  Result<void> start();
  // Addresses as bound (port 0 resolved), for people.
  const std::vector<std::string>& edge_addresses() const;
  const std::vector<std::string>& socket_addresses() const;  // ZeroMQ, with what each is for
  std::string control_address() const;                       // empty: no such door
  std::string grpc_address() const;                          // empty: no such door
  std::string admin_address() const;

  void set_routes(std::vector<Route> routes);
  // Reads certificates again; those that cannot be used are named and the old ones kept.
  void reload_certificates();

  // Reads the keys of the control side's callers again; if one cannot be used it is named and all the old ones stay.
  void reload_keys();

  // Not ready; accepts nothing more; holds end over the window; then whatever is left is cut.
  void begin_drain();
  bool drained() const;
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast
