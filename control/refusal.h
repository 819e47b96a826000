#pragma once

#include <optional>

#include "control/service.h"

namespace holdfast::control {

// What to say of items that were not published: the doors' common words.
struct Refusal {
  bool all = false;  // nothing was published
  // unavailable: another try may help; denied; exhausted; invalid. The text names the first of the refused items, so that a publisher
  // repeats those and no others: "Not published: items[0]: ...; items[1]: ..." or "Published except items[1]: ...".
  Error error;
};

// nullopt: all were published.
std::optional<Refusal> refusal_of(const Service::Receipts& receipts);

}  // namespace holdfast::control
