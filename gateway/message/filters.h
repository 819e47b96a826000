#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/result.h"
#include "gateway/message/item.h"

namespace holdfast {

// GRIP filters: named per subscription, given the subscription's meta and the message's meta.
// Unknown names are ignored. skip-self, skip-users and require-sub decide delivery; build-id and var-subst change content.
// http-check and http-modify are not offered (and not listed in Grip-Feature).

struct FilterContext {
  const Meta* subscription_meta = nullptr;
  const Meta* message_meta = nullptr;                        // null for content of a reply
  std::function<bool(std::string_view channel)> subscribed;  // names as the backend gave them
  // The last id of a channel as %(channel)s in id_format sees it; the message's own id for the channel that is being delivered.
  std::function<std::string(std::string_view channel)> last_id;
};

// True if the message passes all deciding filters.
bool passes(const std::vector<std::string>& filters, const FilterContext& context);

// Whether any of these filters changes content (then nothing can be shared between listeners).
bool changes_content(const std::vector<std::string>& filters);
// Those of the list that change content, in order: what a format's content-filters must equal.
std::vector<std::string> content_filters(const std::vector<std::string>& filters);

// Applies var-subst and build-id to a whole message. Errors: unknown name or directive, missing id_format.
Result<std::string> apply(const std::vector<std::string>& filters, const FilterContext& context, std::string_view content);

// Applies build-id to a reply that arrives in pieces; `%(x)I` may lie across a border. In a reply `%I` is an error.
class ReplyFilter {
 public:
  ReplyFilter(const std::vector<std::string>& filters, FilterContext context);
  Result<std::string> feed(std::string_view piece);  // what can be said already
  Result<std::string> finish();                      // the rest

 private:
  std::vector<std::string> filters_;
  FilterContext context_;
  std::string held_;
};

}  // namespace holdfast
