#include "runtime/stop_matcher.h"

#include <algorithm>
#include <utility>

namespace minerva {

StopMatcher::StopMatcher(std::vector<std::string> stops) : stops_(std::move(stops)) {
  std::erase_if(stops_, [](const std::string& stop) { return stop.empty(); });
}

StopMatcher::Output StopMatcher::push(std::string_view piece) {
  if (stops_.empty()) return {.text = std::string(piece)};
  pending_ += piece;
  std::size_t first = std::string::npos;
  for (const std::string& stop : stops_) first = std::min(first, pending_.find(stop));
  if (first != std::string::npos) {
    Output output{.text = pending_.substr(0, first), .stopped = true};
    pending_.clear();
    return output;
  }
  const std::size_t certain = pending_.size() - held_back();
  Output output{.text = pending_.substr(0, certain)};
  pending_.erase(0, certain);
  return output;
}

std::string StopMatcher::finish() {
  return std::exchange(pending_, {});
}

// The length of the longest end of pending_ that begins a stop string.
std::size_t StopMatcher::held_back() const {
  std::size_t longest = 0;
  for (const std::string& stop : stops_) {
    for (std::size_t length = std::min(stop.size() - 1, pending_.size()); length > longest; --length) {
      if (pending_.ends_with(std::string_view(stop).substr(0, length))) {
        longest = length;
        break;
      }
    }
  }
  return longest;
}

}  // namespace minerva
