#pragma once

#include <cstddef>

namespace holdfast {

// One client's life on a loop, in one of its forms: proxied, held for a response, held as a stream. The gateway owns it; a session ends
// itself with Gateway::finish, which may be called from inside any callback and destroys it. Threads: its loop.
class Session {
 public:
  virtual ~Session() = default;
  // Ids were forgotten: a hold asks its backend again.
  virtual void recover() {}
  // The node goes away: a hold ends in the right form for its kind. False: not a hold, it ends by itself.
  virtual bool drain() { return false; }

 private:
  friend class Gateway;
  size_t place_ = 0;
};

}  // namespace holdfast
