// Interpreter: what an expression is worth. Each kind of node has its own function, not inlined, so that a
// deep expression takes little stack.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "text/jinja/filters.h"
#include "text/jinja/html.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/methods.h"
#include "text/jinja/raise.h"
#include "text/jinja/tests.h"
#include "text/jinja/text.h"

namespace minerva::jinja {

Value Interpreter::evaluate(const Node& node) {
  budget_.check_stack();
  budget_.spend(1);
  switch (node.kind) {
    case NodeKind::Constant:
      return static_cast<const ConstantNode&>(node).value;
    case NodeKind::Name:
      return evaluate_name(static_cast<const NameNode&>(node));
    case NodeKind::Tuple:
    case NodeKind::List:
      return evaluate_items(static_cast<const ItemsNode&>(node));
    case NodeKind::Dict:
      return evaluate_dict(static_cast<const DictNode&>(node));
    case NodeKind::Conditional:
      return evaluate_conditional(static_cast<const ConditionalNode&>(node));
    case NodeKind::And:
    case NodeKind::Or:
    case NodeKind::Binary:
      return evaluate_binary(static_cast<const BinaryNode&>(node));
    case NodeKind::Not:
    case NodeKind::Negative:
    case NodeKind::Positive:
      return evaluate_unary(static_cast<const UnaryNode&>(node));
    case NodeKind::Concat:
      return evaluate_concat(static_cast<const ItemsNode&>(node));
    case NodeKind::Compare:
      return evaluate_compare(static_cast<const CompareNode&>(node));
    case NodeKind::Attribute:
      return evaluate_attribute(static_cast<const AttributeNode&>(node));
    case NodeKind::Item:
      return evaluate_item(static_cast<const ItemNode&>(node));
    case NodeKind::Call:
      return evaluate_call(static_cast<const CallNode&>(node), nullptr);
    case NodeKind::Filter:
      return evaluate_filter(static_cast<const FilterNode&>(node), nullptr);
    case NodeKind::Test:
      return evaluate_test(static_cast<const TestNode&>(node));
    case NodeKind::Slice:
      raise_type_error("a slice of several dimensions is not supported");
    default:
      return {};
  }
}

[[gnu::noinline]] Value Interpreter::evaluate_name(const NameNode& node) {
  const Value& value = variable(node.slot);
  return value.is_missing() ? undefined_name(node.name) : value;
}

[[gnu::noinline]] Value Interpreter::evaluate_conditional(const ConditionalNode& node) {
  if (truth(evaluate(*node.test))) return evaluate(*node.then);
  if (node.otherwise != nullptr) return evaluate(*node.otherwise);
  return undefined_hint(fmt::format(
      "the inline if-expression on line {} evaluated to false and no else section was defined.", node.line));
}

[[gnu::noinline]] Value Interpreter::evaluate_binary(const BinaryNode& node) {
  Value left = evaluate(*node.left);
  if (node.kind != NodeKind::Binary) {
    const bool decides = truth(left) == (node.kind == NodeKind::Or);
    return decides ? left : evaluate(*node.right);
  }
  const Value right = evaluate(*node.right);
  line_ = node.line;
  return apply(node.op, left, right);
}

[[gnu::noinline]] Value Interpreter::evaluate_unary(const UnaryNode& node) {
  const Value operand = evaluate(*node.operand);
  if (node.kind == NodeKind::Not) return !truth(operand);
  return node.kind == NodeKind::Negative ? negative(operand) : positive(operand);
}

[[gnu::noinline]] Value Interpreter::evaluate_compare(const CompareNode& node) {
  Value left = evaluate(*node.first);
  for (const auto& [op, operand] : node.rest) {
    Value right = evaluate(*operand);
    line_ = node.line;
    if (!compare(op, left, right)) return false;
    left = std::move(right);
  }
  return true;
}

[[gnu::noinline]] Value Interpreter::evaluate_concat(const ItemsNode& node) {
  std::vector<Value> parts;
  parts.reserve(node.items.size());
  bool has_markup = false;
  for (const Node* item : node.items) {
    parts.push_back(evaluate(*item));
    has_markup = has_markup || is_markup(parts.back());
  }
  const bool escapes = autoescape_ && has_markup;
  std::string out;
  for (const Value& part : parts) {
    if (part.is_string()) expect_bytes(out.size() + part.text().size(), 1);
    if (escapes) {
      out += escaped(part).text();
    } else {
      append_text(out, part);
    }
  }
  budget_.spend(out.size() / 64);
  return make_string(std::move(out), escapes);
}

[[gnu::noinline]] Value Interpreter::evaluate_items(const ItemsNode& node) {
  std::vector<Value> items;
  items.reserve(node.items.size());
  for (const Node* item : node.items) items.push_back(evaluate(*item));
  return node.kind == NodeKind::List ? Value::list(std::move(items)) : Value::tuple(std::move(items));
}

[[gnu::noinline]] Value Interpreter::evaluate_dict(const DictNode& node) {
  std::vector<Pair> entries;
  entries.reserve(node.entries.size());
  for (const auto& [key, value] : node.entries) {
    Value evaluated = evaluate(*key);
    entries.emplace_back(std::move(evaluated), evaluate(*value));
  }
  return Value::dict(std::move(entries));
}

[[gnu::noinline]] Value Interpreter::evaluate_attribute(const AttributeNode& node) {
  const Value object = evaluate(*node.object);
  line_ = node.line;
  return get_attribute(object, node.name);
}

[[gnu::noinline]] Value Interpreter::evaluate_item(const ItemNode& node) {
  const Value object = evaluate(*node.object);
  if (node.key->kind == NodeKind::Slice)
    return evaluate_slice(object, static_cast<const SliceNode&>(*node.key));
  const Value key = evaluate(*node.key);
  line_ = node.line;
  return get_item(object, key);
}

[[gnu::noinline]] Value Interpreter::evaluate_slice(const Value& object, const SliceNode& node) {
  const auto bound = [this](const Node* expression) {
    return expression == nullptr ? Value() : evaluate(*expression);
  };
  const Value start = bound(node.start);
  const Value stop = bound(node.stop);
  const Value step = bound(node.step);
  line_ = node.line;
  Value slice = slice_of(object, start, stop, step);
  if (!slice.is_missing()) return slice;
  return undefined_hint(fmt::format("{} has no element slice({}, {}, {})", object_type_repr(object),
                                    repr_of_key(start), repr_of_key(stop), repr_of_key(step)));
}

[[gnu::noinline]] Value Interpreter::evaluate_call(const CallNode& node, const Value* caller) {
  if (node.callee->kind != NodeKind::Attribute) {
    const Value callee = evaluate(*node.callee);
    const Arguments arguments = evaluate_arguments(node.arguments, caller);
    line_ = node.line;
    return call(callee, arguments);
  }
  // A method is called without making an object of it.
  const auto& attribute = static_cast<const AttributeNode&>(*node.callee);
  const Value object = evaluate(*attribute.object);
  line_ = node.line;
  if (const Method* method = find_method(object, attribute.name.text())) {
    const Arguments arguments = evaluate_arguments(node.arguments, caller);
    line_ = node.line;
    return method->call(*this, object, arguments);
  }
  const Value callee = get_attribute(object, attribute.name);
  const Arguments arguments = evaluate_arguments(node.arguments, caller);
  line_ = node.line;
  return call(callee, arguments);
}

[[gnu::noinline]] Value Interpreter::evaluate_filter(const FilterNode& node, const Value* block_text) {
  const Value input = node.input != nullptr
                          ? (node.input->kind == NodeKind::Filter
                                 ? evaluate_filter(static_cast<const FilterNode&>(*node.input), block_text)
                                 : evaluate(*node.input))
                          : *block_text;
  const Arguments arguments = evaluate_arguments(node.arguments, nullptr);
  line_ = node.line;
  if (node.filter == nullptr)
    raise("TemplateRuntimeError", fmt::format("No filter named '{}' found.", node.name));
  return node.filter->apply(*this, input, arguments);
}

[[gnu::noinline]] Value Interpreter::evaluate_test(const TestNode& node) {
  const Value input = evaluate(*node.input);
  const Arguments arguments = evaluate_arguments(node.arguments, nullptr);
  line_ = node.line;
  if (node.test == nullptr)
    raise("TemplateRuntimeError", fmt::format("No test named '{}' found.", node.name));
  return node.test->holds(*this, input, arguments);
}

[[gnu::noinline]] Arguments Interpreter::evaluate_arguments(const ArgumentNodes& nodes, const Value* caller) {
  Arguments arguments;
  arguments.positional.reserve(nodes.positional.size());
  for (const Node* node : nodes.positional) arguments.positional.push_back(evaluate(*node));
  if (nodes.more_positional != nullptr) {
    std::vector<Value> more = to_items(evaluate(*nodes.more_positional));
    std::ranges::move(more, std::back_inserter(arguments.positional));
  }
  for (const auto& [name, node] : nodes.named) arguments.named.emplace_back(name, evaluate(*node));
  const auto add_named = [&](const std::string& name, const Value& value) {
    for (const auto& given : arguments.named) {
      if (given.first == name)
        raise_type_error(fmt::format("got multiple values for keyword argument {}", repr_of_text(name)));
    }
    arguments.named.emplace_back(name, value);
  };
  if (caller != nullptr) add_named("caller", *caller);
  if (nodes.more_named != nullptr) {
    const Value more = evaluate(*nodes.more_named);
    if (!more.is_dict())
      raise_type_error(fmt::format("argument after ** must be a mapping, not {}", type_name(more)));
    budget_.spend(more.entries().size() * (1 + more.entries().size() / 16));
    for (const auto& [key, value] : more.entries()) {
      if (!key.is_string()) raise_type_error("keywords must be strings");
      add_named(key.text(), value);
    }
  }
  return arguments;
}

Value Interpreter::get_attribute(const Value& object, const Value& name) {
  Value found = attribute_of(object, name.text());
  if (!found.is_missing()) return found;
  found = item_of(object, name);
  return found.is_missing() ? undefined_member(object, name) : found;
}

Value Interpreter::get_item(const Value& object, const Value& key) {
  Value found = item_of(object, key);
  if (!found.is_missing()) return found;
  if (key.is_string()) {
    found = attribute_of(object, key.text());
    if (!found.is_missing()) return found;
  }
  return undefined_member(object, key);
}

Value Interpreter::call(const Value& callee, const Arguments& arguments) {
  if (callee.is_undefined()) raise_undefined(callee);
  if (!callee.is(Kind::Object) || !callee.object().is_callable())
    raise_type_error(fmt::format("'{}' object is not callable", type_name(callee)));
  return callee.object().call(*this, arguments);
}

Value Interpreter::call_filter(std::string_view name, const Value& input, const Arguments& arguments) {
  const FilterEntry* filter = find_filter(name);
  if (filter == nullptr)
    raise("TemplateRuntimeError", fmt::format("No filter named {}.", repr_of_text(name)));
  return filter->apply(*this, input, arguments);
}

bool Interpreter::call_test(std::string_view name, const Value& input, const Arguments& arguments) {
  const TestEntry* test = find_test(name);
  if (test == nullptr) raise("TemplateRuntimeError", fmt::format("No test named {}.", repr_of_text(name)));
  return test->holds(*this, input, arguments);
}

}  // namespace minerva::jinja
