#include "text/tokenizer/splitting.h"

#include <algorithm>
#include <ranges>

namespace minerva::tokenizers {

namespace {

struct Range {
  std::uint32_t begin;
  std::uint32_t end;
};

/// Neighbours of the same kind become one. (The first segment counts as following a gap.)
void contiguous(const std::vector<Segment>& segments, std::vector<Range>& out) {
  bool previous_match = false;
  for (const Segment& segment : segments) {
    if (segment.is_match == previous_match && !out.empty()) {
      out.back().end = segment.end;
    } else {
      out.push_back({segment.begin, segment.end});
    }
    previous_match = segment.is_match;
  }
}

void merged_with_previous(const std::vector<Segment>& segments, std::vector<Range>& out) {
  bool previous_match = false;
  for (const Segment& segment : segments) {
    if (segment.is_match && !previous_match && !out.empty()) {
      out.back().end = segment.end;
    } else {
      out.push_back({segment.begin, segment.end});
    }
    previous_match = segment.is_match;
  }
}

void merged_with_next(const std::vector<Segment>& segments, std::vector<Range>& out) {
  bool previous_match = false;
  for (const Segment& segment : segments | std::views::reverse) {
    if (segment.is_match && !previous_match && !out.empty()) {
      out.back().begin = segment.begin;
    } else {
      out.push_back({segment.begin, segment.end});
    }
    previous_match = segment.is_match;
  }
  std::ranges::reverse(out);
}

}  // namespace

void append_split(const std::vector<Segment>& segments, SplitBehavior behavior, std::uint32_t offset,
                  std::vector<Pieces::Piece>& list) {
  if (behavior == SplitBehavior::Removed || behavior == SplitBehavior::Isolated) {
    for (const Segment& segment : segments) {
      if (segment.is_match && behavior == SplitBehavior::Removed) continue;
      if (segment.begin < segment.end) list.push_back({offset + segment.begin, offset + segment.end});
    }
    return;
  }
  std::vector<Range> merged;
  if (behavior == SplitBehavior::Contiguous) contiguous(segments, merged);
  if (behavior == SplitBehavior::MergedWithPrevious) merged_with_previous(segments, merged);
  if (behavior == SplitBehavior::MergedWithNext) merged_with_next(segments, merged);
  for (const Range& range : merged) {
    if (range.begin < range.end) list.push_back({offset + range.begin, offset + range.end});
  }
}

}  // namespace minerva::tokenizers
