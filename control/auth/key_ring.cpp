#include "control/auth/key_ring.h"

#include <set>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "control/auth/key_file.h"

namespace holdfast::control {
namespace {

tl::unexpected<Error> refuse(std::string text) { return fail(ErrorKind::denied, std::move(text)); }

std::shared_ptr<const Caller> master(std::string name) {
  auto caller = std::make_shared<Caller>(Caller::anybody());
  caller->identity = "master " + name;
  caller->name = std::move(name);
  return caller;
}

std::shared_ptr<const Caller> caller_of(const CallerOptions& o) {
  auto caller = std::make_shared<Caller>();
  caller->name = o.name;
  caller->publish = o.publish;
  caller->read = o.read;
  caller->operate = o.operate;
  caller->identity = "caller " + o.name;
  caller->rate = static_cast<double>(o.rate);
  caller->burst = static_cast<double>(o.burst > 0 ? o.burst : o.rate);
  return caller;
}

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

Result<std::shared_ptr<const KeyRing>> KeyRing::load(const AuthOptions& options) {
  const auto ring = std::make_shared<KeyRing>();
  if (auto added = ring->add_masters(options); !added) return fail(added.error());
  std::set<std::string> names;
  for (const auto& caller : options.callers) {
    if (!names.insert(caller.name).second) return invalid(caller.where + ": another caller has this name");
    if (auto added = ring->add_caller(caller); !added) return invalid(caller.where + ": " + added.error().text);
  }
  for (const auto& issuer : options.issuers) {
    auto loaded = Issuer::load(issuer, ring->issuers_.size());
    if (!loaded) return fail(loaded.error());
    ring->issuers_.push_back(std::move(*loaded));
  }
  return std::shared_ptr<const KeyRing>(ring);
}

Result<void> KeyRing::add_masters(const AuthOptions& options) {
  for (size_t i = 0; i < options.tokens.size(); ++i) {
    const std::string name = "control.http.tokens[" + std::to_string(i) + "]";
    if (auto added = add_token(options.tokens[i], master(name)); !added) return invalid(name + ": " + added.error().text);
  }
  if (options.token_file.empty()) return {};
  const auto tokens = read_token_file(options.token_file);
  if (!tokens) return invalid("control.http.token_file: " + tokens.error().text);
  for (const auto& [token, line] : *tokens) {
    const auto caller = master(file_name(options.token_file) + ":" + std::to_string(line));
    if (auto added = add_token(token, caller); !added)
      return invalid("control.http.token_file: " + caller->name + ": " + added.error().text);
  }
  return {};
}

Result<void> KeyRing::add_caller(const CallerOptions& options) {
  const auto caller = caller_of(options);
  if (options.token.empty() && options.token_file.empty() && options.certificate.empty())
    return invalid("needs one of token, token_file and certificate");
  if (!options.token.empty()) {
    if (auto added = add_token(options.token, caller); !added) return invalid("token: " + added.error().text);
  }
  if (!options.token_file.empty()) {
    const auto tokens = read_token_file(options.token_file);
    if (!tokens) return invalid("token_file: " + tokens.error().text);
    for (const auto& each : *tokens) {
      if (auto added = add_token(each.token, caller); !added) return invalid("token_file: " + added.error().text);
    }
  }
  if (!options.certificate.empty() && !certificates_.emplace(options.certificate, caller).second)
    return invalid("certificate: it is another caller's");
  return {};
}

Result<void> KeyRing::add_token(std::string_view token, const std::shared_ptr<const Caller>& caller) {
  if (auto good = check_token(token); !good) return good;
  const Digest digest = digest_of(token);
  if (find(digest) != nullptr) return invalid("a token is given twice");
  tokens_.push_back({digest, caller});
  return {};
}

KeyRing::Digest KeyRing::digest_of(std::string_view token) {
  Digest digest{};
  EVP_Digest(token.data(), token.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  return digest;
}

// All are compared, whichever is the one.
const Caller* KeyRing::find(const Digest& digest) const {
  const Caller* found = nullptr;
  for (const auto& token : tokens_) {
    if (CRYPTO_memcmp(token.digest.data(), digest.data(), digest.size()) == 0) found = token.caller.get();
  }
  return found;
}

Result<Caller> KeyRing::by_token(std::string_view token, WallTime now) const {
  if (const Caller* caller = find(digest_of(token))) return *caller;
  if (issuers_.empty()) return refuse("the token is not known here");
  const auto jwt = parse_jwt(token);
  if (!jwt) return fail(jwt.error());
  // Several entries may be of one issuer, while its key changes. The last of them says what is wrong.
  Result<Caller> last = refuse("the token's issuer is not known here");
  for (const auto& issuer : issuers_) {
    if (!issuer.meant_by(*jwt)) continue;
    last = issuer.accept(*jwt, now);
    if (last) break;
  }
  return last;
}

Result<Caller> KeyRing::by_certificate(const std::vector<std::string>& names) const {
  std::shared_ptr<const Caller> found;
  for (const auto& name : names) {
    const auto at = certificates_.find(name);
    if (at == certificates_.end()) continue;
    if (found && found != at->second) return refuse("the certificate stands for two callers");
    found = at->second;
  }
  if (!found) return refuse("no caller has this certificate");
  return *found;
}

}  // namespace holdfast::control
