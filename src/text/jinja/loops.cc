#include "text/jinja/loops.h"

#include <fmt/format.h>

#include <vector>

#include "text/jinja/call_arguments.h"
#include "text/jinja/functions.h"
#include "text/jinja/raise.h"
#include "text/jinja/text.h"

namespace minerva::jinja {

TestedItems::TestedItems(Interpreter& interpreter, const ForNode& node, Value activation, Value iterator)
    : interpreter_(interpreter),
      node_(node),
      activation_(std::move(activation)),
      iterator_(std::move(iterator)) {
  charge(sizeof(*this));
}

Value TestedItems::next() {
  const bool is_first = !is_entered_;
  is_entered_ = true;
  if (is_first) interpreter_.enter_test(node_, activation_);
  while (true) {
    spend(1);
    Value item = next_of(iterator_);
    if (item.is_missing() || interpreter_.passes_test(node_, activation_, item)) return item;
  }
}

LoopObject::LoopObject(Interpreter& interpreter, const ForNode& node, Value iterable, Value outer,
                       std::int64_t depth)
    : Cyclic(interpreter, *this),
      node_(node),
      iterable_(std::move(iterable)),
      iterator_(iterate(iterable_)),
      outer_(std::move(outer)),
      depth_(depth) {
  charge(sizeof(*this));
}

void LoopObject::clear() noexcept {
  iterable_ = Value();
  last_changed_ = Value();
  outer_ = Value();
  after_ = now_ = before_ = Value::missing();
}

Value LoopObject::next() {
  Value item = Value::missing();
  if (!after_.is_missing()) {
    after_.swap(item);
  } else {
    item = next_of(iterator_);
  }
  if (item.is_missing()) return item;
  ++index_;
  before_ = std::move(now_);
  now_ = item;
  return item;
}

const Value& LoopObject::peek() {
  if (after_.is_missing()) after_ = next_of(iterator_);
  return after_;
}

std::optional<std::int64_t> LoopObject::length() {
  if (length_) return length_;
  length_ = length_of(iterable_);
  if (!length_) {
    Value rest = Value::list(to_items(iterator_));
    length_ = length_or_raise(rest) + index_ + 1 + (after_.is_missing() ? 0 : 1);
    iterator_ = iterate(rest);
  }
  return length_;
}

void LoopObject::append_repr(std::string& out) const {
  const std::int64_t all = *const_cast<LoopObject*>(this)->length();
  out += fmt::format("<LoopContext {}/{}>", index_ + 1, all);
}

Value LoopObject::cycle(const Arguments& arguments) const {
  const auto& values = arguments.positional;
  if (values.empty()) raise_type_error("no items for cycling given");
  const auto count = static_cast<std::int64_t>(values.size());
  return values[static_cast<std::size_t>((index_ % count + count) % count)];
}

Value LoopObject::changed(const Arguments& arguments) {
  Value values = Value::tuple(arguments.positional);
  if (!last_changed_.is_missing() && equal(last_changed_, values)) return false;
  last_changed_ = std::move(values);
  return true;
}

Value LoopObject::attribute(std::string_view name) {
  if (name == "index") return index_ + 1;
  if (name == "index0") return index_;
  if (name == "first") return index_ == 0;
  if (name == "last") return peek().is_missing();
  if (name == "length") return *length();
  if (name == "revindex") return *length() - index_;
  if (name == "revindex0") return *length() - index_ - 1;
  if (name == "depth") return depth_ + 1;
  if (name == "depth0") return depth_;
  if (name == "previtem")
    return index_ == 0 || before_.is_missing() ? undefined_hint("there is no previous item") : before_;
  if (name == "nextitem") return peek().is_missing() ? undefined_hint("there is no next item") : peek();
  if (name == "cycle") {
    return make_method(*this, "cycle", [](Interpreter&, const Value& self, const Arguments& arguments) {
      return static_cast<LoopObject&>(self.object()).cycle(arguments);
    });
  }
  if (name == "changed") {
    return make_method(*this, "changed", [](Interpreter&, const Value& self, const Arguments& arguments) {
      return static_cast<LoopObject&>(self.object()).changed(arguments);
    });
  }
  return Value::missing();
}

Value LoopObject::call(Interpreter& interpreter, const Arguments& arguments) {
  const Parameters given("loop", arguments, {"iterable"}, 1);
  if (!node_.is_recursive)
    raise_type_error("The loop must have the 'recursive' marker to be called recursively.");
  return interpreter.call_loop(node_, outer_, given[0], depth_ + 1);
}

}  // namespace minerva::jinja
