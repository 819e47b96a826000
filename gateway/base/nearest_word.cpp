#include "gateway/base/nearest_word.h"

#include <algorithm>
#include <numeric>

#include "gateway/base/text.h"

namespace holdfast {
namespace {

// Longer words are no typing mistakes of ours, and comparing them costs the product of both lengths.
constexpr size_t kLongestWord = 64;

// Insertions, deletions, changes and swaps of neighbours that make `b` of `a`. Letter case and '-' for '_' are no difference.
size_t edits(std::string_view a, std::string_view b) {
  const auto same = [](char x, char y) {
    const auto plain = [](char c) { return c == '-' ? '_' : lower(c); };
    return plain(x) == plain(y);
  };
  std::vector<size_t> row(b.size() + 1), above(b.size() + 1), above_that(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    std::swap(above_that, above);
    std::swap(above, row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same(a[i - 1], b[j - 1]) ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]);
      if (swapped) row[j] = std::min(row[j], above_that[j - 2] + 1);
    }
  }
  return row.back();
}

}  // namespace

std::string_view nearest_word(std::string_view word, const std::vector<std::string_view>& known) {
  if (word.empty() || word.size() > kLongestWord) return {};
  std::string_view best;
  size_t best_edits = std::max<size_t>(1, word.size() / 3) + 1;
  for (const std::string_view candidate : known) {
    const size_t count = edits(word, candidate);
    if (count < best_edits) {
      best = candidate;
      best_edits = count;
    }
  }
  return best;
}

std::string_view nearest_key(std::string_view key, const std::vector<std::string_view>& known) {
  for (const std::string_view candidate : known) {
    const bool has_tail = !key.empty() && candidate.size() > key.size() + 1 && candidate.ends_with(key);
    if (has_tail && candidate[candidate.size() - key.size() - 1] == '.') return candidate;
  }
  return nearest_word(key, known);
}

}  // namespace holdfast
