#include <array>
#include <limits>

#include "gateway/base/options.h"
#include "gateway/base/text.h"

namespace holdfast {
namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};

// Biggest first: printing takes the first that divides.
constexpr auto kSizes = std::to_array<Unit>({
    {"TiB", uint64_t{1} << 40},
    {"GiB", uint64_t{1} << 30},
    {"MiB", uint64_t{1} << 20},
    {"KiB", uint64_t{1} << 10},
    {"TB", 1'000'000'000'000},
    {"GB", 1'000'000'000},
    {"MB", 1'000'000},
    {"KB", 1'000},
    {"B", 1},
});

constexpr auto kDurations = std::to_array<Unit>({
    {"d", 86'400'000},
    {"h", 3'600'000},
    {"m", 60'000},
    {"s", 1'000},
    {"ms", 1},
});

constexpr std::string_view kNotASize = "expected a size such as 512, 64KiB or 1MB";
constexpr std::string_view kNotADuration = "expected a time such as 500ms, 5s, 2m or 1h";

// "64KiB" or "64 KiB"; without a unit, `bare_factor` counts.
template <size_t N>
Result<uint64_t> parse_amount(std::string_view text, const std::array<Unit, N>& units, uint64_t bare_factor, uint64_t most,
                              std::string_view complaint) {
  text = trim(text);
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view number = text.substr(0, digits);
  const std::string_view name = trim(text.substr(digits));
  if (number.empty()) return invalid(std::string(complaint));

  uint64_t factor = bare_factor;
  if (!name.empty()) {
    const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& known) { return iequals(known.name, name); });
    if (unit == units.end()) return invalid(std::string(complaint));
    factor = unit->factor;
  }
  const auto count = parse_uint(number);
  if (!count || *count > most / factor) return invalid("number too large");
  return *count * factor;
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  // 29 years, a tenth of what a clock of nanoseconds holds: "now plus the duration" must not overflow.
  constexpr uint64_t kMost = std::numeric_limits<int64_t>::max() / 10'000'000;
  return parse_amount(text, kDurations, 1'000, kMost, kNotADuration).map([](uint64_t value) {
    return Duration(static_cast<int64_t>(value));
  });
}

Result<uint64_t> parse_size(std::string_view text) { return parse_amount(text, kSizes, 1, std::numeric_limits<int64_t>::max(), kNotASize); }

std::string format_duration(Duration value) {
  const int64_t count = value.count();
  if (count == 0) return "0s";
  for (const Unit& unit : kDurations) {
    const auto factor = static_cast<int64_t>(unit.factor);
    // "24h" reads better than "1d", "60s" no better than "1m".
    if (unit.name == "d" || count % factor != 0) continue;
    return std::to_string(count / factor).append(unit.name);
  }
  return std::to_string(count) + "ms";
}

std::string format_size(uint64_t value) {
  if (value == 0) return "0";
  for (const Unit& unit : kSizes) {
    if (unit.factor > 1 && value % unit.factor == 0) return std::to_string(value / unit.factor).append(unit.name);
  }
  return std::to_string(value);
}

}  // namespace holdfast
