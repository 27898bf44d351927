#include "text/jinja/functions.h"

#include <fmt/format.h>

#include <utility>

#include "text/jinja/text.h"

namespace minerva::jinja {
namespace {

class FunctionObject final : public Object {
 public:
  FunctionObject(Value self, std::string_view name, NativeFunction function)
      : Object(Kind::Object), self_(std::move(self)), name_(name), function_(function) {
    charge(sizeof(*this));
  }
  std::string_view type_name() const override {
    return self_.is_missing() ? "function" : "builtin_function_or_method";
  }
  bool is_callable() const override { return true; }
  Value call(Interpreter& interpreter, const Arguments& arguments) override {
    return function_(interpreter, self_, arguments);
  }
  void append_repr(std::string& out) const override {
    if (self_.is_missing()) {
      out += name_;
      return;
    }
    out += fmt::format("<built-in method {} of {} object at 0x7f0000000000>", name_, jinja::type_name(self_));
  }

 private:
  Value self_;
  std::string_view name_;
  NativeFunction function_;
};

}  // namespace

Value make_method(const Value& self, std::string_view name, NativeFunction function) {
  return make_object<FunctionObject>(self, name, function);
}
Value make_method(Object& self, std::string_view name, NativeFunction function) {
  self.retain();
  return make_method(Value::adopt(&self), name, function);
}
Value make_function(std::string_view shown, NativeFunction function) {
  return make_object<FunctionObject>(Value::missing(), shown, function);
}

}  // namespace minerva::jinja
