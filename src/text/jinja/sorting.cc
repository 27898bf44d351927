#include "text/jinja/sorting.h"

#include <cstddef>
#include <utility>

#include "text/jinja/operators.h"

namespace minerva::jinja {

std::vector<Value> sorted(std::vector<Value> items, const std::vector<Value>& keys, bool is_reversed) {
  std::vector<std::size_t> order(items.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  merge_sort(order, [&](std::size_t a, std::size_t b) {
    return is_reversed ? less(keys[b], keys[a]) : less(keys[a], keys[b]);
  });
  std::vector<Value> out;
  out.reserve(items.size());
  for (const std::size_t i : order) out.push_back(std::move(items[i]));
  return out;
}

}  // namespace minerva::jinja
