#include "adapters/zeromq/peer_names.h"

#include <memory>
#include <sys/socket.h>

#include <netdb.h>

namespace holdfast::mesh {

namespace {

// The addresses that a peer stands for. A name that is not known (yet) stands for none.
void look_up(const std::string& peer, std::set<std::string>& out) {
  if (!peer.starts_with("tcp://")) {
    out.insert(peer);
    return;
  }
  const size_t colon = peer.rfind(':');
  std::string host = peer.substr(6, colon - 6);
  const std::string port = peer.substr(colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, ::freeaddrinfo);
  for (const addrinfo* each = list.get(); each != nullptr; each = each->ai_next) {
    char text[NI_MAXHOST];
    if (::getnameinfo(each->ai_addr, each->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0) continue;
    out.insert(each->ai_family == AF_INET6 ? "tcp://[" + std::string(text) + "]" + port : "tcp://" + std::string(text) + port);
  }
}

}  // namespace

PeerNames::PeerNames(std::vector<std::string> peers, Duration every, std::function<void(std::set<std::string>)> found)
    : peers_(std::move(peers)), every_(every), found_(std::move(found)), thread_([this] { run(); }) {}

PeerNames::~PeerNames() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  ended_.notify_one();
  thread_.join();
}

void PeerNames::run() {
  std::set<std::string> before;
  bool first = true;
  for (;;) {
    std::set<std::string> now;
    for (const auto& peer : peers_) look_up(peer, now);
    if (first || now != before) found_(now);
    before = std::move(now);
    first = false;
    std::unique_lock lock(mutex_);
    if (ended_.wait_for(lock, every_, [this] { return ending_; })) return;
  }
}

}  // namespace holdfast::mesh
