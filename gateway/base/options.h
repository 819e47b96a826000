#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/base/result.h"

namespace holdfast {

// How a component declares its options: once, next to the struct that holds them. config/ reads the declarations to parse YAML,
// environment and flags, to check and print, and to write config/reference.yaml.
//
//   struct EdgeOptions { uint64_t max_head = 8192; Duration idle = 75s; };
//   void declare(OptionSet& set, EdgeOptions& o) {
//     set.size("max_request_head", o.max_head, "Largest request line and header block.").range(1024, 65536);
//     set.duration("idle_timeout", o.idle, "Closes a kept-alive connection without a request.").reload();
//   }
class OptionSet;

enum class OptionType { text, boolean, integer, size, duration, choice, text_list, path };

class Option {
 public:
  Option(std::string dotted_key, OptionType kind, std::string sentence)
      : key(std::move(dotted_key)), type(kind), help(std::move(sentence)) {}

  // In the unit that is stored: a count, bytes, milliseconds.
  Option& range(int64_t low, int64_t high) {
    minimum = low;
    maximum = high;
    return *this;
  }
  Option& choices(std::vector<std::string> words) {
    allowed = std::move(words);
    return *this;
  }
  Option& unit(std::string text) {
    unit_text = std::move(text);
    return *this;
  }
  // Takes effect on SIGHUP or when the file changes; others need a restart.
  Option& reload() {
    reloadable = true;
    return *this;
  }
  // print-config shows "(set)".
  Option& secret() {
    is_secret = true;
    return *this;
  }
  // Says "" or what is wrong with a value; the text must not repeat a secret.
  Option& check(std::function<std::string(std::string_view)> c) {
    extra_check = std::move(c);
    return *this;
  }

  std::string key;  // full dotted path, e.g. "edge.max_request_head"
  OptionType type;
  std::string help;
  int64_t minimum = INT64_MIN;
  int64_t maximum = INT64_MAX;
  std::vector<std::string> allowed;
  std::string unit_text;
  bool reloadable = false;
  bool is_secret = false;
  std::function<std::string(std::string_view)> extra_check;

  // Bound to the member: set() parses one scalar (or, for lists, all its elements) and stores it; get() prints the present value.
  std::function<Result<void>(const std::vector<std::string>&)> set;
  std::function<std::vector<std::string>()> get;
  std::vector<std::string> default_value;
};

// All declared options. Keys are dotted; `section` nests. Threads: used at start-up and reload only, by one thread.
class OptionSet {
 public:
  OptionSet() = default;
  OptionSet(const OptionSet&) = delete;  // options are bound to their members and to this set
  OptionSet& operator=(const OptionSet&) = delete;

  // Everything declared until the returned guard dies has "name." before its key.
  class Section {
   public:
    Section(OptionSet& set, std::string_view name);
    ~Section();
    Section(const Section&) = delete;
    Section& operator=(const Section&) = delete;

   private:
    OptionSet& set_;
    std::string before_;
  };

  Option& text(std::string_view key, std::string& value, std::string help);
  Option& path(std::string_view key, std::string& value, std::string help);  // relative paths count from the config file's folder
  Option& boolean(std::string_view key, bool& value, std::string help);
  Option& integer(std::string_view key, int64_t& value, std::string help);
  Option& size(std::string_view key, uint64_t& value, std::string help);      // bytes: 65536, "64KiB", "1MB"
  Option& duration(std::string_view key, Duration& value, std::string help);  // "500ms", "5s", "2m", "1h"; a bare number means seconds
  Option& choice(std::string_view key, std::string& value, std::vector<std::string> words, std::string help);
  Option& text_list(std::string_view key, std::vector<std::string>& value, std::string help);

  const std::vector<Option>& options() const { return options_; }
  Option* find(std::string_view key);
  const Option* find(std::string_view key) const;
  // The declared key with the fewest edits from `key`, or "" when nothing is near.
  std::string nearest(std::string_view key) const;

 private:
  // `parse` checks and stores (one value, but for lists); `print` gives the present values.
  using Parse = std::function<Result<void>(const Option&, const std::vector<std::string>&)>;
  using Print = std::function<std::vector<std::string>()>;
  Option& add(std::string_view key, OptionType type, std::string help, Parse parse, Print print);
  std::vector<Option> options_;
  std::string prefix_;
};

// Shared by options and by anything else that reads such words.
Result<Duration> parse_duration(std::string_view text);
Result<uint64_t> parse_size(std::string_view text);
std::string format_duration(Duration value);
std::string format_size(uint64_t value);

}  // namespace holdfast
