#include "text/jinja/attributes.h"

#include <algorithm>

#include "text/jinja/interpreter.h"
#include "text/jinja/operators.h"
#include "text/jinja/raise.h"
#include "text/jinja/strings.h"
#include "text/jinja/unicode.h"

namespace minerva::jinja {
namespace {

bool is_digits(std::string_view text) {
  for (CodePoints points(text); !points.done();)
    if (!is_digit(points.next())) return false;
  return !text.empty();
}

}  // namespace

AttributePath::AttributePath(const Value& attribute) {
  if (attribute.is_none()) return;
  if (!attribute.is_string()) {
    keys_.push_back(attribute);
    return;
  }
  for (const std::string_view part : split_at(attribute.text(), ".", -1)) {
    if (!is_digits(part)) {
      keys_.emplace_back(part);
      continue;
    }
    const auto number = parse_integer(part, 10);
    if (!number) raise_value_error("invalid literal for int() with base 10");
    keys_.push_back(*number);
  }
}

Value AttributePath::get(Interpreter& interpreter, const Value& item, const Value* otherwise) const {
  Value found = item;
  for (const Value& key : keys_) {
    found = interpreter.get_item(found, key);
    if (otherwise != nullptr && found.is_undefined()) found = *otherwise;
  }
  return found;
}

std::vector<AttributePath> attribute_paths(const Value& attribute) {
  std::vector<AttributePath> paths;
  if (!attribute.is_string()) return {AttributePath(attribute)};
  for (const std::string_view part : split_at(attribute.text(), ",", -1)) paths.emplace_back(Value(part));
  return paths;
}

Value without_case(const Value& value) {
  if (!value.is_string()) return value;
  return make_string(to_lower(value.text()), is_markup(value));
}

}  // namespace minerva::jinja
