// Interpreter: statements and variables.
#include "text/jinja/interpreter.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "text/jinja/blocks.h"
#include "text/jinja/globals.h"
#include "text/jinja/html.h"
#include "text/jinja/loops.h"
#include "text/jinja/macros.h"
#include "text/jinja/namespace.h"
#include "text/jinja/raise.h"
#include "text/jinja/text.h"

namespace minerva::jinja {

Cyclic::Cyclic(Interpreter& interpreter, Object& self) noexcept
    : interpreter_(&interpreter), self_(self), next_(interpreter.cyclic_) {
  if (next_ != nullptr) next_->previous_ = this;
  interpreter.cyclic_ = this;
}

Cyclic::~Cyclic() {
  leave();
}

void Cyclic::leave() noexcept {
  if (interpreter_ == nullptr) return;
  if (next_ != nullptr) next_->previous_ = previous_;
  (previous_ != nullptr ? previous_->next_ : interpreter_->cyclic_) = next_;
  interpreter_ = nullptr;
}

Activation::Activation(Interpreter& interpreter, const Function& function, Value around)
    : Object(Kind::Object),
      Cyclic(interpreter, *this),
      slots(function.slot_count, Value::missing()),
      outer(std::move(around)) {
  charge(sizeof(*this) + slots.capacity() * sizeof(Value));
}

void Activation::clear() noexcept {
  for (Value& slot : slots) slot = Value::missing();
  outer = Value();
  context = Value();
}

/// Collects what is written into a text of its own.
class Interpreter::Capture {
 public:
  explicit Capture(Interpreter& interpreter) : interpreter_(interpreter), outer_(interpreter.out_) {
    interpreter_.out_ = &text_;
  }
  ~Capture() {
    interpreter_.out_ = outer_;
    interpreter_.open_bytes_ -= text_.size();
  }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  const std::string& text() const { return text_; }

 private:
  Interpreter& interpreter_;
  std::string* outer_;
  std::string text_;
};

/// A function that runs with variables of its own.
class Interpreter::CallScope {
 public:
  CallScope(Interpreter& interpreter, const Function& function, const Value& outer,
            const Value& context = Value())
      : interpreter_(interpreter), previous_(interpreter.current_) {
    const std::size_t calls_max = interpreter.budget_.limits().nesting_max;
    if (interpreter.calls_ >= calls_max)
      raise_limit(fmt::format("macros call each other more than {} deep", calls_max));
    activation_ = make_object<Activation>(interpreter, function, outer);
    interpreter_.current_ = &static_cast<Activation&>(activation_.object());
    interpreter_.current_->context = context;
    ++interpreter_.calls_;
  }
  ~CallScope() {
    interpreter_.current_ = previous_;
    --interpreter_.calls_;
  }
  CallScope(const CallScope&) = delete;
  CallScope& operator=(const CallScope&) = delete;

