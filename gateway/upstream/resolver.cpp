#include "gateway/upstream/resolver.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace holdfast {

namespace {

using boost::asio::ip::tcp;

constexpr auto kFresh = std::chrono::seconds(5);
constexpr size_t kMaxNames = 1024;  // names may come from backends' links: what is kept is bounded

std::vector<Address> addresses_of(const tcp::resolver::results_type& results) {
  std::vector<Address> out;
  for (const auto& result : results) {
    const auto endpoint = result.endpoint();
    Address address;
    address.length = static_cast<socklen_t>(endpoint.size());
    std::memcpy(&address.storage, endpoint.data(), endpoint.size());
    out.push_back(address);
  }
  return out;
}

}  // namespace

struct Resolver::State {
  struct Name {
    std::vector<Address> addresses;
    TimePoint until;
    std::vector<ResolveUser*> asking;
    bool pending = false;
  };

  explicit State(Loop& owner) : loop(owner), resolver(owner.context()) {}

  void make_room() {
    if (names.size() < kMaxNames) return;
    std::erase_if(names, [now = loop.timers().now()](const auto& entry) { return !entry.second.pending && entry.second.until <= now; });
  }

  void answer(const std::string& text, std::vector<Address> addresses, const std::string& error) {
    auto& name = names[text];
    name.pending = false;
    name.addresses = addresses;
    name.until = addresses.empty() ? TimePoint() : loop.timers().now() + kFresh;
    telling.swap(name.asking);
    for (size_t i = 0; i < telling.size(); ++i) {
      if (telling[i] != nullptr) telling[i]->on_resolved(addresses, error);
    }
    telling.clear();
  }

  Loop& loop;
  tcp::resolver resolver;
  std::unordered_map<std::string, Name> names;
  std::vector<ResolveUser*> telling;
};

Resolver::Resolver(Loop& loop) : state_(std::make_shared<State>(loop)) {}
Resolver::~Resolver() = default;

const std::vector<Address>* Resolver::cached(const std::string& name) const {
  const auto found = state_->names.find(name);
  if (found == state_->names.end() || found->second.until <= state_->loop.timers().now()) return nullptr;
  return &found->second.addresses;
}

void Resolver::ask(const std::string& text, ResolveUser& user) {
  state_->make_room();
  auto& name = state_->names[text];
  name.asking.push_back(&user);
  if (name.pending) return;
  name.pending = true;
  // No flags: "addresses of configured families only" hides loopback on machines without a network.
  state_->resolver.async_resolve(
      text, "", tcp::resolver::flags(),
      [weak = std::weak_ptr<State>(state_), text](const boost::system::error_code& error, const tcp::resolver::results_type& results) {
        const auto state = weak.lock();
        if (!state) return;
        auto addresses = error ? std::vector<Address>() : addresses_of(results);
        state->answer(text, std::move(addresses), error ? error.message() : "the name has no addresses");
      });
}

void Resolver::cancel(ResolveUser& user) {
  for (auto& [text, name] : state_->names) std::erase(name.asking, &user);
  std::replace(state_->telling.begin(), state_->telling.end(), &user, static_cast<ResolveUser*>(nullptr));
}

}  // namespace holdfast
