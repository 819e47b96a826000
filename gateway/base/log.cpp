#include "gateway/base/log.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "gateway/base/text.h"

namespace holdfast::log {

namespace {

constexpr std::string_view kWords[] = {"trace", "debug", "info", "warn", "error", "off"};

std::atomic<Level> g_level{Level::info};
std::atomic<Format> g_format{Format::text};

spdlog::logger& logger() {
  static const auto made = [] {
    auto out = spdlog::stderr_logger_mt("holdfast");
    out->set_pattern("%v");
    out->set_level(spdlog::level::trace);
    return out;
  }();
  return *made;
}

std::string timestamp() {
  const auto now = std::chrono::system_clock::now();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  const std::time_t time = std::chrono::system_clock::to_time_t(seconds);
  std::tm utc{};
  gmtime_r(&time, &utc);
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now - seconds).count();
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                     utc.tm_sec, milliseconds);
}

// A value longer than this says nothing more to people, and remote parties choose some of them.
constexpr size_t kLongestValue = 4096;

void append_escaped(std::string& out, char c) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  if (c == '"' || c == '\\') {
    out.append(1, '\\').append(1, c);
  } else if (byte < 0x20 || byte == 0x7f) {
    out.append("\\u00").append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
  } else {
    out.push_back(c);
  }
}

// A field must not end its line, forge another one, drive a terminal, or make the line invalid JSON.
void append_quoted(std::string& out, std::string_view text) {
  const bool cut = text.size() > kLongestValue;
  text = text.substr(0, kLongestValue);
  while (cut && !text.empty() && (static_cast<unsigned char>(text.back()) & 0x80) != 0) text.remove_suffix(1);
  const bool utf8 = valid_utf8(text);
  out.push_back('"');
  for (size_t i = 0; i < text.size(); ++i) {
    const bool ascii = (static_cast<unsigned char>(text[i]) & 0x80) == 0;
    const bool c1_control = utf8 && text[i] == '\xc2' && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (c1_control) {
      out.append("\\ufffd");
      ++i;
    } else if (!ascii && !utf8) {
      out.append("\\ufffd");
    } else {
      append_escaped(out, text[i]);
    }
  }
  out.append(cut ? "...\"" : "\"");
}

bool needs_quotes(std::string_view text) {
  return text.empty() || text.size() > kLongestValue || std::any_of(text.begin(), text.end(), [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return byte <= 0x20 || byte >= 0x7f || c == '"' || c == '\\' || c == '=';
         });
}

// JSON has no word for infinity or "not a number".
bool is_json_number_or_word(const Field& field) {
  return field.bare && field.text.find_first_of("ni") != 0 && !field.text.starts_with("-n") && !field.text.starts_with("-i");
}

std::string json_line(std::string_view level, std::string_view sentence, std::initializer_list<Field> fields) {
  std::string line = fmt::format("{{\"time\":\"{}\",\"level\":\"{}\",\"message\":", timestamp(), level);
  append_quoted(line, sentence);
  for (const Field& field : fields) {
    line.push_back(',');
    append_quoted(line, field.key);
    line.push_back(':');
    if (is_json_number_or_word(field)) {
      line.append(field.text);
    } else {
      append_quoted(line, field.text);
    }
  }
  line.push_back('}');
  return line;
}

std::string text_line(std::string_view level, std::string_view sentence, std::initializer_list<Field> fields) {
  std::string line = fmt::format("{} {:<5} {}", timestamp(), level, sentence);
  for (const Field& field : fields) {
    line.append(1, ' ').append(field.key).append(1, '=');
    if (needs_quotes(field.text)) {
      append_quoted(line, field.text);
    } else {
      line.append(field.text);
    }
  }
  return line;
}

}  // namespace

void configure(Level level, Format format) {
  g_level = level;
  g_format = format;
}

bool parse_level(std::string_view word, Level& level) {
  for (size_t i = 0; i < std::size(kWords); ++i) {
    if (kWords[i] == word) {
      level = static_cast<Level>(i);
      return true;
    }
  }
  return false;
}

bool enabled(Level level) { return level != Level::off && level >= g_level.load(std::memory_order_relaxed); }

void write(Level level, std::string_view sentence, std::initializer_list<Field> fields) {
  if (!enabled(level)) return;
  const std::string_view word = kWords[static_cast<size_t>(level)];
  const bool json = g_format.load(std::memory_order_relaxed) == Format::json;
  // spdlog serves as the sink that writes whole lines from any thread; level and shape are decided here.
  logger().log(spdlog::level::info, json ? json_line(word, sentence, fields) : text_line(word, sentence, fields));
}

}  // namespace holdfast::log
