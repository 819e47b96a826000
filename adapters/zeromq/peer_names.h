#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gateway/base/clock.h"

namespace holdfast::mesh {

// Looks up peers that are names, again and again: a name may stand for many nodes, which come and go. Looking up blocks, so it has a
// thread.
class PeerNames {
 public:
  // `found` is called on that thread with every address ("tcp://10.0.0.7:5570"), whenever they are others than before.
  PeerNames(std::vector<std::string> peers, Duration every, std::function<void(std::set<std::string>)> found);
  ~PeerNames();
  PeerNames(const PeerNames&) = delete;
  PeerNames& operator=(const PeerNames&) = delete;

 private:
  void run();

  const std::vector<std::string> peers_;
  const Duration every_;
  const std::function<void(std::set<std::string>)> found_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace holdfast::mesh
