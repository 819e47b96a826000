#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "control/audit.h"
#include "control/auth/key_ring.h"
#include "control/auth/options.h"
#include "control/caller.h"
#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"
#include "gateway/base/result.h"

namespace holdfast::control {

// Tells every door of the control side who is there. Threads: any.
class Authenticator {
 public:
  Authenticator(AuthOptions options, const Clock& clock, Metrics& metrics);

  // Reads every key; again at any time. Errors: `invalid`, naming the entry or the file; the keys of before stay in use.
  Result<void> load();
  // Whether anybody is known at all. If not, a door asks nobody, and may be on a loopback address only.
  bool asks() const;

  // `authorization`: the value of that field, empty if there is none; if there is one, it decides. `certificate_names`: the common name and
  // the alternative names of a client certificate that TLS has verified. `door` and `peer` are for the log.
  // Errors: denied, for a 401 (gRPC: UNAUTHENTICATED), with a text for the one who asks. What a caller may do is the service's to say.
  Result<Caller> authenticate(std::string_view authorization, const std::vector<std::string>& certificate_names = {},
                              std::string_view door = {}, std::string_view peer = {});

 private:
  std::shared_ptr<const KeyRing> ring() const;
  Result<Caller> look_up(const KeyRing& ring, std::string_view authorization, const std::vector<std::string>& certificate_names) const;

  const AuthOptions options_;
  const Clock& clock_;
  Count& refused_;
  Audit audit_;
  mutable std::mutex mutex_;
  std::shared_ptr<const KeyRing> ring_;  // guarded by mutex_; never null
};

// The value of WWW-Authenticate for a 401 with this error (RFC 6750). `sent`: whether there were any credentials.
std::string bearer_challenge(const Error& error, bool sent);

}  // namespace holdfast::control
