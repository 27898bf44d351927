// Iterators of Python's library.
#pragma once

#include <string_view>
#include <vector>

#include "text/jinja/object.h"

namespace minerva::jinja {

/// reversed(): `items` are in the reversed order already, of a value of type `of`.
Value make_reversed(std::vector<Value> items, std::string_view of);

}  // namespace minerva::jinja
