// jinja2's filters by name.
#pragma once

#include <span>
#include <string_view>

#include "text/jinja/object.h"

namespace minerva::jinja {

struct FilterEntry {
  std::string_view name;
  Value (*apply)(Interpreter& interpreter, const Value& input, const Arguments& arguments);
};

/// Null where there is none of this name.
const FilterEntry* find_filter(std::string_view name);

// By subject; each in the file of its name.
std::span<const FilterEntry> text_filters();
std::span<const FilterEntry> html_filters();
std::span<const FilterEntry> sequence_filters();
std::span<const FilterEntry> selection_filters();
std::span<const FilterEntry> number_filters();

}  // namespace minerva::jinja
