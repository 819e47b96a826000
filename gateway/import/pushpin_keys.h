#pragma once

#include "gateway/import/imported.h"
#include "gateway/import/pushpin_settings.h"

namespace holdfast::importing {

// Carries every key of a pushpin.conf but listeners and routes: keys that have a counterpart, and what Pushpin does where a key is
// missing. Names the others.
void carry_keys(const PushpinSettings& settings, Imported& out);

// "proxy/debug" as people write it: "proxy.debug".
std::string shown_key(std::string_view key);

}  // namespace holdfast::importing
