#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/config/config_node.h"
#include "gateway/config/config_problems.h"

namespace holdfast {

// Reads one map of a structural list (an element of `listen`, a route, a target) key by key and notes everything wrong with it.
//
//   NodeReader reader(node, problems);
//   reader.text("address", out.address);
//   reader.require("address");
//   if (const ConfigNode* tls = reader.map("tls")) ...
//   reader.finish();  // whatever was not asked for is unknown
//
// Errors: each read leaves its value alone if the key is missing or wrong; wrong ones are noted in `problems`. A node that is no map is
// noted once, and every read then finds nothing.
class NodeReader {
 public:
  NodeReader(const ConfigNode& node, ConfigProblems& problems);

  // All say whether a good value was there.
  bool text(std::string_view key, std::string& value);
  bool boolean(std::string_view key, bool& value);
  bool integer(std::string_view key, int64_t& value, int64_t low, int64_t high);
  bool duration(std::string_view key, Duration& value);
  bool size(std::string_view key, uint64_t& value);
  // A list of texts; a single text counts as a list of one.
  bool texts(std::string_view key, std::vector<std::string>& values);

  // The node under the key if it is there and of that kind; an empty one ("key:") counts as missing.
  const ConfigNode* map(std::string_view key);
  const ConfigNode* list(std::string_view key);
  // Whatever it is, for keys with several shapes.
  const ConfigNode* any(std::string_view key);

  void require(std::string_view key);
  // Notes every key that was never asked for, with the nearest one that was.
  void finish();

 private:
  const ConfigNode* of_kind(std::string_view key, ConfigNode::Kind kind, std::string_view expected);

  const ConfigNode& node_;
  ConfigProblems& problems_;
  std::set<std::string, std::less<>> asked_;
};

// The element maps of a structural list; elements of other kinds and a node that is no list are noted. Null and "key:" are empty lists.
std::vector<const ConfigNode*> element_maps(const ConfigNode* list, ConfigProblems& problems);

// The texts of a list node; a single value counts as a list of one. False if something was noted.
bool read_texts(const ConfigNode& node, std::vector<std::string>& values, ConfigProblems& problems);

}  // namespace holdfast
