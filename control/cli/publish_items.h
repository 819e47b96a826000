#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/cli/control_client.h"
#include "gateway/base/result.h"

namespace holdfast::control {

// What the command line of `holdfast publish` asks for.
struct PublishArguments {
  DoorArguments door;
  std::string channel;
  std::optional<std::string> text;  // "-": standard input
  std::optional<std::string> id;
  std::optional<std::string> prev_id;
  std::vector<std::string> meta;  // "key=value"
  std::string file;               // a whole request body instead of channel and text; "-": standard input
  bool response = false;
  bool stream = false;
  bool ws = false;
  bool close = false;
  bool hint = false;
  std::optional<int> code;
};

struct PublishBody {
  std::string json;  // {"items": [...]}
  size_t items = 0;
};

// One item from the arguments, `text` being read already. Without a choice of formats the text goes out in all that make sense.
// Text that is not UTF-8 goes as base64. Errors: arguments that contradict each other.
Result<PublishBody> make_publish_body(const PublishArguments& arguments);

// The content of an items file: {"items": [...]}, a bare list of items, or one item.
Result<PublishBody> read_items(const std::string& content);

}  // namespace holdfast::control