 private:
  Interpreter& interpreter_;
  Activation* previous_;
  Value activation_;
};

namespace {

Value reference_to(Object* object) {
  object->retain();
  return Value::adopt(object);
}

}  // namespace

Interpreter::Interpreter(const Program& program, const Value& variables, const RenderSettings& settings,
                         Budget& budget)
    : program_(program), variables_(variables), settings_(settings), budget_(budget) {}

Interpreter::~Interpreter() {
  while (cyclic_ != nullptr) {
    Cyclic* cyclic = cyclic_;
    const Value kept = reference_to(&cyclic->self_);
    cyclic->leave();
    cyclic->clear();
  }
}

std::string Interpreter::run() {
  const CallScope scope(*this, *program_.root, Value());
  enter(program_.frame);
  if (program_.self) variable(*program_.self) = make_self(*this, Value());
  execute(program_.body);
  return std::move(output_);
}

// ---- variables

Value& Interpreter::variable(const Slot& slot) noexcept {
  Activation* activation = current_;
  for (std::uint32_t hops = slot.hops; hops > 0; --hops)
    activation = &static_cast<Activation&>(activation->outer.object());
  return activation->slots[slot.index];
}

const Value& Interpreter::context() const noexcept {
  const Activation* activation = current_;
  while (!activation->outer.is_none())
    activation = &static_cast<const Activation&>(activation->outer.object());
  return activation->context;
}

Value Interpreter::lookup(const std::string& name) {
  if (const Value& around = context(); !around.is_none())
    if (const Value* value = around.find(name)) return *value;
  for (const auto& [exported, value] : exported_)
    if (exported == name) return value;
  if (const Value* given = variables_.find(name)) return *given;
  return find_global(name);
}

void Interpreter::enter(const Frame& frame) {
  for (const Frame::Load& load : frame.loads) {
    Value& target = current_->slots[load.index];
    switch (load.action) {
      case Frame::Action::Resolve:
        target = lookup(load.name);
        break;
      case Frame::Action::Alias:
        target = variable(load.source);
        break;
      case Frame::Action::Clear:
        target = Value::missing();
        break;
    }
  }
}

void Interpreter::leave(const Frame& frame) noexcept {
  for (const std::uint32_t index : frame.clears) current_->slots[index] = Value::missing();
}

void Interpreter::assign(const Node& target, Value value) {
  if (target.kind == NodeKind::Name) {
    variable(static_cast<const NameNode&>(target).slot) = std::move(value);
    return;
  }
  if (target.kind == NodeKind::NamespaceTarget) {
    const auto& reference = static_cast<const NamespaceTargetNode&>(target);
    const Value space = variable(reference.slot);
    auto* object = as_namespace(space);
    if (object == nullptr)
      raise_type_error(fmt::format("'{}' object does not support item assignment", type_name(space)));
    return object->set(reference.attribute, std::move(value));
  }
  const NodeList& targets = static_cast<const ItemsNode&>(target).items;
  if (!is_iterable(value))
    raise_type_error(fmt::format("cannot unpack non-iterable {} object", type_name(value)));
  const Value iterator = iterate(value);
  std::vector<Value> items;
  for (Value item = next_of(iterator); !item.is_missing() && items.size() <= targets.size();
       item = next_of(iterator))
    items.push_back(std::move(item));
  if (items.size() > targets.size())
    raise_value_error(fmt::format("too many values to unpack (expected {})", targets.size()));
  if (items.size() < targets.size()) {
    raise_value_error(
        fmt::format("not enough values to unpack (expected {}, got {})", targets.size(), items.size()));
  }
  for (std::size_t i = 0; i < targets.size(); ++i) assign(*targets[i], std::move(items[i]));
}

void Interpreter::check_namespaces(const Node& target) {
  if (target.kind == NodeKind::NamespaceTarget) {
    const Value& space = variable(static_cast<const NamespaceTargetNode&>(target).slot);
    if (as_namespace(space) == nullptr)
      raise("TemplateRuntimeError", "cannot assign attribute on non-namespace object");
  }
  visit_children(target, [&](const Node* child) { check_namespaces(*child); });
}

void Interpreter::export_names(const Node& target) {
  if (target.kind == NodeKind::Name) {
    const auto& name = static_cast<const NameNode&>(target);
    const auto found = std::ranges::find(exported_, name.name, &std::pair<std::string, Value>::first);
    if (found != exported_.end()) {
      found->second = variable(name.slot);
    } else {
      exported_.emplace_back(name.name, variable(name.slot));
    }
  }
  visit_children(target, [&](const Node* child) { export_names(*child); });
}

// ---- output

void Interpreter::write(std::string_view text) {
  open_bytes_ += text.size();
  const std::size_t bytes_max = budget_.limits().output_bytes_max;
  if (open_bytes_ > bytes_max) {
    open_bytes_ -= text.size();
    raise_limit(fmt::format("it makes a text of more than {} MB", bytes_max / (std::size_t{1024} * 1024)));
  }
  budget_.spend(text.size() / 64);
  *out_ += text;
}

void Interpreter::write_value(const Value& value) {
  if (autoescape_) return write(escaped(value).text());
  if (value.is_string()) return write(value.text());
  write(to_text(value));
}

/// What a block makes, which must be a text.
void Interpreter::write_text(const Value& value) {
  if (!value.is_string())
    raise_type_error(fmt::format("sequence item 0: expected str instance, {} found", type_name(value)));
  write(value.text());
}

Value Interpreter::captured(std::string text) const {
  return make_string(std::move(text), autoescape_);
}

// ---- statements

Flow Interpreter::execute(const NodeList& nodes) {
  for (const Node* node : nodes) {
    const Flow flow = execute(*node);
    if (flow != Flow::Next) return flow;
  }
  return Flow::Next;
}

Flow Interpreter::execute(const Node& node) {
  budget_.check_stack();
  budget_.spend(1);
  line_ = node.line;
  switch (node.kind) {
    case NodeKind::Output:
      execute_output(static_cast<const OutputNode&>(node));
      return Flow::Next;
    case NodeKind::For:
      return execute_for(static_cast<const ForNode&>(node));
    case NodeKind::If:
      return execute_if(static_cast<const IfNode&>(node));
    case NodeKind::Macro:
      execute_macro(static_cast<const MacroNode&>(node));
      return Flow::Next;
    case NodeKind::CallBlock:
      execute_call_block(static_cast<const MacroNode&>(node));
      return Flow::Next;
    case NodeKind::Generation:
      execute_generation(static_cast<const MacroNode&>(node));
      return Flow::Next;
    case NodeKind::FilterBlock:
      return execute_filter_block(static_cast<const BodyNode&>(node));
    case NodeKind::Autoescape:
      return execute_autoescape(static_cast<const BodyNode&>(node));
    case NodeKind::Block:
      execute_block(static_cast<const BodyNode&>(node));
      return Flow::Next;
    case NodeKind::Assign:
      execute_assign(static_cast<const AssignNode&>(node));
      return Flow::Next;
    case NodeKind::AssignBlock:
      return execute_assign_block(static_cast<const AssignNode&>(node));
    case NodeKind::With:
      return execute_with(static_cast<const WithNode&>(node));
    case NodeKind::Break:
      return Flow::Break;
    case NodeKind::Continue:
      return Flow::Continue;
    default:
      raise_type_error("no loader for this environment specified");
  }
}

[[gnu::noinline]] void Interpreter::execute_output(const OutputNode& node) {
  for (const Node* item : node.items) {
    if (item->kind == NodeKind::Constant && static_cast<const ConstantNode*>(item)->value.is_string() &&
        !autoescape_) {
      write(static_cast<const ConstantNode*>(item)->value.text());
      continue;
    }
    line_ = item->line;
    write_value(evaluate(*item));
  }
}

[[gnu::noinline]] Flow Interpreter::execute_if(const IfNode& node) {
  for (const auto& branch : node.branches)
    if (truth(evaluate(*branch.test))) return execute(branch.body);
  return execute(node.otherwise);
}

[[gnu::noinline]] void Interpreter::execute_assign(const AssignNode& node) {
  check_namespaces(*node.target);
  Value value = evaluate(*node.value);
  line_ = node.line;
  assign(*node.target, std::move(value));
  if (node.is_exported) export_names(*node.target);
}

[[gnu::noinline]] Flow Interpreter::execute_assign_block(const AssignNode& node) {
  enter(node.frame);
  Value text;
  {
    const Capture capture(*this);
    const Flow flow = execute(node.body);
    if (flow != Flow::Next) return flow;
    text = captured(capture.text());
  }
  if (node.value != nullptr) {
    text = evaluate_filter(static_cast<const FilterNode&>(*node.value), &text);
    if (autoescape_ && !is_markup(text)) text = markup(to_text(text));
  }
  assign(*node.target, std::move(text));
  leave(node.frame);
  if (node.is_exported) export_names(*node.target);
  return Flow::Next;
}

[[gnu::noinline]] Flow Interpreter::execute_with(const WithNode& node) {
  enter(node.frame);
  for (std::size_t i = 0; i < node.targets.size(); ++i) assign(*node.targets[i], evaluate(*node.values[i]));
  const Flow flow = execute(node.body);
  leave(node.frame);
  return flow;
}

[[gnu::noinline]] Flow Interpreter::execute_filter_block(const BodyNode& node) {
  enter(node.frame);
  Value text;
  {
    const Capture capture(*this);
    const Flow flow = execute(node.body);
    if (flow != Flow::Next) return flow;
    text = captured(capture.text());
  }
  write_text(evaluate_filter(static_cast<const FilterNode&>(*node.head), &text));
  leave(node.frame);
  return Flow::Next;
}

[[gnu::noinline]] Flow Interpreter::execute_autoescape(const BodyNode& node) {
  enter(node.frame);
  const bool before = autoescape_;
  autoescape_ = truth(evaluate(*node.head));
  const Flow flow = execute(node.body);
  autoescape_ = before;
  leave(node.frame);
  return flow;
}

// ---- blocks

[[gnu::noinline]] void Interpreter::execute_block(const BodyNode& node) {
  if (node.is_required)
    raise("TemplateRuntimeError", fmt::format("Required block {} not found", repr_of_text(node.name)));
  if (!node.is_scoped) return run_block(node, context());
  std::vector<Pair> seen;
  if (!context().is_none()) seen = context().entries();
  for (const auto& [name, slot] : node.seen)
    if (const Value& value = variable(slot); !value.is_missing()) seen.emplace_back(Value(name), value);
  budget_.spend(seen.size());
  run_block(node, Value::dict(std::move(seen)));
}

void Interpreter::run_block(const BodyNode& node, const Value& context) {
  const CallScope scope(*this, *node.function, Value(), context);
  enter(node.frame);
  if (node.self) variable(*node.self) = make_self(*this, context);
  if (node.super) variable(*node.super) = no_parent_block(node);
  const bool before = std::exchange(autoescape_, false);  // what is around a block is not asked
  execute(node.body);
  autoescape_ = before;
}

Value Interpreter::call_block(const BodyNode& block, const Value& context) {
  budget_.check_stack();
  const Capture capture(*this);
  run_block(block, context);
  return captured(capture.text());
}

const BodyNode* Interpreter::find_block(std::string_view name) const {
  const auto found = std::ranges::find(program_.blocks, name, &BodyNode::name);
  return found == program_.blocks.end() ? nullptr : *found;
}

// ---- loops

[[gnu::noinline]] Flow Interpreter::execute_for(const ForNode& node) {
  Value iterable = evaluate(*node.iterable);
  line_ = node.line;
  const Value outer = reference_to(current_);
  if (!node.is_recursive) return run_loop(node, iterable, 0, outer);
  const Value text = call_loop(node, outer, iterable, 0);
  write(text.text());
  return Flow::Next;
}

Value Interpreter::call_loop(const ForNode& node, const Value& outer, const Value& iterable,
                             std::int64_t depth) {
  budget_.check_stack();
  const CallScope scope(*this, *node.function, outer);
  const Capture capture(*this);
  run_loop(node, iterable, depth, outer);
  return captured(capture.text());
}

/// `outer` is what a recursive loop's function is called from.
[[gnu::noinline]] Flow Interpreter::run_loop(const ForNode& node, const Value& iterable, std::int64_t depth,
                                             const Value& outer) {
  Value source = iterable;
  if (node.test != nullptr) {
    Value activation = make_object<Activation>(*this, *node.test_function, reference_to(current_));
    source = make_object<TestedItems>(*this, node, std::move(activation), iterate(iterable));
  }
  bool ran = false;
  if (node.uses_loop) {
    const Value loop = make_object<LoopObject>(*this, node, source, outer, depth);
    run_iterations(node, loop, loop, ran);
  } else {
    run_iterations(node, iterate(source), Value(), ran);
  }
  leave(node.frame);
  if (ran || node.otherwise.empty()) return Flow::Next;
  enter(node.otherwise_frame);
  const Flow flow = execute(node.otherwise);
  leave(node.otherwise_frame);
  return flow;
}

/// `ran` stays false when no iteration came to its end, as jinja2 counts them for `else`.
Flow Interpreter::run_iterations(const ForNode& node, const Value& iterator, const Value& loop, bool& ran) {
  if (node.uses_loop) variable(node.loop) = Value::missing();
  while (true) {
    Value item = next_of(iterator);
    if (item.is_missing()) break;
    budget_.spend(1);
    assign(*node.target, std::move(item));
    if (node.uses_loop) variable(node.loop) = loop;
    enter(node.frame);
    const Flow flow = execute(node.body);
    if (flow == Flow::Break) break;
    if (flow == Flow::Next) ran = true;
  }
  return Flow::Next;
}

/// Makes another activation the current one.
class Interpreter::InActivation {
 public:
  InActivation(Interpreter& interpreter, const Value& activation)
      : interpreter_(interpreter), previous_(interpreter.current_) {
    interpreter_.current_ = &static_cast<Activation&>(activation.object());
  }
  ~InActivation() { interpreter_.current_ = previous_; }
  InActivation(const InActivation&) = delete;
  InActivation& operator=(const InActivation&) = delete;

