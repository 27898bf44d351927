#include "text/jinja/namespace.h"

#include <fmt/format.h>

#include "text/jinja/raise.h"
#include "text/jinja/text.h"

namespace minerva::jinja {

NamespaceObject::NamespaceObject(Interpreter& interpreter, std::vector<Pair> attributes)
    : Object(Kind::Object), Cyclic(interpreter, *this), attributes_(std::move(attributes)) {
  charge(sizeof(*this) + attributes_.capacity() * sizeof(Pair));
  for (const auto& [name, value] : attributes_)
    if (name.is_string()) check_name(name.text());
}

void NamespaceObject::check_name(std::string_view name) {
  if (!name.starts_with('_')) return;
  raise("SecurityError",
        fmt::format(
            "Chat templates cannot store underscore-prefixed attributes on a namespace, but got {}. Please "
            "rename the attribute.",
            repr_of_text(name)));
}

void NamespaceObject::set(std::string_view name, Value value) {
  check_name(name);
  for (auto& [key, held] : attributes_) {
    if (!key.is_string() || key.text() != name) continue;
    held = std::move(value);
    return;
  }
  charge(sizeof(Pair));
  attributes_.emplace_back(Value(name), std::move(value));
}

Value NamespaceObject::attribute(std::string_view name) {
  for (const auto& [key, held] : attributes_)
    if (key.is_string() && key.text() == name) return held;
  return Value::missing();
}

void NamespaceObject::append_repr(std::string& out) const {
  if (is_shown_) {
    out += "<Namespace {...}>";
    return;
  }
  struct Shown {
    explicit Shown(bool& flag) : shown(flag) { shown = true; }
    ~Shown() { shown = false; }
    Shown(const Shown&) = delete;
    Shown& operator=(const Shown&) = delete;
    bool& shown;
  };
  const Shown shown(is_shown_);
  out += "<Namespace {";
  bool is_first = true;
  for (const auto& [key, held] : attributes_) {
    if (!is_first) out += ", ";
    is_first = false;
    jinja::append_repr(out, key);
    out += ": ";
    jinja::append_repr(out, held);
  }
  out += "}>";
}

NamespaceObject* as_namespace(const Value& value) noexcept {
  return value.is(Kind::Object) ? dynamic_cast<NamespaceObject*>(&value.object()) : nullptr;
}

}  // namespace minerva::jinja
