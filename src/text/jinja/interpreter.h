// Runs a program once, with one set of variables. Lives on one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/budget.h"
#include "text/jinja/object.h"
#include "text/jinja/template.h"

namespace minerva::jinja {

/// A part of an object that can come to hold itself. Each interpreter knows its own and empties them at its
/// end, so that nothing is leaked.
class Cyclic {
 public:
  Cyclic(Interpreter& interpreter, Object& self) noexcept;
  virtual ~Cyclic();
  Cyclic(const Cyclic&) = delete;
  Cyclic& operator=(const Cyclic&) = delete;
  virtual void clear() noexcept = 0;

 private:
  friend class Interpreter;
  void leave() noexcept;
  Interpreter* interpreter_;  ///< null once it has been emptied
  Object& self_;
  Cyclic* previous_ = nullptr;
  Cyclic* next_ = nullptr;
};

/// The variables of a function that runs.
class Activation final : public Object, public Cyclic {
 public:
  Activation(Interpreter& interpreter, const Function& function, Value around);
  void clear() noexcept override;
  std::vector<Value> slots;
  Value outer;    ///< the Activation around it, or None
  Value context;  ///< of a block: a dict with the variables of where it stands, or None
};

enum class Flow : std::uint8_t { Next, Break, Continue };

class Interpreter {
 public:
  Interpreter(const Program& program, const Value& variables, const RenderSettings& settings, Budget& budget);
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  /// The text of the template. Throws what goes wrong.
  std::string run();
  /// Where it stands.
  std::size_t line() const noexcept { return line_; }

  // For filters, tests, methods and objects.
  bool autoescape() const noexcept { return autoescape_; }
  const RenderSettings& settings() const noexcept { return settings_; }
  /// `object.name` with jinja2's fallback to `object[name]`; Undefined where there is neither.
  Value get_attribute(const Value& object, const Value& name);
  /// `object[key]` with jinja2's fallback to `object.key`.
  Value get_item(const Value& object, const Value& key);
  Value call(const Value& callee, const Arguments& arguments);
  Value call_filter(std::string_view name, const Value& input, const Arguments& arguments);
  bool call_test(std::string_view name, const Value& input, const Arguments& arguments);
  Value call_macro(const MacroNode& node, const Value& outer, const Arguments& arguments);
  /// A block's text. `context` is a dict of variables that it sees beside the template's own, or None.
  Value call_block(const BodyNode& block, const Value& context);
  /// The block of this name, or null.
  const BodyNode* find_block(std::string_view name) const;
  Value call_loop(const ForNode& node, const Value& outer, const Value& iterable, std::int64_t depth);
  /// Prepares the variables of a loop's test.
  void enter_test(const ForNode& node, const Value& activation);
  /// Whether a loop's test holds for `item`, which becomes the test's variables.
  bool passes_test(const ForNode& node, const Value& activation, const Value& item);

 private:
  friend class Cyclic;
  class Capture;
  class CallScope;
  class InActivation;

  // Expressions.
  Value evaluate(const Node& node);
  Value evaluate_name(const NameNode& node);
  Value evaluate_conditional(const ConditionalNode& node);
  Value evaluate_binary(const BinaryNode& node);
  Value evaluate_unary(const UnaryNode& node);
  Value evaluate_compare(const CompareNode& node);
  Value evaluate_concat(const ItemsNode& node);
  Value evaluate_items(const ItemsNode& node);
  Value evaluate_dict(const DictNode& node);
  Value evaluate_attribute(const AttributeNode& node);
  Value evaluate_item(const ItemNode& node);
  Value evaluate_slice(const Value& object, const SliceNode& node);
  Value evaluate_call(const CallNode& node, const Value* caller);
  Value evaluate_filter(const FilterNode& node, const Value* block_text);
  Value evaluate_test(const TestNode& node);
  Arguments evaluate_arguments(const ArgumentNodes& nodes, const Value* caller);

  // Statements.
  Flow execute(const NodeList& nodes);
  Flow execute(const Node& node);
  void execute_output(const OutputNode& node);
  Flow execute_if(const IfNode& node);
  Flow execute_for(const ForNode& node);
  Flow run_loop(const ForNode& node, const Value& iterable, std::int64_t depth, const Value& outer);
  Flow run_iterations(const ForNode& node, const Value& iterator, const Value& loop, bool& ran);
  void execute_macro(const MacroNode& node);
  void execute_call_block(const MacroNode& node);
  void execute_generation(const MacroNode& node);
  Flow execute_filter_block(const BodyNode& node);
  Flow execute_autoescape(const BodyNode& node);
  void execute_block(const BodyNode& node);
  void run_block(const BodyNode& node, const Value& context);
  /// What the function that runs, or the outermost around it, sees beside the template's variables.
  const Value& context() const noexcept;
  void execute_assign(const AssignNode& node);
  Flow execute_assign_block(const AssignNode& node);
  Flow execute_with(const WithNode& node);

  // Variables.
  Value& variable(const Slot& slot) noexcept;
  Value lookup(const std::string& name);
  void enter(const Frame& frame);
  void leave(const Frame& frame) noexcept;
  void assign(const Node& target, Value value);
  void check_namespaces(const Node& target);
  void export_names(const Node& target);
  void bind_parameters(const MacroNode& node, const Arguments& arguments);

  void write(std::string_view text);
  void write_value(const Value& value);
  void write_text(const Value& value);
  Value captured(std::string text) const;

  const Program& program_;
  const Value& variables_;
  const RenderSettings& settings_;
  Budget& budget_;
  Cyclic* cyclic_ = nullptr;  ///< the first of all that live
  Activation* current_ = nullptr;
  std::string output_;
  std::string* out_ = &output_;
  std::size_t open_bytes_ = 0;  ///< of all texts that are being written
  std::size_t calls_ = 0;       ///< macros and recursive loops that run
  std::size_t line_ = 0;
  bool autoescape_ = false;
  std::vector<std::pair<std::string, Value>> exported_;  ///< what blocks see of the template's own variables
};

}  // namespace minerva::jinja
