// A SentencePiece-like BPE, which tokenizer.json keeps as merges, as llama.cpp's scores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace minerva::convert {

using Merge = std::pair<std::string, std::string>;

struct MergeScores {
  /// For each token: minus the place of the first merge that makes it; for one that none makes, less than
  /// all.
  std::vector<float> scores;
  /// Neighbours that llama.cpp joins because their text is a token, and the tokenizer does not: no merge says
  /// so.
  std::size_t pairs_without_merge = 0;
  /// Tokens whose merges do not follow each other: one score cannot say when each of them goes.
  std::size_t scattered_tokens = 0;
};

/// `is_added`: tokens that are found before any merge.
MergeScores score_by_merges(const std::vector<std::string>& tokens, const std::vector<Merge>& merges,
                            const std::function<bool(std::string_view)>& is_added);

}  // namespace minerva::convert
