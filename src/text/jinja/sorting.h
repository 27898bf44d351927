// Python's sorted().
#pragma once

#include <vector>

#include "text/jinja/value.h"

namespace minerva::jinja {

/// `items` in the order of their `keys`, stable in both directions. Raises what comparing keys raises.
std::vector<Value> sorted(std::vector<Value> items, const std::vector<Value>& keys, bool is_reversed);

}  // namespace minerva::jinja
