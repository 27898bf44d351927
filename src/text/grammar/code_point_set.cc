#include "text/grammar/code_point_set.h"

#include <algorithm>
#include <utility>

namespace minerva::grammar {
namespace {

// What stands around the surrogates.
constexpr char32_t kLastBefore = 0xD7FF;
constexpr char32_t kFirstAfter = 0xE000;

}  // namespace

CodePointSet::CodePointSet(const std::vector<Range>& ranges) {
  for (const Range& range : ranges) append(range.first, range.last);
  normalize();
}

void CodePointSet::append(char32_t first, char32_t last) {
  last = std::min(last, kCodePointMax);
  if (first > last) return;
  if (first <= kLastBefore) ranges_.push_back({first, std::min(last, kLastBefore)});
  if (last >= kFirstAfter) ranges_.push_back({std::max(first, kFirstAfter), last});
}

void CodePointSet::add(const CodePointSet& other) {
  ranges_.insert(ranges_.end(), other.ranges_.begin(), other.ranges_.end());
  normalize();
}

void CodePointSet::normalize() {
  std::ranges::sort(ranges_, {}, &Range::first);
  std::vector<Range> merged;
  for (const Range& range : ranges_) {
    if (!merged.empty() && range.first <= merged.back().last + 1)
      merged.back().last = std::max(merged.back().last, range.last);
    else
      merged.push_back(range);
  }
  ranges_ = std::move(merged);
}

CodePointSet CodePointSet::complement() const {
  CodePointSet result;
  char32_t next = 0;
  for (const Range& range : ranges_) {
    if (range.first > next) result.append(next, range.first - 1);
    next = range.last + 1;
  }
  if (next <= kCodePointMax) result.append(next, kCodePointMax);
  return result;
}

CodePointSet CodePointSet::intersection(const CodePointSet& other) const {
  CodePointSet result;
  auto a = ranges_.begin();
  auto b = other.ranges_.begin();
  while (a != ranges_.end() && b != other.ranges_.end()) {
    const char32_t first = std::max(a->first, b->first);
    const char32_t last = std::min(a->last, b->last);
    if (first <= last) result.ranges_.push_back({first, last});
    if (a->last < b->last)
      ++a;
    else
      ++b;
  }
  return result;
}

bool CodePointSet::contains(char32_t c) const noexcept {
  return std::ranges::any_of(ranges_, [c](const Range& r) { return r.first <= c && c <= r.last; });
}

}  // namespace minerva::grammar
