#include "convert/merge_order.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace minerva::convert {
namespace {

std::string pair_key(std::string_view left, std::string_view right) {
  std::string key(left);
  key += '\0';
  key += right;
  return key;
}

bool is_inside_character(char c) {
  return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
}

}  // namespace

MergeScores score_by_merges(const std::vector<std::string>& tokens, const std::vector<Merge>& merges,
                            const std::function<bool(std::string_view)>& is_added) {
  std::unordered_map<std::string, std::size_t> first_merge;
  std::unordered_set<std::string> pairs;
  MergeScores result;
  std::string previous;
  for (std::size_t i = 0; i < merges.size(); ++i) {
    std::string made = merges[i].first + merges[i].second;
    const bool is_new = first_merge.try_emplace(made, i).second;
    if (!is_new && made != previous && !is_added(made)) ++result.scattered_tokens;
    pairs.insert(pair_key(merges[i].first, merges[i].second));
    previous = std::move(made);
  }
  const std::unordered_set<std::string_view> known(tokens.begin(), tokens.end());
  for (const std::string& token : tokens) {
    const auto merge = first_merge.find(token);
    const std::size_t place = merge == first_merge.end() ? merges.size() : merge->second;
    result.scores.push_back(-static_cast<float>(place));
    if (is_added(token)) continue;
    for (std::size_t cut = 1; cut < token.size(); ++cut) {
      if (is_inside_character(token[cut])) continue;
      const std::string_view left = std::string_view(token).substr(0, cut);
      const std::string_view right = std::string_view(token).substr(cut);
      if (!known.contains(left) || !known.contains(right)) continue;
      if (!pairs.contains(pair_key(left, right))) ++result.pairs_without_merge;
    }
  }
  return result;
}

}  // namespace minerva::convert
