#include "adapters/zeromq/wire.h"

#include <algorithm>

namespace holdfast::mesh {

namespace {
constexpr uint64_t kLatestTime = 9'000'000'000'000;  // ms; what fits into nanoseconds
}

Writer& Writer::publication(const Publication& value) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(value.time.time_since_epoch()).count();
  return position(value.position).position(value.previous).u64(static_cast<uint64_t>(ms)).text(value.envelope.view());
}

uint8_t Reader::u8() {
  if (in_.empty()) {
    ok_ = false;
    return 0;
  }
  const auto value = static_cast<uint8_t>(in_.front());
  in_.remove_prefix(1);
  return value;
}

uint64_t Reader::u64() {
  if (in_.size() < 8) {
    ok_ = false;
    in_ = {};
    return 0;
  }
  uint64_t value = 0;
  for (size_t i = 0; i < 8; ++i) value |= uint64_t{static_cast<uint8_t>(in_[i])} << (8 * i);
  in_.remove_prefix(8);
  return value;
}

std::string_view Reader::text() {
  const uint64_t size = u64();
  if (size > in_.size()) {
    ok_ = false;
    in_ = {};
    return {};
  }
  const auto value = in_.substr(0, static_cast<size_t>(size));
  in_.remove_prefix(value.size());
  return value;
}

PublicationPtr Reader::publication(std::string channel) {
  auto out = std::make_shared<Publication>();
  out->channel = std::move(channel);
  out->position = position();
  out->previous = position();
  out->time = WallTime(std::chrono::milliseconds(std::min(u64(), kLatestTime)));
  out->envelope = Bytes::copy(text());
  if (!ok_ || !out->position.known()) return nullptr;
  return out;
}

std::string channel_topic(std::string_view channel) {
  Writer out;
  out.u8('c').text(channel);
  return out.take();
}

std::optional<std::string_view> channel_of(std::string_view topic) {
  Reader in(topic);
  if (in.u8() != 'c') return std::nullopt;
  const auto channel = in.text();
  if (!in.ok() || !in.at_end()) return std::nullopt;
  return channel;
}

std::string probe_topic(uint64_t session, uint64_t number) {
  Writer out;
  out.u8('p').u64(session).u64(number);
  return out.take();
}

std::string reply_topic(uint64_t session) {
  Writer out;
  out.u8('r').u64(session);
  return out.take();
}

}  // namespace holdfast::mesh
