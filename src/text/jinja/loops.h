// The special variable `loop`, and the items of a loop with a test.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "text/jinja/interpreter.h"

namespace minerva::jinja {

/// What `for x in items if …` iterates over.
class TestedItems final : public Iterator {
 public:
  TestedItems(Interpreter& interpreter, const ForNode& node, Value activation, Value iterator);
  Value next() override;
  std::string_view type_name() const override { return "generator"; }

 private:
  Interpreter& interpreter_;
  const ForNode& node_;
  Value activation_;
  Value iterator_;
  bool is_entered_ = false;
};

/// jinja2's LoopContext, which is also the loop's iterator.
class LoopObject final : public Iterator, public Cyclic {
 public:
  /// `outer` is the activation that a recursive loop's function is called from.
  LoopObject(Interpreter& interpreter, const ForNode& node, Value iterable, Value outer, std::int64_t depth);

  Value next() override;
  std::string_view type_name() const override { return "LoopContext"; }
  std::string_view module_name() const override { return "jinja2.runtime"; }
  void append_repr(std::string& out) const override;
  Value attribute(std::string_view name) override;
  std::optional<std::int64_t> length() override;
  bool is_callable() const override { return true; }
  Value call(Interpreter& interpreter, const Arguments& arguments) override;
  void clear() noexcept override;

  Value cycle(const Arguments& arguments) const;
  Value changed(const Arguments& arguments);

 private:
  const Value& peek();

  const ForNode& node_;
  Value iterable_;
  Value iterator_;
  Value last_changed_ = Value::missing();  ///< what changed() was last called with
  Value outer_;
  std::int64_t depth_;
  std::int64_t index_ = -1;
  std::optional<std::int64_t> length_;
  Value after_ = Value::missing();
  Value now_ = Value::missing();
  Value before_ = Value::missing();
};

}  // namespace minerva::jinja
