#pragma once

#include <cstdlib>

// What must hold whatever the input; the fuzzer keeps the input for which it does not.
inline void check(bool holds) {
  if (!holds) std::abort();
}
