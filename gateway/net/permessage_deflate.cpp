#include "gateway/net/permessage_deflate.h"

#include <algorithm>
#include <map>
#include <new>

#include <zlib.h>

#include "gateway/base/text.h"

namespace holdfast {

namespace {

constexpr uint8_t kMostBits = 15;
constexpr uint8_t kFewestBits = 9;                               // zlib's raw deflate writes no window of 8 bits
constexpr size_t kStep = 16384;                                  // deflating grows by at least so much
constexpr size_t kLeastRoom = 256, kMostRoom = size_t{1} << 20;  // that inflating is given at once

Bytef* bytes_of(std::string_view text) { return reinterpret_cast<Bytef*>(const_cast<char*>(text.data())); }

struct Offer {
  bool server_no_takeover = false, client_no_takeover = false, client_bits = false;
  std::optional<uint8_t> server_bits;
};

std::optional<uint8_t> parse_bits(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  if (text.starts_with('0')) return std::nullopt;
  const auto number = parse_uint(text);
  return number && *number >= 8 && *number <= kMostBits ? std::optional(static_cast<uint8_t>(*number)) : std::nullopt;
}

// One extension of the list; nullopt: another extension, or parameters that decline it.
std::optional<Offer> parse_offer(std::string_view text) {
  const auto parts = split(text, ';');
  if (!iequals(trim(parts[0]), "permessage-deflate")) return std::nullopt;
  Offer offer;
  for (size_t i = 1; i < parts.size(); ++i) {
    const std::string_view part = trim(parts[i]);
    const size_t equals = part.find('=');
    const std::string_view name = trim(part.substr(0, equals));
    const auto value = equals == std::string_view::npos ? std::nullopt : std::optional(trim(part.substr(equals + 1)));
    if (iequals(name, "server_no_context_takeover") && !value && !offer.server_no_takeover) {
      offer.server_no_takeover = true;
    } else if (iequals(name, "client_no_context_takeover") && !value && !offer.client_no_takeover) {
      offer.client_no_takeover = true;
    } else if (iequals(name, "server_max_window_bits") && value && !offer.server_bits) {
      offer.server_bits = parse_bits(*value);
      if (!offer.server_bits || *offer.server_bits < kFewestBits) return std::nullopt;
    } else if (iequals(name, "client_max_window_bits") && !offer.client_bits) {
      if (value && !parse_bits(*value)) return std::nullopt;
      offer.client_bits = true;
    } else {
      return std::nullopt;
    }
  }
  return offer;
}

}  // namespace

void declare(OptionSet& set, DeflateOptions& o) {
  const OptionSet::Section section(set, "websocket.compression");
  set.boolean("enabled", o.enabled, "Agree to permessage-deflate when a client offers it.");
  set.boolean("context_takeover", o.context_takeover,
              "Let compression contexts live on between messages when the client wants it: some 300 kB more for each connection.");
  set.integer("level", o.level, "zlib's level for messages to clients.").range(1, 9);
  set.integer("min_size", o.min_size, "Bytes; smaller messages are sent as they are.").range(0, 1048576);
}

std::optional<DeflateAnswer> agree_deflate(std::string_view offers, const DeflateOptions& options) {
  if (!options.enabled) return std::nullopt;
  for (const auto text : split(offers, ',')) {
    const auto offer = parse_offer(text);
    if (!offer) continue;
    DeflateAnswer out;
    out.terms.on = true;
    out.terms.our_takeover = options.context_takeover && !offer->server_no_takeover;
    out.terms.peer_takeover = options.context_takeover && !offer->client_no_takeover;
    out.terms.our_bits = offer->server_bits.value_or(kMostBits);
    out.answer = "permessage-deflate";
    if (!out.terms.our_takeover) out.answer += "; server_no_context_takeover";
    if (!out.terms.peer_takeover) out.answer += "; client_no_context_takeover";
    if (offer->server_bits) out.answer += "; server_max_window_bits=" + std::to_string(*offer->server_bits);
    return out;
  }
  return std::nullopt;
}

// ---- deflate

struct Deflater::State {
  z_stream stream{};
  bool takeover = false;
};

Deflater::Deflater(int level, uint8_t bits, bool takeover) : state_(std::make_unique<State>()) {
  state_->takeover = takeover;
  if (deflateInit2(&state_->stream, level, Z_DEFLATED, -bits, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
}

Deflater::~Deflater() { deflateEnd(&state_->stream); }

std::string Deflater::message(std::string_view content) {
  if (content.empty()) return std::string(1, '\0');
  auto& stream = state_->stream;
  std::string out(std::min(content.size() / 2 + 64, size_t{1} << 20), '\0');
  stream.next_in = bytes_of(content);
  stream.avail_in = static_cast<uInt>(content.size());
  size_t used = 0;
  do {
    if (used == out.size()) out.resize(out.size() + std::max(kStep, out.size()));
    stream.next_out = bytes_of(std::string_view(out).substr(used));
    stream.avail_out = static_cast<uInt>(out.size() - used);
    deflate(&stream, Z_SYNC_FLUSH);
    used = out.size() - stream.avail_out;
  } while (stream.avail_out == 0);
  out.resize(used - 4);  // every flush ends in 00 00 ff ff, which is left out (RFC 7692 section 7.2.1)
  if (!state_->takeover) deflateReset(&stream);
  return out;
}

Deflater& thread_deflater(int level, uint8_t bits) {
  thread_local std::map<std::pair<int, uint8_t>, std::unique_ptr<Deflater>> deflaters;
  auto& deflater = deflaters[{level, bits}];
  if (!deflater) deflater = std::make_unique<Deflater>(level, bits, false);
  return *deflater;
}

// ---- inflate

struct Inflater::State {
  z_stream stream{};
  bool takeover = false;
  bool begun = false;  // bytes came that want the four that flushing left out

  Outcome run(std::string_view data, uint64_t limit, std::string& out);
  // zlib tells in data_type that it stands between two blocks; a message that was cut short ends inside one.
  bool between_blocks() const { return (stream.data_type & 128) != 0; }
};

Inflater::Inflater(uint8_t bits, bool takeover) : state_(std::make_unique<State>()) {
  state_->takeover = takeover;
  if (inflateInit2(&state_->stream, -bits) != Z_OK) throw std::bad_alloc();
}

Inflater::~Inflater() { inflateEnd(&state_->stream); }

void Inflater::reset() {
  inflateReset(&state_->stream);
  state_->begun = false;
}

Inflater::Outcome Inflater::State::run(std::string_view data, uint64_t limit, std::string& out) {
  if (!data.empty()) begun = true;
  stream.next_in = bytes_of(data);
  stream.avail_in = static_cast<uInt>(data.size());
  // Room grows with what comes out: a short message must not be told, queued and kept in a block of many kilobytes.
  size_t room = std::clamp(data.size() * 4, kLeastRoom, kMostRoom);
  for (;;) {
    const size_t before = out.size();
    // One byte past the limit is enough to know.
    const uint64_t left = limit - std::min<uint64_t>(limit, before);
    if (left < room) room = static_cast<size_t>(left) + 1;
    out.resize(before + room);
    stream.next_out = bytes_of(std::string_view(out).substr(before));
    stream.avail_out = static_cast<uInt>(room);
    const int result = inflate(&stream, Z_SYNC_FLUSH);
    const bool full = stream.avail_out == 0;
    out.resize(before + room - stream.avail_out);
    // First, so that the verdict on data that is too much and then wrong does not hang on how it was cut.
    if (out.size() > limit) return Outcome::too_big;
    if (result == Z_STREAM_END) {
      // A final block: what follows begins a new stream (RFC 7692 section 7.2.3.4).
      inflateReset(&stream);
      begun = stream.avail_in > 0;
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      return Outcome::bad_data;
    }
    if (stream.avail_in == 0 && !full) return Outcome::ok;
    if (result == Z_BUF_ERROR && !full) return Outcome::bad_data;
    if (full) room = std::min(room * 2, kMostRoom);
  }
}

Inflater::Outcome Inflater::piece(std::string_view data, bool last, uint64_t limit, std::string& out) {
  auto outcome = state_->run(data, limit, out);
  if (!last) return outcome;
  if (outcome == Outcome::ok && state_->begun) {
    outcome = state_->run(std::string_view("\0\0\xff\xff", 4), limit, out);
    if (outcome == Outcome::ok && !state_->between_blocks()) outcome = Outcome::bad_data;
  }
  state_->begun = false;
  if (!state_->takeover) reset();
  return outcome;
}

}  // namespace holdfast
