#pragma once

#include "adapters/zeromq/zeromq_options.h"
#include "gateway/base/finding.h"

namespace holdfast {

// Whether each peer accepts connections, and what of the options would lose messages. Blocks, up to `options.timeout` for each peer.
Findings examine(const ZeromqOptions& options);

}  // namespace holdfast
