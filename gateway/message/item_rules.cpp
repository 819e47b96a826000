#include "gateway/message/item_rules.h"

namespace holdfast {

size_t bytes_of(const Item& item) {
  const auto size_of = [](const std::optional<std::string>& text) { return text ? text->size() : 0; };
  size_t sum = size_of(item.id) + size_of(item.prev_id);
  const auto names = [&sum](const std::vector<std::string>& list) {
    for (const auto& name : list) sum += name.size();
  };
  for (const auto& [name, value] : item.meta) sum += name.size() + value.size();
  if (const auto& http = item.http_response) {
    for (const auto& [name, value] : http->headers) sum += name.size() + value.size();
    sum += http->reason.size() + http->body.size() + size_of(http->body_patch);
    names(http->content_filters);
  }
  if (item.http_stream) {
    sum += item.http_stream->content.size();
    names(item.http_stream->content_filters);
  }
  if (item.ws_message) {
    sum += item.ws_message->content.size() + item.ws_message->close_reason.size();
    names(item.ws_message->content_filters);
  }
  return sum;
}

}  // namespace holdfast
