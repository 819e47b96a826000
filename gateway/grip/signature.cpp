#include "gateway/grip/signature.h"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <optional>
#include <unordered_map>

#include <jwt.h>
#include <simdjson.h>

#include "gateway/base/text.h"
#include "gateway/grip/pem_key.h"

namespace holdfast {
namespace {

constexpr int64_t kLifetime = 3600;     // seconds
constexpr size_t kMaxToken = 8 * 1024;  // the library copies a token to the stack
constexpr size_t kMaxKeyFile = 64 * 1024;
constexpr size_t kMaxCachedIssuers = 64;

struct JwtFree {
  void operator()(jwt_t* jwt) const { jwt_free(jwt); }
};
using Jwt = std::unique_ptr<jwt_t, JwtFree>;

int64_t whole_seconds(WallTime time) { return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count(); }

const unsigned char* bytes(const std::string& key) { return reinterpret_cast<const unsigned char*>(key.data()); }

// Empty if the key cannot sign, or the issuer is not UTF-8.
std::string make_token(const std::string& key, jwt_alg_t algorithm, const std::string& issuer, int64_t expires) {
  jwt_t* raw = nullptr;
  if (jwt_new(&raw) != 0) return "";
  const Jwt jwt(raw);
  if (jwt_set_alg(jwt.get(), algorithm, bytes(key), static_cast<int>(key.size())) != 0) return "";
  if (jwt_add_grant(jwt.get(), "iss", issuer.c_str()) != 0) return "";
  if (jwt_add_grant_int(jwt.get(), "exp", expires) != 0) return "";
  const std::unique_ptr<char, decltype(&std::free)> token(jwt_encode_str(jwt.get()), &std::free);
  return token ? token.get() : "";
}

bool is_signed(const std::string& token, const std::string& key, jwt_alg_t algorithm) {
  jwt_t* raw = nullptr;
  if (jwt_decode(&raw, token.c_str(), bytes(key), static_cast<int>(key.size())) != 0) return false;
  return jwt_get_alg(Jwt(raw).get()) == algorithm;
}

struct Parts {
  std::string header;  // JSON texts
  std::string payload;
};

// The library skips characters that are not base64; here each part must be base64url to the letter, so that a token has one spelling.
std::optional<Parts> split_token(std::string_view token) {
  const auto parts = split(token, '.');
  if (parts.size() != 3) return std::nullopt;
  auto header = base64url_decode(parts[0]);
  auto payload = base64url_decode(parts[1]);
  const auto signature = base64url_decode(parts[2]);
  if (!header || !payload || !signature || signature->empty()) return std::nullopt;
  return Parts{std::move(*header), std::move(*payload)};
}

// The algorithm is the key's, whatever the token says: no "none", and no HMAC with a public key as its secret.
bool names_algorithm(const std::string& header, jwt_alg_t algorithm) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  std::string_view name;
  if (parser.parse(simdjson::padded_string(header)).get(root) != simdjson::SUCCESS) return false;
  if (root.at_key("alg").get(name) != simdjson::SUCCESS || name != jwt_alg_str(algorithm)) return false;
  return root.at_key("crit").error() != simdjson::SUCCESS;  // extensions that must be understood, and are not
}

bool is_alive(const std::string& payload, WallTime now) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  double expires = 0;
  if (parser.parse(simdjson::padded_string(payload)).get(root) != simdjson::SUCCESS) return false;
  if (root.at_key("exp").get(expires) != simdjson::SUCCESS) return false;
  return expires > std::chrono::duration<double>(now.time_since_epoch()).count();
}

Result<std::string> read_key_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return invalid("the key file " + path + " cannot be opened: " + std::strerror(errno));
  std::string text(kMaxKeyFile + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return invalid("the key file " + path + " cannot be read");
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kMaxKeyFile) return invalid("the key file " + path + " is too large");
  // Editors end a file with a newline that nobody means to be a part of the secret.
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  if (text.empty()) return invalid("the key file " + path + " is empty");
  return text;
}

}  // namespace

struct SignatureKey::State {
  struct Token {
    int64_t second = 0;
    std::string text;
  };

  std::string key;
  jwt_alg_t algorithm = JWT_ALG_HS256;
  bool can_sign = true;
  bool can_verify = true;

  std::mutex mutex;
  std::unordered_map<std::string, Token> tokens;  // by issuer; guarded by mutex
};

Result<SignatureKey> SignatureKey::load(std::string_view text) {
  SignatureKey out;
  if (text.empty()) return out;

  std::string key(text);
  std::string source;
  if (text.starts_with("file:")) {
    const std::string path(text.substr(5));
    auto content = read_key_file(path);
    if (!content) return fail(content.error());
    key = std::move(*content);
    source = "key file " + path + ": ";
  } else if (text.starts_with("base64:")) {
    auto decoded = base64_decode(text.substr(7));
    if (!decoded) return invalid("what follows base64: in the key is not base64");
    if (decoded->empty()) return invalid("nothing follows base64: in the key");
    key = std::move(*decoded);
  }

  out.state_ = std::make_shared<State>();
  out.state_->key = std::move(key);
  if (!looks_like_pem(out.state_->key)) return out;
  if (auto done = out.use_pem(); !done) return invalid(source + done.error().text);
  return out;
}

Result<void> SignatureKey::use_pem() {
  auto pem = read_pem_key(state_->key);
  if (!pem) return fail(pem.error());
  state_->key = std::move(pem->pem);
  state_->algorithm = pem->kind == PemKey::Kind::rsa ? JWT_ALG_RS256 : JWT_ALG_ES256;
  state_->can_sign = pem->is_private;
  state_->can_verify = !pem->is_private;
  if (state_->can_sign && make_token(state_->key, state_->algorithm, "probe", 0).empty()) return invalid("the private key does not sign");
  return {};
}

bool SignatureKey::empty() const { return !state_; }
bool SignatureKey::can_sign() const { return state_ && state_->can_sign; }
bool SignatureKey::can_verify() const { return state_ && state_->can_verify; }

std::string SignatureKey::sign(std::string_view issuer, WallTime now) const {
  if (!can_sign() || issuer.empty()) return "";
  const int64_t second = whole_seconds(now);
  const std::lock_guard lock(state_->mutex);
  if (state_->tokens.size() >= kMaxCachedIssuers && !state_->tokens.contains(std::string(issuer))) state_->tokens.clear();
  State::Token& token = state_->tokens[std::string(issuer)];
  if (token.text.empty() || token.second != second) {
    // Made while the lock is held: the other loops want this very token, and one signature a second is all it costs.
    token = {second, make_token(state_->key, state_->algorithm, std::string(issuer), second + kLifetime)};
  }
  return token.text;
}

bool SignatureKey::verify(std::string_view token, WallTime now) const {
  if (!can_verify() || token.size() > kMaxToken) return false;
  const auto parts = split_token(token);
  if (!parts || !names_algorithm(parts->header, state_->algorithm)) return false;
  return is_signed(std::string(token), state_->key, state_->algorithm) && is_alive(parts->payload, now);
}

}  // namespace holdfast
