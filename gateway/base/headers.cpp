#include "gateway/base/headers.h"

#include <array>

namespace holdfast {

void Headers::set(std::string_view name, std::string_view value) {
  // `name` or `value` may be part of a field that is about to change.
  Field field(name, value);
  const auto same_name = [&](const Field& other) { return iequals(other.first, field.first); };
  const auto first = std::find_if(fields_.begin(), fields_.end(), same_name);
  if (first == fields_.end()) {
    fields_.push_back(std::move(field));
    return;
  }
  fields_.erase(std::remove_if(first + 1, fields_.end(), same_name), fields_.end());
  *first = std::move(field);
}

size_t Headers::remove(std::string_view name) {
  const std::string wanted(name);  // `name` may be part of a field that goes
  return remove_if([&](const Field& field) { return iequals(field.first, wanted); });
}

const std::string* Headers::find(std::string_view name) const {
  for (const Field& field : fields_) {
    if (iequals(field.first, name)) return &field.second;
  }
  return nullptr;
}

std::string_view Headers::get(std::string_view name) const {
  const std::string* value = find(name);
  return value == nullptr ? std::string_view() : std::string_view(*value);
}

std::vector<std::string_view> Headers::all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const Field& field : fields_) {
    if (iequals(field.first, name)) values.push_back(field.second);
  }
  return values;
}

namespace {

struct Phrase {
  int status;
  std::string_view text;
};

// The IANA registry of status codes.
constexpr auto kPhrases = std::to_array<Phrase>({
    {100, "Continue"},
    {101, "Switching Protocols"},
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {208, "Already Reported"},
    {226, "IM Used"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {305, "Use Proxy"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {506, "Variant Also Negotiates"},
    {507, "Insufficient Storage"},
    {508, "Loop Detected"},
    {510, "Not Extended"},
    {511, "Network Authentication Required"},
});

}  // namespace

std::string_view reason_phrase(int status) {
  const auto entry =
      std::lower_bound(kPhrases.begin(), kPhrases.end(), status, [](const Phrase& phrase, int wanted) { return phrase.status < wanted; });
  return entry != kPhrases.end() && entry->status == status ? entry->text : std::string_view();
}

}  // namespace holdfast
