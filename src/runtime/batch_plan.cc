#include "runtime/batch_plan.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

namespace minerva {
namespace {

// What one client would have computed, and how much of it is granted.
struct Demand {
  std::vector<std::size_t> candidates;
  std::size_t rows = 0;
  std::uint64_t served = 0;
  std::size_t granted = 0;
  bool satisfied() const noexcept { return granted == rows; }
};

using Demands = std::map<std::size_t, Demand>;  // by client

// Grants row after row to whoever was served least. `strict`: when that one wants no more, the others do not
// get ahead of it.
void share_out(Demands& demands, std::size_t rows, bool strict) {
  const auto level = [](const Demand& d) { return d.served + d.granted; };
  for (; rows > 0; --rows) {
    Demand* least = nullptr;
    for (auto& [client, demand] : demands) {
      if (!strict && demand.satisfied()) continue;
      const bool goes_before = least == nullptr || level(demand) < level(*least) ||
                               (level(demand) == level(*least) && least->satisfied() && !demand.satisfied());
      if (goes_before) least = &demand;
    }
    if (least == nullptr || least->satisfied()) return;
    ++least->granted;
  }
}

// Of one client's answers, those that have waited longest.
void grant_answers(const Demand& demand, std::span<const BatchCandidate> candidates,
                   std::vector<std::size_t>& rows) {
  std::vector<std::size_t> waiting = demand.candidates;
  std::ranges::sort(waiting, {}, [&](std::size_t i) { return std::pair(candidates[i].last_row, i); });
  for (std::size_t i = 0; i < demand.granted; ++i) rows[waiting[i]] = 1;
}

// Of one client's prompts, the oldest gets half, the shortest first what is left.
void grant_prompts(const Demand& demand, std::span<const BatchCandidate> candidates,
                   std::vector<std::size_t>& rows) {
  std::size_t left = demand.granted;
  const auto grant = [&](std::size_t i, std::size_t most) {
    const std::size_t count = std::min({candidates[i].pending - rows[i], most, left});
    rows[i] += count;
    left -= count;
  };
  const std::size_t oldest = demand.candidates.front();
  grant(oldest, (demand.granted + 1) / 2);
  std::vector<std::size_t> shortest = demand.candidates;
  std::ranges::sort(shortest, {}, [&](std::size_t i) { return std::pair(candidates[i].pending, i); });
  for (const std::size_t i : shortest) grant(i, left);
}

}  // namespace

std::vector<std::size_t> plan_batch(std::span<const BatchCandidate> candidates,
                                    std::span<const ServedTokens> served, const BatchLimits& limits) {
  std::vector<std::size_t> rows(candidates.size(), 0);
  std::set<int, std::greater<>> levels;
  for (const BatchCandidate& candidate : candidates) levels.insert(candidate.level);
  std::size_t left = limits.rows;
  std::size_t prompts_left = limits.prompt_rows;
  const auto demands = [&](int level, bool answers) {
    Demands found;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const BatchCandidate& c = candidates[i];
      if (c.level != level || c.answers() != answers || c.pending == 0) continue;
      Demand& demand = found[c.client];
      demand.candidates.push_back(i);
      demand.rows += c.pending;
      demand.served = answers ? served[c.client].answers : served[c.client].prompts;
    }
    return found;
  };
  for (const bool answers : {true, false}) {
    for (const int level : levels) {
      Demands found = demands(level, answers);
      share_out(found, answers ? left : std::min(left, prompts_left), answers);
      for (const auto& [client, demand] : found) {
        if (demand.granted == 0) continue;
        (answers ? grant_answers : grant_prompts)(demand, candidates, rows);
        left -= demand.granted;
        if (!answers) prompts_left -= demand.granted;
      }
    }
  }
  return rows;
}

}  // namespace minerva
