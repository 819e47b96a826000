#pragma once

namespace holdfast {

// What a publication that a broker has accepted survives; adapters/README.md says it at length.
enum class Durability {
  process,     // nothing beyond this process
  node,        // nothing but the node that orders the channel
  primary,     // what the broker's primary keeps
  replicated,  // the primary's loss
};

}  // namespace holdfast
