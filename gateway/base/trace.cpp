#include "gateway/base/trace.h"

#include <cstdint>
#include <cstdio>
#include <random>

namespace holdfast {

namespace {

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }
bool is_zero(std::string_view digits) { return digits.find_first_not_of('0') == std::string_view::npos; }

std::mt19937_64& dice() {
  thread_local std::mt19937_64 random(std::random_device{}());
  return random;
}

std::string new_digits() {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(dice()() | 1));
  return text;
}

}  // namespace

bool is_traceparent(std::string_view text) {
  constexpr std::string_view kShape = "00-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";
  if (text.size() != kShape.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (kShape[i] == 'x' ? !is_hex(text[i]) : text[i] != kShape[i]) return false;
  }
  return !is_zero(text.substr(3, 32)) && !is_zero(text.substr(36, 16));
}

std::optional<Span> Tracer::begin(Span::Kind kind, std::string name, std::string_view parent, WallTime now) const {
  Span span;
  if (is_traceparent(parent)) {
    const char flags = parent.back();  // the last bit of the last digit: sampled
    if (((flags <= '9' ? flags - '0' : flags - 'a' + 10) & 1) == 0) return std::nullopt;
    span.trace_id = parent.substr(3, 32);
    span.parent_id = parent.substr(36, 16);
  } else {
    if (ratio_ <= 0 || std::uniform_real_distribution<>(0, 1)(dice()) >= ratio_) return std::nullopt;
    span.trace_id = new_digits() + new_digits();
  }
  span.kind = kind;
  span.name = std::move(name);
  span.id = new_digits();
  span.begin = now;
  return span;
}

void Tracer::end(Span span, WallTime now) const {
  span.end = now;
  sink_.take(std::move(span));
}

}  // namespace holdfast
