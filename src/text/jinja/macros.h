// Macros, and the bodies of {% call %} as what they call.
#pragma once

#include <string>
#include <string_view>

#include "text/jinja/interpreter.h"

namespace minerva::jinja {

class MacroObject final : public Object {
 public:
  /// `name` is None for the body of a call.
  MacroObject(const MacroNode& node, Value outer, Value name);

  std::string_view type_name() const override { return "Macro"; }
  std::string_view module_name() const override { return "jinja2.runtime"; }
  void append_repr(std::string& out) const override;
  bool is_callable() const override { return true; }
  Value call(Interpreter& interpreter, const Arguments& arguments) override;
  Value attribute(std::string_view name) override;

 private:
  const MacroNode& node_;
  Value outer_;  ///< the Activation it was defined in
  Value name_;
};

}  // namespace minerva::jinja
