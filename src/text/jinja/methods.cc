// Which attributes a value has.
#include "text/jinja/methods.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "text/jinja/functions.h"
#include "text/jinja/operators.h"
#include "text/jinja/raise.h"
#include "text/jinja/text.h"

namespace minerva::jinja {
namespace {

const Method* find_in(std::span<const Method> methods, std::string_view name) {
  const auto found = std::ranges::find(methods, name, &Method::name);
  return found == methods.end() ? nullptr : &*found;
}

/// What the immutable sandbox keeps from templates.
bool is_unsafe(const Value& object, std::string_view name) {
  constexpr std::array<std::string_view, 8> kOfList = {"append", "clear", "pop",    "reverse",
                                                       "insert", "sort",  "extend", "remove"};
  constexpr std::array<std::string_view, 5> kOfDict = {"clear", "pop", "popitem", "setdefault", "update"};
  // What every object of Python has; jinja2 hides all names that begin with an underscore.
  constexpr std::array<std::string_view, 24> kOfAll = {
      "__class__",   "__delattr__", "__dir__",           "__doc__",         "__eq__",
      "__format__",  "__ge__",      "__getattribute__",  "__getstate__",    "__gt__",
      "__hash__",    "__init__",    "__init_subclass__", "__le__",          "__lt__",
      "__ne__",      "__new__",     "__reduce__",        "__reduce_ex__",   "__repr__",
      "__setattr__", "__sizeof__",  "__str__",           "__subclasshook__"};
  constexpr std::array<std::string_view, 4> kOfContainers = {"__len__", "__iter__", "__contains__",
                                                             "__getitem__"};
  if (name.starts_with("__")) {
    if (std::ranges::find(kOfContainers, name) != kOfContainers.end()) return length_of(object).has_value();
    if (name == "__bool__") return object.is_number();
    return std::ranges::find(kOfAll, name) != kOfAll.end();
  }
  if (object.is(Kind::List)) return std::ranges::find(kOfList, name) != kOfList.end();
  return object.is_dict() && std::ranges::find(kOfDict, name) != kOfDict.end();
}

/// The parts of a number.
Value number_part(const Value& number, std::string_view name) {
  if (name == "real") return positive(number);
  if (name == "imag") return number.is(Kind::Float) ? Value(0.0) : Value(0);
  if (number.is(Kind::Float)) return Value::missing();
  if (name == "numerator") return positive(number);
  return name == "denominator" ? Value(1) : Value::missing();
}

}  // namespace

const Method* find_method(const Value& object, std::string_view name) {
  switch (object.kind()) {
    case Kind::String: {
      const Method* method = find_in(string_methods(), name);
      if (method == nullptr) method = find_in(string_test_methods(), name);
      return method != nullptr || !is_markup(object) ? method : find_in(markup_methods(), name);
    }
    case Kind::List:
      return find_in(list_methods(), name);
    case Kind::Tuple:
      return find_in(tuple_methods(), name);
    case Kind::Dict:
      return find_in(dict_methods(), name);
    case Kind::Bool:
    case Kind::Int:
    case Kind::BigInteger:
      return find_in(integer_methods(), name);
    case Kind::Float:
      return find_in(float_methods(), name);
    default:
      return nullptr;
  }
}

Value attribute_of(const Value& object, std::string_view name) {
  if (object.is_undefined()) raise_undefined(object);
  if (const Method* method = find_method(object, name))
    return make_method(object, method->name, method->call);
  if (is_unsafe(object, name)) {
    return make_object<UndefinedObject>(fmt::format("access to attribute {} of '{}' object is unsafe.",
                                                    repr_of_text(name), type_name(object)),
                                        object, Value(name), true);
  }
  if (object.is_number()) return number_part(object, name);
  if (object.is(Kind::Tuple) && static_cast<const SequenceObject&>(object.object()).is_group) {
    if (name == "grouper") return object.items()[0];
    if (name == "list") return object.items()[1];
  }
  return object.is(Kind::Object) ? object.object().attribute(name) : Value::missing();
}

bool has_attribute(const Value& object, std::string_view name) {
  return !attribute_of(object, name).is_missing();
}

}  // namespace minerva::jinja