 private:
  Interpreter& interpreter_;
  Activation* previous_;
};

void Interpreter::enter_test(const ForNode& node, const Value& activation) {
  const InActivation scope(*this, activation);
  enter(node.test_frame);
}

bool Interpreter::passes_test(const ForNode& node, const Value& activation, const Value& item) {
  const InActivation scope(*this, activation);
  assign(*node.test_target, item);
  return truth(evaluate(*node.test));
}

// ---- macros

[[gnu::noinline]] void Interpreter::execute_macro(const MacroNode& node) {
  variable(node.slot) = make_object<MacroObject>(node, reference_to(current_), Value(node.name));
  if (!node.is_exported) return;
  NameNode name(NodeKind::Name, node.line);
  name.name = node.name;
  name.slot = node.slot;
  export_names(name);
}

[[gnu::noinline]] void Interpreter::execute_call_block(const MacroNode& node) {
  const Value caller = make_object<MacroObject>(node, reference_to(current_), Value());
  write_text(evaluate_call(static_cast<const CallNode&>(*node.call), &caller));
}

[[gnu::noinline]] void Interpreter::execute_generation(const MacroNode& node) {
  write_text(call_macro(node, reference_to(current_), {}));
}

Value Interpreter::call_macro(const MacroNode& node, const Value& outer, const Arguments& arguments) {
  budget_.check_stack();
  const CallScope scope(*this, *node.function, outer);
  const Capture capture(*this);
  bind_parameters(node, arguments);
  execute(node.body);
  return captured(capture.text());
}

/// As jinja2's Macro.__call__() and the start of a compiled macro do it.
void Interpreter::bind_parameters(const MacroNode& node, const Arguments& arguments) {
  const std::string name = node.kind == NodeKind::Macro ? repr_of_text(node.name) : "None";
  std::vector<std::pair<std::string, Value>> named = arguments.named;
  const auto take_named = [&](std::string_view wanted) {
    const auto found = std::ranges::find(named, wanted, &std::pair<std::string, Value>::first);
    if (found == named.end()) return Value::missing();
    Value value = std::move(found->second);
    named.erase(found);
    return value;
  };
  const std::size_t count = node.parameters.size();
  const std::size_t given = std::min(arguments.positional.size(), count);
  std::vector<Value> values(arguments.positional.begin(),
                            arguments.positional.begin() + static_cast<std::ptrdiff_t>(given));
  bool found_caller = given == count && node.has_explicit_caller;
  for (std::size_t i = given; i < count; ++i) {
    values.push_back(take_named(node.parameters[i]->name));
    found_caller = found_caller || node.parameters[i]->name == "caller";
  }
  if (node.takes_caller && !found_caller) {
    Value caller = take_named("caller");
    if (caller.is_missing() || caller.is_none()) caller = undefined_hint("No caller defined");
    if (!node.has_explicit_caller) variable(node.caller) = std::move(caller);
  }
  if (node.takes_named) {
    std::vector<Pair> rest;
    for (auto& [key, value] : named) rest.emplace_back(Value(key), std::move(value));
    variable(node.named) = Value::dict(std::move(rest));
  } else if (!named.empty()) {
    if (std::ranges::find(named, "caller", &std::pair<std::string, Value>::first) != named.end()) {
      raise_type_error(
          fmt::format("macro {} was invoked with two values for the special caller argument. This is "
                      "most likely a bug.",
                      name));
    }
    raise_type_error(
        fmt::format("macro {} takes no keyword argument {}", name, repr_of_text(named[0].first)));
  }
  if (node.takes_positional) {
    variable(node.positional) = Value::tuple(
        {arguments.positional.begin() + static_cast<std::ptrdiff_t>(given), arguments.positional.end()});
  } else if (arguments.positional.size() > count) {
    raise_type_error(fmt::format("macro {} takes not more than {} argument(s)", name, count));
  }
  for (std::size_t i = 0; i < count; ++i) variable(node.parameters[i]->slot) = std::move(values[i]);
  enter(node.frame);
  for (std::size_t i = 0; i < count; ++i) {
    if (!variable(node.parameters[i]->slot).is_missing()) continue;
    const std::size_t from_end = count - i;
    Value value =
        from_end <= node.defaults.size()
            ? evaluate(*node.defaults[node.defaults.size() - from_end])
            : make_object<UndefinedObject>(
                  fmt::format("parameter {} was not provided", repr_of_text(node.parameters[i]->name)),
                  Value::missing(), Value(node.parameters[i]->name), false);
    variable(node.parameters[i]->slot) = std::move(value);
  }
}

}  // namespace minerva::jinja
