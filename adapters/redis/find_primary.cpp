#include "adapters/redis/find_primary.h"

#include "adapters/redis/redis_link.h"
#include "adapters/redis/replies.h"

namespace holdfast {

Result<RedisAddress> find_primary(const RedisOptions& options, Duration patience, const std::atomic<bool>& ending) {
  if (options.sentinels.empty()) return parse_redis_address(options.address);
  const auto tls = RedisTls::make(options);
  if (!tls) return tl::unexpected(tls.error());
  std::string last = "no Sentinel answers";
  for (const auto& text : options.sentinels) {
    const auto address = parse_redis_address(text);
    if (!address) return fail(address.error());
    const auto replies = ask_once(*address, {options.sentinel_username, options.sentinel_password, *tls},
                                  {{"SENTINEL", "get-master-addr-by-name", options.sentinel_master}}, patience, ending);
    if (!replies) {
      last = text + ": " + replies.error().text;
      continue;
    }
    const redisReply& reply = *replies->front();
    if (reply.type == REDIS_REPLY_ARRAY && reply.elements == 2) {
      return RedisAddress{std::string(text_of(*reply.element[0])), std::string(text_of(*reply.element[1]))};
    }
    last = text + (is_error(&reply) ? ": " + std::string(text_of(reply)) : ": knows no primary named " + options.sentinel_master);
  }
  return unavailable(last);
}

}  // namespace holdfast
