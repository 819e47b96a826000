#include "gateway/message/body_patch.h"

#include <algorithm>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "gateway/base/text.h"

namespace holdfast {
namespace {

// Copying and writing JSON recurse, so the nesting is bounded; so is what one patch may cost, since "copy" can double a body over and over.
constexpr size_t kMaxDepth = 128;
constexpr size_t kMaxWork = 4 * 1024 * 1024;

// Objects keep their order in `ordered_json`, which looks names up one by one. Larger ones are sorted by name, as Pushpin sorts all.
constexpr size_t kMaxOrderedMembers = 1000;

// How many members the largest object or array has, seen from brackets and commas alone; nullopt if it is nested too deep.
std::optional<size_t> largest_of(std::string_view json) {
  size_t out = 0;
  size_t depth = 0;
  size_t commas[kMaxDepth + 1] = {};
  bool quoted = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxDepth) return std::nullopt;
      commas[depth] = 0;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    } else if (c == ',') {
      out = std::max(out, ++commas[depth] + 1);
    }
  }
  return out;
}

// Applies the operations of a patch one after the other. nlohmann's own patch() is not used: it asserts where a parent is a plain value,
// makes an object of a null parent, compares ordered objects by order, and has no bound on its cost.
template <class Json>
class Patcher {
 public:
  explicit Patcher(Json& body) : body_(body) {}

  // False: the operation failed and so the whole patch. May throw what nlohmann throws.
  bool apply(const Json& operation) {
    const std::string name = text(operation, "op");
    const Pointer path(text(operation, "path"));
    if (name == "add") return add(path, operation.at("value"));
    if (name == "remove") return take(path).has_value();
    if (name == "replace") return replace(path, operation.at("value"));
    if (name == "test") return test(path, operation.at("value"));
    if (name == "copy") return add(path, affordable(body_.at(Pointer(text(operation, "from")))));
    if (name != "move") return false;
    auto value = take(Pointer(text(operation, "from")));  // gone before the path is looked up: nothing can become a part of itself
    return value && add(path, std::move(*value));
  }

 private:
  using Pointer = typename Json::json_pointer;

  static std::string text(const Json& operation, const char* member) { return operation.at(member).template get<std::string>(); }

  static size_t length(const Pointer& path) {
    const std::string words = path.to_string();
    return static_cast<size_t>(std::count(words.begin(), words.end(), '/'));
  }

  static size_t depth_of(const Json& value) {
    size_t inner = 0;
    if (!value.is_structured()) return 0;
    for (const auto& member : value) inner = std::max(inner, depth_of(member));
    return inner + 1;
  }

  static size_t weight(const Json& value) {
    size_t sum = sizeof(Json);
    if (value.is_string()) return sum + value.template get_ref<const std::string&>().size();
    if (!value.is_structured()) return sum;
    for (const auto& item : value.items()) sum += weight(item.value()) + (value.is_object() ? item.key().size() : 0);
    return sum;
  }

  bool spend(size_t work) {
    work_ += work;
    return work_ <= kMaxWork;
  }
  const Json& affordable(const Json& value) {
    if (!spend(weight(value))) throw std::length_error("the patch is too costly");
    return value;
  }

  bool fits(const Pointer& path, const Json& value) const { return length(path) + depth_of(value) <= kMaxDepth; }

  static std::optional<size_t> index_of(const std::string& word) {
    if (word.size() > 1 && word[0] == '0') return std::nullopt;
    const auto index = parse_uint(word);
    return index ? std::optional<size_t>(*index) : std::nullopt;
  }

  bool add(const Pointer& path, Json value) {
    if (!fits(path, value)) return false;
    if (path.empty()) {
      body_ = std::move(value);
      return true;
    }
    Json& parent = body_.at(path.parent_pointer());
    if (!spend(parent.size() * sizeof(Json))) return false;
    if (parent.is_object()) {
      parent[path.back()] = std::move(value);
      return true;
    }
    if (!parent.is_array()) return false;
    const auto index = path.back() == "-" ? parent.size() : index_of(path.back());
    if (!index || *index > parent.size()) return false;
    parent.insert(parent.begin() + static_cast<std::ptrdiff_t>(*index), std::move(value));
    return true;
  }

  bool replace(const Pointer& path, const Json& value) {
    if (!fits(path, value)) return false;
    body_.at(path) = value;
    return true;
  }

  std::optional<Json> take(const Pointer& path) {
    if (path.empty()) return std::nullopt;
    Json& parent = body_.at(path.parent_pointer());
    if (!spend(parent.size() * sizeof(Json))) return std::nullopt;
    if (parent.is_object()) {
      const auto found = parent.find(path.back());
      if (found == parent.end()) return std::nullopt;
      Json value = std::move(*found);
      parent.erase(found);
      return value;
    }
    const auto index = index_of(path.back());
    if (!parent.is_array() || !index || *index >= parent.size()) return std::nullopt;
    Json value = std::move(parent[*index]);
    parent.erase(*index);
    return value;
  }

  // Objects are equal whatever their order: that is how the sorted kind compares.
  bool test(const Pointer& path, const Json& value) { return nlohmann::json(affordable(body_.at(path))) == nlohmann::json(value); }

  Json& body_;
  size_t work_ = 0;
};

template <class Json>
std::optional<std::string> patched(std::string_view body, std::string_view patch) {
  Json target = Json::parse(body);
  const Json operations = Json::parse(patch);
  if (!target.is_structured() || !operations.is_array()) return std::nullopt;
  Patcher<Json> patcher(target);
  for (const auto& operation : operations) {
    if (!patcher.apply(operation)) return std::nullopt;
  }
  if (!target.is_structured()) return std::nullopt;
  std::string out = target.dump();
  if (body.ends_with('\n')) out += '\n';
  return out;
}

}  // namespace

std::optional<std::string> apply_body_patch(std::string_view body, std::string_view patch) {
  const auto largest = largest_of(body);
  const auto largest_in_patch = largest_of(patch);
  if (!largest || !largest_in_patch) return std::nullopt;
  try {
    if (std::max(*largest, *largest_in_patch) > kMaxOrderedMembers) return patched<nlohmann::json>(body, patch);
    return patched<nlohmann::ordered_json>(body, patch);
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace holdfast
