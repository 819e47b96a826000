#pragma once

#include <atomic>

#include "adapters/redis/redis_options.h"
#include "gateway/base/result.h"

namespace holdfast {

// The address of the options, or where the first Sentinel that answers says that the primary is. Blocks, up to `patience` for each
// Sentinel; `ending` cuts it short. Errors: unavailable, invalid (an address).
Result<RedisAddress> find_primary(const RedisOptions& options, Duration patience, const std::atomic<bool>& ending);

}  // namespace holdfast
