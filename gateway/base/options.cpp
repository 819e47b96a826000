#include "gateway/base/options.h"

#include <cassert>
#include <charconv>

#include "gateway/base/nearest_word.h"
#include "gateway/base/text.h"

namespace holdfast {
namespace {

std::string bound_text(const Option& option, int64_t value) {
  if (option.type == OptionType::size) return format_size(static_cast<uint64_t>(value));
  if (option.type == OptionType::duration) return format_duration(Duration(value));
  return std::to_string(value);
}

Result<void> check_bounds(const Option& option, int64_t value) {
  if (value >= option.minimum && value <= option.maximum) return {};
  if (option.maximum == INT64_MAX) return invalid("must be at least " + bound_text(option, option.minimum));
  if (option.minimum == INT64_MIN) return invalid("must be at most " + bound_text(option, option.maximum));
  return invalid("must be between " + bound_text(option, option.minimum) + " and " + bound_text(option, option.maximum));
}

Result<void> check_word(const Option& option, const std::string& word) {
  if (std::find(option.allowed.begin(), option.allowed.end(), word) != option.allowed.end()) return {};
  std::string text = option.is_secret ? "unknown word, one of: " : "unknown word '" + word + "', one of: ";
  for (size_t i = 0; i < option.allowed.size(); ++i) text.append(i == 0 ? "" : ", ").append(option.allowed[i]);
  return invalid(std::move(text));
}

Result<void> check_text(const Option& option, const std::string& value) {
  // C interfaces (paths, host names) would see another text than we do.
  if (value.find('\0') != std::string::npos) return invalid("must not contain a NUL character");
  if (!option.allowed.empty()) return check_word(option, value);
  return {};
}

Result<bool> parse_boolean(std::string_view text) {
  for (const std::string_view yes : {"true", "yes", "on"}) {
    if (iequals(text, yes)) return true;
  }
  for (const std::string_view no : {"false", "no", "off"}) {
    if (iequals(text, no)) return false;
  }
  return invalid("expected true or false");
}

Result<int64_t> parse_integer(std::string_view text) {
  text = trim(text);
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc::result_out_of_range) return invalid("number too large");
  if (error != std::errc() || stop != end) return invalid("expected a whole number");
  return value;
}

Result<void> run_extra_check(const Option& option, const std::vector<std::string>& values) {
  if (!option.extra_check) return {};
  for (const std::string& value : values) {
    std::string problem = option.extra_check(value);
    if (!problem.empty()) return invalid(std::move(problem));
  }
  return {};
}

}  // namespace

OptionSet::Section::Section(OptionSet& set, std::string_view name) : set_(set), before_(set.prefix_) {
  set_.prefix_.append(name).push_back('.');
}

OptionSet::Section::~Section() { set_.prefix_ = before_; }

Option& OptionSet::add(std::string_view key, OptionType type, std::string help, Parse parse, Print print) {
  std::string full_key = prefix_ + std::string(key);
  assert(find(full_key) == nullptr && "an option is declared twice");
  // Bounds and checks are added to the option after this, and the vector moves: so the place is kept, not the address.
  const size_t place = options_.size();
  Option& option = options_.emplace_back(std::move(full_key), type, std::move(help));
  option.set = [this, place, parse = std::move(parse)](const std::vector<std::string>& values) -> Result<void> {
    const Option& self = options_[place];
    if (self.type != OptionType::text_list && values.size() != 1) return invalid("expected one value");
    if (auto passed = run_extra_check(self, values); !passed) return passed;
    return parse(self, values);
  };
  option.get = std::move(print);
  option.default_value = option.get();
  return option;
}

Option& OptionSet::text(std::string_view key, std::string& value, std::string help) {
  return add(
      key, OptionType::text, std::move(help),
      [&value](const Option& option, const std::vector<std::string>& values) {
        return check_text(option, values[0]).map([&] { value = values[0]; });
      },
      [&value] { return std::vector<std::string>{value}; });
}

Option& OptionSet::path(std::string_view key, std::string& value, std::string help) {
  Option& option = text(key, value, std::move(help));
  option.type = OptionType::path;
  return option;
}

Option& OptionSet::choice(std::string_view key, std::string& value, std::vector<std::string> words, std::string help) {
  Option& option = text(key, value, std::move(help));
  option.type = OptionType::choice;
  return option.choices(std::move(words));
}

Option& OptionSet::boolean(std::string_view key, bool& value, std::string help) {
  return add(
      key, OptionType::boolean, std::move(help),
      [&value](const Option&, const std::vector<std::string>& values) {
        return parse_boolean(values[0]).map([&](bool parsed) { value = parsed; });
      },
      [&value] { return std::vector<std::string>{value ? "true" : "false"}; });
}

Option& OptionSet::integer(std::string_view key, int64_t& value, std::string help) {
  return add(
      key, OptionType::integer, std::move(help),
      [&value](const Option& option, const std::vector<std::string>& values) -> Result<void> {
        const auto parsed = parse_integer(values[0]);
        if (!parsed) return fail(parsed.error());
        return check_bounds(option, *parsed).map([&] { value = *parsed; });
      },
      [&value] { return std::vector<std::string>{std::to_string(value)}; });
}

Option& OptionSet::size(std::string_view key, uint64_t& value, std::string help) {
  return add(
      key, OptionType::size, std::move(help),
      [&value](const Option& option, const std::vector<std::string>& values) -> Result<void> {
        const auto parsed = parse_size(values[0]);
        if (!parsed) return fail(parsed.error());
        return check_bounds(option, static_cast<int64_t>(*parsed)).map([&] { value = *parsed; });
      },
      [&value] { return std::vector<std::string>{format_size(value)}; });
}

Option& OptionSet::duration(std::string_view key, Duration& value, std::string help) {
  return add(
      key, OptionType::duration, std::move(help),
      [&value](const Option& option, const std::vector<std::string>& values) -> Result<void> {
        const auto parsed = parse_duration(values[0]);
        if (!parsed) return fail(parsed.error());
        return check_bounds(option, parsed->count()).map([&] { value = *parsed; });
      },
      [&value] { return std::vector<std::string>{format_duration(value)}; });
}

Option& OptionSet::text_list(std::string_view key, std::vector<std::string>& value, std::string help) {
  return add(
      key, OptionType::text_list, std::move(help),
      [&value](const Option& option, const std::vector<std::string>& values) -> Result<void> {
        for (const std::string& element : values) {
          if (auto passed = check_text(option, element); !passed) return passed;
        }
        value = values;
        return {};
      },
      [&value] { return value; });
}

Option* OptionSet::find(std::string_view key) {
  const auto found = std::find_if(options_.begin(), options_.end(), [&](const Option& option) { return option.key == key; });
  return found == options_.end() ? nullptr : &*found;
}

const Option* OptionSet::find(std::string_view key) const { return const_cast<OptionSet*>(this)->find(key); }

std::string OptionSet::nearest(std::string_view key) const {
  std::vector<std::string_view> keys;
  for (const Option& option : options_) keys.push_back(option.key);
  return std::string(nearest_key(key, keys));
}

}  // namespace holdfast
