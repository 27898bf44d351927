// jinja2's namespace(): the one value that a template can change.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/interpreter.h"

namespace minerva::jinja {

class NamespaceObject final : public Object, public Cyclic {
 public:
  NamespaceObject(Interpreter& interpreter, std::vector<Pair> attributes);
  /// Raises SecurityError for names that begin with an underscore.
  void set(std::string_view name, Value value);

  std::string_view type_name() const override { return "TemplateNamespace"; }
  std::string_view module_name() const override { return "transformers.utils.chat_template_utils"; }
  void append_repr(std::string& out) const override;
  Value attribute(std::string_view name) override;
  void clear() noexcept override { attributes_.clear(); }

 private:
  static void check_name(std::string_view name);
  std::vector<Pair> attributes_;
  mutable bool is_shown_ = false;  ///< further out, for one that holds itself
};

/// Null when `value` is none.
NamespaceObject* as_namespace(const Value& value) noexcept;

}  // namespace minerva::jinja
