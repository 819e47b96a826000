#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

namespace holdfast::log {

// Structured logging: a constant sentence plus fields. Payloads, tokens and keys are never logged.
// error = somebody must act; warn = degraded, heals itself; info = a handful per minute; debug = per connection; trace = per message.
// Threads: any. Cost: a disabled level is one relaxed load if the fields are made only when enabled() says so.
enum class Level { trace, debug, info, warn, error, off };
enum class Format { text, json };

struct Field {
  Field(std::string_view k, std::string_view v) : key(k), text(v) {}
  Field(std::string_view k, const char* v) : key(k), text(v) {}
  Field(std::string_view k, const std::string& v) : key(k), text(v) {}
  Field(std::string_view k, bool v) : key(k), text(v ? "true" : "false"), bare(true) {}
  template <class N>
    requires std::is_arithmetic_v<N>
  Field(std::string_view k, N v) : key(k), text(std::to_string(v)), bare(true) {}

  std::string_view key;
  std::string text;
  bool bare = false;  // a number or boolean: no quotes in JSON
};

// Once, from main, before threads start. Log lines go to stderr.
void configure(Level level, Format format);
// nullopt-like: returns false and leaves `level` alone if the word is unknown.
bool parse_level(std::string_view word, Level& level);
bool enabled(Level level);
void write(Level level, std::string_view sentence, std::initializer_list<Field> fields);

inline void trace(std::string_view sentence, std::initializer_list<Field> fields = {}) { write(Level::trace, sentence, fields); }
inline void debug(std::string_view sentence, std::initializer_list<Field> fields = {}) { write(Level::debug, sentence, fields); }
inline void info(std::string_view sentence, std::initializer_list<Field> fields = {}) { write(Level::info, sentence, fields); }
inline void warn(std::string_view sentence, std::initializer_list<Field> fields = {}) { write(Level::warn, sentence, fields); }
inline void error(std::string_view sentence, std::initializer_list<Field> fields = {}) { write(Level::error, sentence, fields); }

}  // namespace holdfast::log
