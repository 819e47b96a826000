#include "gateway/upstream/dial.h"

#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <system_error>

#include <unistd.h>

#include "gateway/base/text.h"

namespace holdfast {

namespace {

std::string reason(int error) {
  std::string text = std::generic_category().message(error);
  if (!text.empty()) text[0] = lower(text[0]);
  return text;
}

}  // namespace

Dial::Dial(UpstreamCore& core, const Endpoint& endpoint, DialUser& user) : core_(core), endpoint_(endpoint), user_(user) {}

Dial::~Dial() {
  close();
  if (asking_) core_.resolver.cancel(*this);
}

void Dial::start() {
  core_.timers().set_in(*this, core_.options.connect_timeout);
  if (endpoint_.unix_socket) {
    auto address = unix_address(endpoint_.host);
    if (address) return use({*address});
    note(address.error().text);
    return give_up_soon();
  }
  if (const auto literal = literal_address(endpoint_.host)) return use({*literal});
  if (const auto* known = core_.resolver.cached(endpoint_.host)) return use(*known);
  asking_ = true;
  core_.resolver.ask(endpoint_.host, *this);
}

void Dial::on_resolved(const std::vector<Address>& addresses, const std::string& error) {
  asking_ = false;
  if (over_) return;  // too late
  if (!addresses.empty()) return use(addresses);
  note(error);
  give_up_soon();
}

void Dial::use(std::vector<Address> addresses) {
  if (endpoint_.public_only && std::erase_if(addresses, [](const Address& address) { return !is_public(address); }) > 0 &&
      addresses.empty()) {
    blocked_ = true;
    note("not a public address");
    return give_up_soon();
  }
  addresses_ = std::move(addresses);
  for (auto& address : addresses_) address.set_port(endpoint_.port);
  next_address();
}

void Dial::next_address() {
  close();
  while (next_ < addresses_.size()) {
    if (open(addresses_[next_++])) return core_.timers().set_in(*this, core_.options.connect_timeout);
    close();
  }
  give_up_soon();
}

bool Dial::open(const Address& address) {
  socket_ = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket_ < 0) {
    note(reason(errno));
    return false;
  }
  if (address.family() != AF_UNIX) {
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  if (::connect(socket_, address.get(), address.length) != 0 && errno != EINPROGRESS) {
    note(reason(errno));
    return false;
  }
  core_.loop.add(socket_, *this);
  return true;
}

// The connection is decided. The stream is made only now: a TLS stream that starts its handshake on a refused socket would use up the
// reason.
void Dial::on_events(uint32_t events) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error == 0 && (events & EPOLLOUT) == 0) return;
  if (error == 0) return connected();
  note(reason(error));
  next_address();
}

void Dial::connected() {
  core_.loop.remove(socket_, *this);
  const int socket = std::exchange(socket_, -1);
  if (!endpoint_.tls) {
    cancel();
    return user_.on_dialed(make_stream(core_.loop, socket));
  }
  const auto context = core_.tls(endpoint_);
  if (!context) {
    ::close(socket);
    note(context.error().text);
    return next_address();
  }
  const std::string& name = endpoint_.server_name.empty() ? endpoint_.host : endpoint_.server_name;
  stream_ = make_tls_client_stream(core_.loop, socket, **context, name, endpoint_.verify);
  stream_->wait_writable(*this);
}

void Dial::on_stream_writable() {
  // Whether it succeeded is seen by reading: nothing may have come, and nothing may be wrong.
  char byte = 0;
  if (stream_->read(&byte, 1).io != Stream::Io::again) {
    note(endpoint_.verify ? "TLS handshake failed (or the certificate is not accepted)" : "TLS handshake failed");
    return next_address();
  }
  cancel();
  user_.on_dialed(std::move(stream_));
}

void Dial::on_timer() {
  if (over_) return user_.on_dial_failed(blocked_, std::move(tried_));
  note(addresses_.empty() ? "name resolution timed out" : "connecting timed out");
  next_address();
}

void Dial::note(const std::string& reason_text) {
  if (!tried_.empty()) tried_ += ", ";
  tried_ += to_string(endpoint_);
  // For a name, which of its addresses.
  if (next_ > 0 && !endpoint_.unix_socket && !literal_address(endpoint_.host)) tried_ += " (" + to_string(addresses_[next_ - 1]) + ")";
  tried_ += ": " + reason_text;
}

void Dial::close() {
  stream_.reset();
  if (socket_ < 0) return;
  core_.loop.remove(socket_, *this);
  ::close(std::exchange(socket_, -1));
}

// Through the timer, because the user may be inside start().
void Dial::give_up_soon() {
  over_ = true;
  core_.timers().set_in(*this, Duration(0));
}

}  // namespace holdfast
