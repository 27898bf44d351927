// Python's sorted().
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "text/jinja/value.h"

namespace minerva::jinja {

/// A stable sort that stays within its bounds even when `comes_before` contradicts itself, as the order of
/// NaNs does.
template <class T, class ComesBefore>
void merge_sort(std::vector<T>& items, ComesBefore comes_before) {
  std::vector<T> merged;
  for (std::size_t width = 1; width < items.size(); width *= 2) {
    merged.clear();
    for (std::size_t start = 0; start < items.size(); start += 2 * width) {
      std::size_t left = start;
      const std::size_t middle = std::min(start + width, items.size());
      std::size_t right = middle;
      const std::size_t end = std::min(middle + width, items.size());
      while (left < middle && right < end)
        merged.push_back(std::move(comes_before(items[right], items[left]) ? items[right++] : items[left++]));
      while (left < middle) merged.push_back(std::move(items[left++]));
      while (right < end) merged.push_back(std::move(items[right++]));
    }
    items.swap(merged);
  }
}

/// `items` in the order of their `keys`, stable in both directions. Raises what comparing keys raises.
std::vector<Value> sorted(std::vector<Value> items, const std::vector<Value>& keys, bool is_reversed);

}  // namespace minerva::jinja
