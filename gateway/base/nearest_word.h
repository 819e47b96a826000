#pragma once

#include <string_view>
#include <vector>

namespace holdfast {

// The word of `known` with the fewest edits from `word`, or "" when none is near enough to be what was meant. Ties: the first.
// Cost: the product of both lengths for each known word; overlong words have no neighbours.
std::string_view nearest_word(std::string_view word, const std::vector<std::string_view>& known);

// The same for dotted keys: the right word without its section ("idle_timeout" for "edge.idle_timeout") is the most likely slip.
std::string_view nearest_key(std::string_view key, const std::vector<std::string_view>& known);

}  // namespace holdfast
