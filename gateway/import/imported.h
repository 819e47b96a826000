#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/base/options.h"

namespace holdfast::importing {

// What a person has to know about the outcome.
struct Note {
  enum class Kind {
    lost,      // clients, backends, publishers or tools would notice; something is left to do by hand
    warning,   // carried, but look at it
    replaced,  // has no counterpart here, and needs none
  };
  Kind kind = Kind::lost;
  std::string what;   // "handler.state_spec", or "routes:3"
  std::string where;  // "pushpin.conf:12"; empty: `what` says it, or no file has it
  std::string text;   // why, and what to do instead
};
const char* to_string(Note::Kind kind);

// The options that are set, each checked by its own declaration, and all notes.
class Imported {
 public:
  // Options of the node as it will be run; they are changed to what is carried.
  explicit Imported(OptionSet& options) : options_(options) {}

  // `from`: which key of Pushpin's says so; empty: none, and `remark` says why. A value that the option refuses is noted as lost.
  void set(std::string_view option, const std::vector<std::string>& values, std::string_view from, std::string_view where,
           std::string_view remark = {});
  void note(Note::Kind kind, std::string_view what, std::string_view where, std::string_view text);

  struct Carried {
    std::string from;
    std::string remark;
  };
  const std::map<std::string, Carried, std::less<>>& carried() const { return carried_; }  // by option
  const std::vector<Note>& notes() const { return notes_; }
  const OptionSet& options() const { return options_; }

 private:
  OptionSet& options_;
  std::map<std::string, Carried, std::less<>> carried_;
  std::vector<Note> notes_;
};

// The carried options as YAML, in the order of their declarations.
std::string options_yaml(const Imported& imported);
// Text as comments, wrapped; the first line begins with `first`, later ones with as many blanks.
std::string comment(std::string_view first, std::string_view text, size_t indent = 0);

}  // namespace holdfast::importing
