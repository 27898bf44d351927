// How filters look into items: "user.name", "0", several with commas between.
#pragma once

#include <string_view>
#include <vector>

#include "text/jinja/object.h"

namespace minerva::jinja {

/// jinja2's make_attrgetter(): a path of keys into an item.
class AttributePath {
 public:
  AttributePath() = default;
  /// None is the item itself; of a text the parts between dots, those of digits as numbers.
  explicit AttributePath(const Value& attribute);
  Value get(Interpreter& interpreter, const Value& item, const Value* otherwise = nullptr) const;

 private:
  std::vector<Value> keys_;
};

/// The paths of a text between its commas.
std::vector<AttributePath> attribute_paths(const Value& attribute);

/// Texts in lower case, others as they are.
Value without_case(const Value& value);

}  // namespace minerva::jinja
