#include "gateway/session/sockjs/sockjs_sessions.h"

namespace holdfast {

std::optional<Remote<SockjsSession>> SockjsSessions::find(const std::string& key) const {
  std::lock_guard lock(mutex_);
  const auto found = sessions_.find(key);
  if (found == sessions_.end()) return std::nullopt;
  return found->second;
}

std::optional<SockjsSessions::Claim> SockjsSessions::claim(const std::string& key, const std::shared_ptr<LoopDoor>& door) {
  std::lock_guard lock(mutex_);
  const auto found = sessions_.find(key);
  if (found != sessions_.end()) return Claim{found->second, false};
  if (sessions_.size() >= most_) return std::nullopt;
  const Remote<SockjsSession> session(door);
  sessions_.emplace(key, session);
  return Claim{session, true};
}

void SockjsSessions::remove(const std::string& key, const Remote<SockjsSession>& session) {
  std::lock_guard lock(mutex_);
  const auto found = sessions_.find(key);
  if (found != sessions_.end() && found->second == session) sessions_.erase(found);
}

}  // namespace holdfast
