#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gateway/upstream/core.h"

namespace holdfast {

// Told once how dialing ended, never from inside start(). May destroy the dial.
class DialUser {
 public:
  virtual void on_dialed(std::unique_ptr<Stream> stream) = 0;
  // `blocked`: none of the addresses is allowed. `text` says what was tried.
  virtual void on_dial_failed(bool blocked, std::string text) = 0;

 protected:
  ~DialUser() = default;
};

// Makes a connection to an endpoint: resolves its name, tries its addresses in order, and shakes hands for TLS. Each address has the
// connect time-out for itself. Destroying it gives up. Threads: its loop.
class Dial final : Watch, StreamUser, Timer, ResolveUser {
 public:
  Dial(UpstreamCore& core, const Endpoint& endpoint, DialUser& user);
  ~Dial() override;

  void start();

 private:
  void on_resolved(const std::vector<Address>& addresses, const std::string& error) override;
  void on_events(uint32_t events) override;
  void on_timer() override;

  void use(std::vector<Address> addresses);
  void next_address();
  bool open(const Address& address);
  void connected();
  void on_stream_readable() override {}
  void on_stream_writable() override;  // the handshake is decided
  void note(const std::string& reason);
  void close();
  void give_up_soon();

  UpstreamCore& core_;
  const Endpoint& endpoint_;
  DialUser& user_;
  std::vector<Address> addresses_;
  size_t next_ = 0;
  int socket_ = -1;                 // while it connects
  std::unique_ptr<Stream> stream_;  // while it shakes hands
  std::string tried_;
  bool asking_ = false;  // the resolver
  bool blocked_ = false;
  bool over_ = false;
};

}  // namespace holdfast
