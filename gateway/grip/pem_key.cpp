#include "gateway/grip/pem_key.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "gateway/base/text.h"

namespace holdfast {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kDashes = "-----";

constexpr std::string_view kRsa = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";  // 1.2.840.113549.1.1.1, rsaEncryption
constexpr std::string_view kEc = "\x2a\x86\x48\xce\x3d\x02\x01";           // 1.2.840.10045.2.1, id-ecPublicKey
constexpr std::string_view kP256 = "\x2a\x86\x48\xce\x3d\x03\x01\x07";     // 1.2.840.10045.3.1.7, prime256v1
constexpr size_t kMinRsaBytes = 256;                                       // RFC 7518 asks for 2048 bits at least
constexpr size_t kPointBytes = 65;                                         // 04, x, y
constexpr size_t kCompressedPointBytes = 33;

enum Tag : uint8_t { integer = 0x02, bit_string = 0x03, octet_string = 0x04, object_id = 0x06, sequence = 0x30, context_0 = 0xa0 };

// Reads DER elements one after the other. The first that is not as expected makes the reader and all below it bad.
class Der {
 public:
  explicit Der(std::optional<std::string_view> rest) : rest_(rest) {}

  std::optional<std::string_view> next(Tag tag) {
    auto content = take(tag);
    if (!content) rest_.reset();
    return content;
  }
  Der enter(Tag tag) { return Der(next(tag)); }

 private:
  std::optional<std::string_view> take(Tag tag) {
    if (!rest_ || rest_->size() < 2 || static_cast<uint8_t>((*rest_)[0]) != tag) return std::nullopt;
    size_t length = static_cast<uint8_t>((*rest_)[1]);
    size_t head = 2;
    if (length >= 0x80) {
      const size_t count = length & 0x7f;
      if (count == 0 || count > 3 || rest_->size() < head + count) return std::nullopt;
      for (length = 0; head < 2 + count; ++head) length = length << 8 | static_cast<uint8_t>((*rest_)[head]);
    }
    if (rest_->size() - head < length) return std::nullopt;
    const std::string_view content = rest_->substr(head, length);
    rest_->remove_prefix(head + length);
    return content;
  }

  std::optional<std::string_view> rest_;
};

tl::unexpected<Error> broken() { return invalid("the key's PEM text is damaged"); }

Result<PemKey::Kind> rsa_of(Der key) {
  auto modulus = key.next(integer);
  if (!modulus || !key.next(integer)) return broken();
  modulus->remove_prefix(std::min(modulus->find_first_not_of('\0'), modulus->size()));
  if (modulus->size() < kMinRsaBytes) return invalid("the RSA key has less than 2048 bits");
  return PemKey::Kind::rsa;
}

Result<PemKey::Kind> curve_of(std::optional<std::string_view> curve) {
  if (curve != kP256) return invalid("the EC key is not on the curve P-256 (prime256v1)");
  return PemKey::Kind::ec_p256;
}

// SubjectPublicKeyInfo: SEQUENCE { SEQUENCE { algorithm, curve }, BIT STRING }
Result<PemKey::Kind> public_kind(std::string_view der) {
  Der info = Der(der).enter(sequence);
  Der algorithm = info.enter(sequence);
  const auto id = algorithm.next(object_id);
  auto bits = info.next(bit_string);
  if (!id || !bits || bits->empty() || bits->front() != '\0') return broken();
  bits->remove_prefix(1);  // how many bits of the last byte are unused
  if (id == kRsa) return rsa_of(Der(*bits).enter(sequence));
  if (id != kEc) return invalid("the key is neither RSA nor EC");
  auto kind = curve_of(algorithm.next(object_id));
  if (kind && bits->size() != kPointBytes && bits->size() != kCompressedPointBytes) return broken();
  return kind;
}

// PKCS #8: SEQUENCE { version, SEQUENCE { algorithm, curve }, OCTET STRING { the key as below } }
Result<PemKey::Kind> private_kind(std::string_view der) {
  Der info = Der(der).enter(sequence);
  info.next(integer);
  Der algorithm = info.enter(sequence);
  const auto id = algorithm.next(object_id);
  const auto key = info.next(octet_string);
  if (!id || !key) return broken();
  if (id == kEc) return curve_of(algorithm.next(object_id));
  if (id != kRsa) return invalid("the key is neither RSA nor EC");
  Der rsa = Der(*key).enter(sequence);
  rsa.next(integer);
  return rsa_of(rsa);
}

// PKCS #1: SEQUENCE { version, modulus, exponent, ... }
Result<PemKey::Kind> rsa_private_kind(std::string_view der) {
  Der key = Der(der).enter(sequence);
  key.next(integer);
  return rsa_of(key);
}

// SEC 1: SEQUENCE { version, OCTET STRING, [0] curve, ... }
Result<PemKey::Kind> ec_private_kind(std::string_view der) {
  Der key = Der(der).enter(sequence);
  key.next(integer);
  if (!key.next(octet_string)) return broken();
  return curve_of(key.enter(context_0).next(object_id));
}

struct Form {
  std::string_view label;
  bool is_private;
  Result<PemKey::Kind> (*kind)(std::string_view der);
};
constexpr Form kForms[] = {
    {"PUBLIC KEY", false, public_kind},
    {"PRIVATE KEY", true, private_kind},
    {"RSA PRIVATE KEY", true, rsa_private_kind},
    {"EC PRIVATE KEY", true, ec_private_kind},
};

struct Block {
  std::string_view label;
  std::string_view body;  // between the lines with dashes
  std::string_view whole;
};

// The first block at or behind `from`, which is moved behind it.
std::optional<Block> next_block(std::string_view text, size_t& from) {
  const size_t begin = text.find(kBegin, from);
  if (begin == std::string_view::npos) return std::nullopt;
  const size_t label_at = begin + kBegin.size();
  const size_t label_end = text.find(kDashes, label_at);
  if (label_end == std::string_view::npos) return std::nullopt;
  const std::string_view label = text.substr(label_at, label_end - label_at);
  const size_t body_at = label_end + kDashes.size();
  const std::string end_line = "-----END " + std::string(label) + std::string(kDashes);
  const size_t end = text.find(end_line, body_at);
  if (end == std::string_view::npos) return std::nullopt;
  from = end + end_line.size();
  return Block{label, text.substr(body_at, end - body_at), text.substr(begin, from - begin)};
}

Result<PemKey> read_block(const Block& block, const Form& form) {
  if (block.body.find("ENCRYPTED") != std::string_view::npos) return invalid("the key is encrypted: one without a passphrase is needed");
  std::string base64;
  for (char c : block.body)
    if (c != '\n' && c != '\r' && c != ' ' && c != '\t') base64 += c;
  const auto der = base64_decode(base64);
  if (!der) return broken();
  const auto kind = form.kind(*der);
  if (!kind) return fail(kind.error());
  return PemKey{*kind, form.is_private, std::string(block.whole) + "\n"};
}

}  // namespace

bool looks_like_pem(std::string_view text) { return text.find(kBegin) != std::string_view::npos; }

Result<PemKey> read_pem_key(std::string_view text) {
  size_t from = 0;
  while (const auto block = next_block(text, from)) {
    if (block->label == "ENCRYPTED PRIVATE KEY") return invalid("the key is encrypted: one without a passphrase is needed");
    for (const Form& form : kForms)
      if (block->label == form.label) return read_block(*block, form);
  }
  return invalid("the PEM text has no key: a PRIVATE KEY or a PUBLIC KEY is needed");
}

}  // namespace holdfast
