#include "gateway/import/pushpin_settings.h"

#include <charconv>

#include "gateway/base/text.h"

namespace holdfast::importing {

namespace {

// Where Debian and "make install" put it.
constexpr std::string_view kDefaultLibdir = "/usr/lib/pushpin";

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) text.replace(at, what.size(), with);
}

std::optional<int64_t> parse_number(std::string_view text) {
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

// "tcp://HOST:PORT" with the offset added.
void shift_ports(std::string& text, int64_t offset) {
  if (offset == 0 || !text.starts_with("tcp://")) return;
  const size_t colon = text.rfind(':');
  const auto port = parse_number(std::string_view(text).substr(colon + 1));
  if (port) text.replace(colon + 1, std::string::npos, std::to_string(*port + offset));
}

std::string joined(const std::vector<std::string>& values) {
  std::string out;
  for (size_t i = 0; i < values.size(); ++i) out.append(i == 0 ? "" : ",").append(values[i]);
  return out;
}

}  // namespace

Result<PushpinSettings> PushpinSettings::load(const std::string& path, const ReadFile& read) {
  auto text = read(path);
  if (!text) return fail(text.error());
  PushpinSettings out;
  const size_t slash = path.rfind('/');
  if (slash != std::string::npos) out.folder_ = path.substr(0, slash + 1);
  out.main_ = parse_ini(*text, path.substr(slash + 1));
  for (size_t i = 0; i < out.main_.size(); ++i) out.main_index_[out.main_[i].key] = i;

  const auto raw = [&](std::string_view key, std::string_view otherwise) {
    const IniEntry* entry = out.find(key);
    return entry == nullptr ? std::string(otherwise) : joined(entry->values);
  };
  out.libdir_ = raw("global/libdir", kDefaultLibdir);
  std::string include = raw("global/include", "");
  if (include == "internal.conf") include = "{libdir}/internal.conf";
  replace_all(include, "{libdir}", out.libdir_);
  if (!include.empty()) {
    if (include.front() != '/') include = out.folder_ + include;
    if (auto more = read(include)) {
      for (auto& entry : parse_ini(*more, include.substr(include.rfind('/') + 1))) out.included_[entry.key] = entry;
    } else {
      out.missing_include_ = include;
    }
  }
  out.rundir_ = raw("global/rundir", raw("runner/rundir", ""));
  out.ipc_prefix_ = raw("global/ipc_prefix", "pushpin-");
  out.port_offset_ = parse_number(raw("global/port_offset", "0")).value_or(0);
  return out;
}

const IniEntry* PushpinSettings::find(std::string_view key) const {
  if (const auto found = main_index_.find(key); found != main_index_.end()) return &main_[found->second];
  const auto found = included_.find(key);
  return found == included_.end() ? nullptr : &found->second;
}

std::vector<const IniEntry*> PushpinSettings::main_entries() const {
  std::vector<const IniEntry*> out;
  for (const auto& entry : main_) {
    if (find(entry.key) == &entry) out.push_back(&entry);
  }
  return out;
}

std::string PushpinSettings::resolve(std::string text) const {
  replace_all(text, "{libdir}", libdir_);
  replace_all(text, "{rundir}", rundir_);
  replace_all(text, "{ipc_prefix}", ipc_prefix_);
  shift_ports(text, port_offset_);
  return text;
}

std::string PushpinSettings::text(std::string_view key, std::string_view otherwise) const {
  const IniEntry* entry = find(key);
  return entry == nullptr ? std::string(otherwise) : resolve(joined(entry->values));
}

std::vector<std::string> PushpinSettings::list(std::string_view key) const {
  std::vector<std::string> out;
  const IniEntry* entry = find(key);
  if (entry == nullptr) return out;
  for (const auto& value : entry->values) {
    if (!value.empty()) out.push_back(resolve(value));
  }
  return out;
}

bool PushpinSettings::flag(std::string_view key) const {
  const std::string value = text(key);
  return !value.empty() && value != "0" && !iequals(value, "false");
}

std::optional<int64_t> PushpinSettings::number(std::string_view key) const { return parse_number(text(key)); }

}  // namespace holdfast::importing
