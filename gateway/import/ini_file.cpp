#include "gateway/import/ini_file.h"

#include <algorithm>

#include "gateway/base/text.h"

namespace holdfast::importing {

namespace {

bool is_hex(char c) { return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'f'); }
int hex_value(char c) { return c <= '9' ? c - '0' : lower(c) - 'a' + 10; }

// Reads one value; what was quoted keeps its blanks and commas.
class ValueReader {
 public:
  explicit ValueReader(std::string_view text) : rest_(text) {}

  std::vector<std::string> read() {
    while (!rest_.empty()) {
      const char c = take();
      if (c == '"') {
        quoted_ = !quoted_;
        protect();
      } else if (c == '\\' && !rest_.empty()) {
        escape();
        protect();
      } else if (!quoted_ && c == ';') {
        break;
      } else if (!quoted_ && c == ',') {
        finish();
      } else {
        value_.push_back(c);
        if (quoted_) protect();
      }
    }
    finish();
    return std::move(out_);
  }

 private:
  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  void protect() { protected_ = value_.size(); }

  void escape() {
    const char c = take();
    constexpr std::string_view kNames = "abfnrtv";
    constexpr std::string_view kBytes = "\a\b\f\n\r\t\v";
    if (const size_t at = kNames.find(c); at != std::string_view::npos) {
      value_.push_back(kBytes[at]);
    } else if (c == 'x') {
      unsigned code = 0;
      while (!rest_.empty() && is_hex(rest_.front())) code = (code << 4 | static_cast<unsigned>(hex_value(take()))) & 0xff;
      value_.push_back(static_cast<char>(code));
    } else {
      value_.push_back(c);
    }
  }

  void finish() {
    const std::string_view all = value_;
    const std::string_view fixed = all.substr(0, protected_);
    size_t end = all.size();
    while (end > fixed.size() && (all[end - 1] == ' ' || all[end - 1] == '\t')) --end;
    size_t begin = 0;
    while (protected_ == 0 && begin < end && (all[begin] == ' ' || all[begin] == '\t')) ++begin;
    out_.emplace_back(all.substr(begin, end - begin));
    value_.clear();
    protected_ = 0;
  }

  std::string_view rest_;
  std::vector<std::string> out_;
  std::string value_;
  size_t protected_ = 0;  // bytes at the front that are not trimmed
  bool quoted_ = false;
};

}  // namespace

std::vector<IniEntry> parse_ini(std::string_view text, std::string_view file_name) {
  std::vector<IniEntry> out;
  std::string section = "General";
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  size_t number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = trim(line);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      section = trim(line.substr(1, line.find(']') - 1));
      continue;
    }
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view key = trim(line.substr(0, equals));
    out.push_back({section + "/" + std::string(key), ValueReader(trim(line.substr(equals + 1))).read(),
                   std::string(file_name) + ":" + std::to_string(number)});
  }
  return out;
}

}  // namespace holdfast::importing
