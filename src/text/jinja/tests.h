// jinja2's tests by name.
#pragma once

#include <string_view>

#include "text/jinja/object.h"

namespace minerva::jinja {

struct TestEntry {
  std::string_view name;
  bool (*holds)(Interpreter& interpreter, const Value& input, const Arguments& arguments);
};

/// Null where there is none of this name.
const TestEntry* find_test(std::string_view name);

}  // namespace minerva::jinja
