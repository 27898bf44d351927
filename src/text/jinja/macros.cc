#include "text/jinja/macros.h"

#include <utility>
#include <vector>

#include "text/jinja/text.h"

namespace minerva::jinja {

MacroObject::MacroObject(const MacroNode& node, Value outer, Value name)
    : Object(Kind::Object), node_(node), outer_(std::move(outer)), name_(std::move(name)) {
  charge(sizeof(*this));
}

void MacroObject::append_repr(std::string& out) const {
  out += "<Macro ";
  out += name_.is_none() ? "anonymous" : repr_of_key(name_);
  out += '>';
}

Value MacroObject::call(Interpreter& interpreter, const Arguments& arguments) {
  return interpreter.call_macro(node_, outer_, arguments);
}

Value MacroObject::attribute(std::string_view name) {
  if (name == "name") return name_;
  if (name == "caller") return node_.takes_caller;
  if (name == "catch_kwargs") return node_.takes_named;
  if (name == "catch_varargs") return node_.takes_positional;
  if (name == "explicit_caller") return node_.has_explicit_caller;
  if (name != "arguments") return Value::missing();
  std::vector<Value> names;
  names.reserve(node_.parameters.size());
  for (const NameNode* parameter : node_.parameters) names.emplace_back(parameter->name);
  return Value::tuple(std::move(names));
}

}  // namespace minerva::jinja
