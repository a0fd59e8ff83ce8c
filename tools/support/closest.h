// closest.h - "did you mean": which of the words that would be right somebody may have wanted to write.
#pragma once

#include <algorithm>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

namespace aotc {

// How many letters to add, remove, replace or swap with the next to make one of the other.
inline size_t edits_between(std::string_view one, std::string_view other) {
  std::vector<std::vector<size_t>> edits(one.size() + 1, std::vector<size_t>(other.size() + 1));
  std::iota(edits[0].begin(), edits[0].end(), size_t{0});
  for (size_t i = 1; i <= one.size(); ++i) {
    edits[i][0] = i;
    for (size_t k = 1; k <= other.size(); ++k) {
      edits[i][k] =
          std::min({edits[i - 1][k] + 1, edits[i][k - 1] + 1, edits[i - 1][k - 1] + (one[i - 1] != other[k - 1])});
      if (i > 1 && k > 1 && one[i - 1] == other[k - 2] && one[i - 2] == other[k - 1])
        edits[i][k] = std::min(edits[i][k], edits[i - 2][k - 2] + 1);
    }
  }
  return edits[one.size()][other.size()];
}

// "; did you mean WORD?", or nothing when none is near.
inline std::string did_you_mean(std::string_view written, const std::vector<std::string>& known) {
  if (written.size() > 64) return "";
  const std::string* best = nullptr;
  size_t least = std::max<size_t>(1, written.size() / 3) + 1;
  for (const std::string& word : known) {
    const size_t edits = edits_between(written, word);
    if (edits < least) best = &word, least = edits;
  }
  return best == nullptr ? "" : "; did you mean " + *best + "?";
}

}  // namespace aotc
