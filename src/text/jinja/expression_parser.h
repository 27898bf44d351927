// The expressions of a template. Only for parser.cc, whose statements are made of them.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/budget.h"
#include "text/jinja/filters.h"
#include "text/jinja/lexer.h"
#include "text/jinja/raise.h"
#include "text/jinja/template.h"
#include "text/jinja/tests.h"
#include "text/jinja/text.h"

namespace minerva::jinja {

class ExpressionParser {
 public:
  ExpressionParser(const ExpressionParser&) = delete;
  ExpressionParser& operator=(const ExpressionParser&) = delete;

 protected:
  ExpressionParser(std::string_view source, const Limits& limits)
      : limits_(limits),
        tokens_(tokenize(source, limits.tokens_max)),
        program_(std::make_unique<Program>()) {}
  ~ExpressionParser() = default;

  // ---- tokens

  const Token& current() const { return tokens_[at_]; }
  const Token& look() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  const Token& take() {
    const Token& token = tokens_[at_];
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
  }
  bool is_type(TokenType type) const { return current().type == type; }
  static bool is_symbol(const Token& token, std::string_view symbol) {
    return token.type == TokenType::Operator && token.text == symbol;
  }
  static bool is_name(const Token& token, std::string_view name) {
    return token.type == TokenType::Name && token.text == name;
  }
  bool at_symbol(std::string_view symbol) const { return is_symbol(current(), symbol); }
  bool at_name(std::string_view name) const { return is_name(current(), name); }
  bool skip_symbol(std::string_view symbol) {
    if (!at_symbol(symbol)) return false;
    take();
    return true;
  }
  bool skip_name(std::string_view name) {
    if (!at_name(name)) return false;
    take();
    return true;
  }

  [[noreturn]] void fail(std::string message) const {
    raise_syntax_error(std::move(message), current().line);
  }
  [[noreturn]] void fail_expected(std::string_view expected) const {
    if (is_type(TokenType::End)) fail(fmt::format("unexpected end of template, expected '{}'.", expected));
    fail(fmt::format("expected token '{}', got {}", expected, repr_of_text(describe(current()))));
  }
  void expect_symbol(std::string_view symbol) {
    if (!skip_symbol(symbol)) fail_expected(symbol);
  }
  void expect_name(std::string_view name) {
    if (!skip_name(name)) fail_expected(name);
  }
  const Token& expect_any_name() {
    if (!is_type(TokenType::Name)) fail_expected("name");
    return take();
  }
  void expect_block_end() {
    if (!is_type(TokenType::BlockEnd)) fail_expected("end of statement block");
    take();
  }

  // ---- nodes

  template <class T>
  T* make(NodeKind kind, std::uint32_t line) {
    spend(1);
    auto node = std::make_unique<T>(kind, line);
    T* raw = node.get();
    program_->nodes.push_back(std::move(node));
    return raw;
  }

  /// Called when an expression has its parts: what is too deep is refused here.
  template <class T>
  T* finished(T* node) {
    set_depth(*node);
    return node;
  }
  [[gnu::noinline]] void set_depth(Node& node) const {
    std::uint32_t deepest = 0;
    visit_children(node, [&](const Node* child) { deepest = std::max(deepest, child->depth); });
    node.depth = deepest + 1;
    if (node.depth > limits_.chain_max)
      raise_limit(
          fmt::format("more than {} operations or elif branches hang on each other", limits_.chain_max));
  }

  /// Counts what is open at once.
  class Level {
   public:
    explicit Level(ExpressionParser& parser) : parser_(parser) {
      check_stack();
      if (++parser_.level_ > parser_.limits_.nesting_max) {
        --parser_.level_;
        raise_limit(fmt::format("more than {} brackets or blocks are nested", parser_.limits_.nesting_max));
      }
    }
    ~Level() { --parser_.level_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    ExpressionParser& parser_;
  };

  struct TupleStyle {
    bool is_target = false;
    bool with_conditional = true;
    std::string_view end = {};  ///< a name that ends it
    bool is_in_brackets = false;
    bool with_namespace = false;
  };

  // ---- expressions, loosest first

  Node* parse_expression(bool with_conditional = true) {
    const Level level(*this);
    return with_conditional ? parse_conditional() : parse_or();
  }

  Node* parse_conditional() {
    check_stack();
    std::uint32_t line = current().line;
    Node* value = parse_or();
    while (skip_name("if")) {
      auto* node = make<ConditionalNode>(NodeKind::Conditional, line);
      node->then = value;
      node->test = parse_or();
      if (skip_name("else")) node->otherwise = parse_conditional();
      value = finished(node);
      line = current().line;
    }
    return value;
  }

  Node* make_binary(NodeKind kind, std::uint32_t line, Node* left, Node* right,
                    BinaryOperator op = BinaryOperator::Add) {
    auto* node = make<BinaryNode>(kind, line);
    node->op = op;
    node->left = left;
    node->right = right;
    return finished(node);
  }

  Node* parse_or() {
    const std::uint32_t line = current().line;
    Node* left = parse_and();
    while (skip_name("or")) left = make_binary(NodeKind::Or, line, left, parse_and());
    return left;
  }

  Node* parse_and() {
    const std::uint32_t line = current().line;
    Node* left = parse_not();
    while (skip_name("and")) left = make_binary(NodeKind::And, line, left, parse_not());
    return left;
  }

  Node* make_unary(NodeKind kind, std::uint32_t line, Node* operand) {
    auto* node = make<UnaryNode>(kind, line);
    node->operand = operand;
    return finished(node);
  }

  Node* parse_not() {
    std::vector<std::uint32_t> lines;
    while (at_name("not")) lines.push_back(take().line);
    Node* value = parse_compare();
    for (; !lines.empty(); lines.pop_back()) value = make_unary(NodeKind::Not, lines.back(), value);
    return value;
  }

  std::optional<Comparison> take_comparison() {
    if (is_type(TokenType::Operator)) {
      for (const Comparison op : {Comparison::Equal, Comparison::NotEqual, Comparison::Less,
                                  Comparison::LessEqual, Comparison::Greater, Comparison::GreaterEqual}) {
        if (skip_symbol(symbol_of(op))) return op;
      }
      return std::nullopt;
    }
    if (skip_name("in")) return Comparison::In;
    if (!at_name("not") || !is_name(look(), "in")) return std::nullopt;
    take();
    take();
    return Comparison::NotIn;
  }

  Node* parse_compare() {
    const std::uint32_t line = current().line;
    Node* first = parse_sum();
    CompareNode* node = nullptr;
    while (const auto op = take_comparison()) {
      if (node == nullptr) {
        node = make<CompareNode>(NodeKind::Compare, line);
        node->first = first;
      }
      node->rest.emplace_back(*op, parse_sum());
    }
    return node == nullptr ? first : finished(node);
  }

  std::optional<BinaryOperator> take_operator(std::initializer_list<BinaryOperator> operators) {
    for (const BinaryOperator op : operators)
      if (skip_symbol(symbol_of(op))) return op;
    return std::nullopt;
  }

  Node* parse_sum() {
    const std::uint32_t line = current().line;
    Node* left = parse_concat();
    while (const auto op = take_operator({BinaryOperator::Add, BinaryOperator::Subtract}))
      left = make_binary(NodeKind::Binary, line, left, parse_concat(), *op);
    return left;
  }

  Node* parse_concat() {
    const std::uint32_t line = current().line;
    Node* first = parse_product();
    if (!at_symbol("~")) return first;
    auto* node = make<ItemsNode>(NodeKind::Concat, line);
    node->items.push_back(first);
    while (skip_symbol("~")) node->items.push_back(parse_product());
    return finished(node);
  }

  Node* parse_product() {
    const std::uint32_t line = current().line;
    Node* left = parse_power();
    while (const auto op = take_operator({BinaryOperator::Multiply, BinaryOperator::Divide,
                                          BinaryOperator::FloorDivide, BinaryOperator::Modulo}))
      left = make_binary(NodeKind::Binary, line, left, parse_power(), *op);
    return left;
  }

  Node* parse_power() {
    const std::uint32_t line = current().line;
    Node* left = parse_unary();
    while (skip_symbol("**"))
      left = make_binary(NodeKind::Binary, line, left, parse_unary(), BinaryOperator::Power);
    return left;
  }

  Node* parse_unary() {
    std::vector<std::pair<NodeKind, std::uint32_t>> signs;
    while (at_symbol("-") || at_symbol("+")) {
      const NodeKind kind = at_symbol("-") ? NodeKind::Negative : NodeKind::Positive;
      signs.emplace_back(kind, take().line);
    }
    Node* value = parse_postfix(parse_primary(false));
    for (; !signs.empty(); signs.pop_back())
      value = parse_postfix(make_unary(signs.back().first, signs.back().second, value));
    return parse_filter_chain(value);
  }

  Node* make_constant(std::uint32_t line, Value value) {
    auto* node = make<ConstantNode>(NodeKind::Constant, line);
    node->value = std::move(value);
    return node;
  }

  Node* parse_primary(bool with_namespace) {
    const Token& token = current();
    switch (token.type) {
      case TokenType::Name:
        return parse_name(with_namespace);
      case TokenType::String: {
        std::string text;
        while (is_type(TokenType::String)) text += take().text;
        return make_constant(token.line, Value(std::move(text)));
      }
      case TokenType::Integer:
      case TokenType::Float:
        take();
        return make_constant(token.line, token.number);
      default:
        break;
    }
    if (skip_symbol("(")) {
      Node* node = parse_tuple({.is_in_brackets = true});
      expect_symbol(")");
      return node;
    }
    if (at_symbol("[")) return parse_list();
    if (at_symbol("{")) return parse_dict();
    fail(fmt::format("unexpected {}", repr_of_text(describe(token))));
  }

  Node* parse_name(bool with_namespace) {
    const Token& token = take();
    if (token.text == "true" || token.text == "True") return make_constant(token.line, Value(true));
    if (token.text == "false" || token.text == "False") return make_constant(token.line, Value(false));
    if (token.text == "none" || token.text == "None") return make_constant(token.line, Value());
    if (with_namespace && skip_symbol(".")) {
      auto* node = make<NamespaceTargetNode>(NodeKind::NamespaceTarget, token.line);
      node->name = token.text;
      node->attribute = expect_any_name().text;
      return node;
    }
    auto* node = make<NameNode>(NodeKind::Name, token.line);
    node->name = token.text;
    return node;
  }

  bool at_tuple_end(std::string_view end) const {
    return is_type(TokenType::VariableEnd) || is_type(TokenType::BlockEnd) || at_symbol(")") ||
           (!end.empty() && at_name(end));
  }

  Node* parse_tuple(const TupleStyle& style) {
    std::uint32_t line = current().line;
    NodeList items;
    bool is_tuple = false;
    while (true) {
      if (!items.empty()) expect_symbol(",");
      if (at_tuple_end(style.end)) break;
      items.push_back(style.is_target ? parse_primary(style.with_namespace)
                                      : parse_expression(style.with_conditional));
      if (!at_symbol(",")) break;
      is_tuple = true;
      line = current().line;
    }
    if (!is_tuple) {
      if (!items.empty()) return items[0];
      if (!style.is_in_brackets)
        fail(fmt::format("Expected an expression, got {}", repr_of_text(describe(current()))));
    }
    auto* node = make<ItemsNode>(NodeKind::Tuple, line);
    node->items = std::move(items);
    return finished(node);
  }

  Node* parse_list() {
    auto* node = make<ItemsNode>(NodeKind::List, take().line);
    while (!at_symbol("]")) {
      if (!node->items.empty()) expect_symbol(",");
      if (at_symbol("]")) break;
      node->items.push_back(parse_expression());
    }
    expect_symbol("]");
    return finished(node);
  }

  Node* parse_dict() {
    auto* node = make<DictNode>(NodeKind::Dict, take().line);
    while (!at_symbol("}")) {
      if (!node->entries.empty()) expect_symbol(",");
      if (at_symbol("}")) break;
      Node* key = parse_expression();
      expect_symbol(":");
      node->entries.emplace_back(key, parse_expression());
    }
    expect_symbol("}");
    return finished(node);
  }

  Node* parse_postfix(Node* node) {
    while (true) {
      if (at_symbol(".") || at_symbol("[")) {
        node = parse_subscript(node);
      } else if (at_symbol("(")) {
        node = parse_call(node);
      } else {
        return node;
      }
    }
  }

  Node* parse_filter_chain(Node* node) {
    while (true) {
      if (at_symbol("|")) {
        node = parse_filters(node, false);
      } else if (at_name("is")) {
        node = parse_test(node);
      } else if (at_symbol("(")) {
        node = parse_call(node);
      } else {
        return node;
      }
    }
  }

  Node* make_item(std::uint32_t line, Node* object, Node* key) {
    auto* node = make<ItemNode>(NodeKind::Item, line);
    node->object = object;
    node->key = key;
    return finished(node);
  }

  Node* parse_subscript(Node* object) {
    const std::uint32_t line = current().line;
    if (skip_symbol(".")) {
      const Token& token = take();
      if (token.type == TokenType::Integer)
        return make_item(line, object, make_constant(token.line, token.number));
      if (token.type != TokenType::Name) raise_syntax_error("expected name or number", token.line);
      auto* node = make<AttributeNode>(NodeKind::Attribute, line);
      node->object = object;
      node->name = Value(token.text);
      return finished(node);
    }
    expect_symbol("[");
    NodeList keys;
    while (!at_symbol("]")) {
      if (!keys.empty()) expect_symbol(",");
      keys.push_back(parse_subscribed());
    }
    expect_symbol("]");
    if (keys.size() == 1) return make_item(line, object, keys[0]);
    auto* tuple = make<ItemsNode>(NodeKind::Tuple, line);
    tuple->items = std::move(keys);
    return make_item(line, object, finished(tuple));
  }

  Node* parse_subscribed() {
    const std::uint32_t line = current().line;
    Node* start = at_symbol(":") ? nullptr : parse_expression();
    if (!skip_symbol(":")) return start;
    auto* node = make<SliceNode>(NodeKind::Slice, line);
    const auto bound = [this]() -> Node* {
      return at_symbol("]") || at_symbol(",") || at_symbol(":") ? nullptr : parse_expression();
    };
    node->start = start;
    node->stop = bound();
    if (skip_symbol(":")) node->step = bound();
    return finished(node);
  }

  ArgumentNodes parse_arguments() {
    const std::uint32_t line = current().line;
    expect_symbol("(");
    ArgumentNodes arguments;
    const auto ensure = [&](bool is_right) {
      if (!is_right) raise_syntax_error("invalid syntax for function call expression", line);
    };
    bool needs_comma = false;
    while (!at_symbol(")")) {
      if (needs_comma) {
        expect_symbol(",");
        if (at_symbol(")")) break;
      }
      needs_comma = true;
      if (skip_symbol("*")) {
        ensure(arguments.more_positional == nullptr && arguments.more_named == nullptr);
        arguments.more_positional = parse_expression();
      } else if (skip_symbol("**")) {
        ensure(arguments.more_named == nullptr);
        arguments.more_named = parse_expression();
      } else if (is_type(TokenType::Name) && is_symbol(look(), "=")) {
        ensure(arguments.more_named == nullptr);
        std::string name = take().text;
        take();
        check_repeated(arguments, name);
        arguments.named.emplace_back(std::move(name), parse_expression());
      } else {
        ensure(arguments.more_positional == nullptr && arguments.more_named == nullptr &&
               arguments.named.empty());
        arguments.positional.push_back(parse_expression());
      }
    }
    expect_symbol(")");
    return arguments;
  }

  /// jinja2 leaves this one to Python's compiler.
  void check_repeated(const ArgumentNodes& arguments, const std::string& name) const {
    for (const auto& [other, value] : arguments.named)
      if (other == name) fail(fmt::format("keyword argument repeated: {}", name));
  }

  Node* parse_call(Node* callee) {
    auto* node = make<CallNode>(NodeKind::Call, current().line);
    node->callee = callee;
    node->arguments = parse_arguments();
    return finished(node);
  }

  std::string parse_dotted_name() {
    std::string name = expect_any_name().text;
    while (skip_symbol(".")) name += "." + expect_any_name().text;
    return name;
  }

  /// Filters behind `input`; the first one without its bar if `starts_inline`.
  Node* parse_filters(Node* input, bool starts_inline) {
    while (at_symbol("|") || starts_inline) {
      if (!starts_inline) take();
      starts_inline = false;
      auto* node = make<FilterNode>(NodeKind::Filter, current().line);
      node->input = input;
      node->name = parse_dotted_name();
      node->filter = find_filter(node->name);
      if (at_symbol("(")) node->arguments = parse_arguments();
      input = finished(node);
    }
    return input;
  }

  Node* parse_test(Node* input) {
    const std::uint32_t line = take().line;
    const bool is_negated = skip_name("not");
    auto* node = make<TestNode>(NodeKind::Test, line);
    node->input = input;
    node->name = parse_dotted_name();
    node->test = find_test(node->name);
    if (at_symbol("(")) {
      node->arguments = parse_arguments();
    } else if (at_test_argument()) {
      if (at_name("is")) fail("You cannot chain multiple tests with is");
      node->arguments.positional.push_back(parse_postfix(parse_primary(false)));
    }
    finished(node);
    return is_negated ? make_unary(NodeKind::Not, line, node) : node;
  }

  bool at_test_argument() const {
    switch (current().type) {
      case TokenType::Name:
        return !at_name("else") && !at_name("or") && !at_name("and");
      case TokenType::String:
      case TokenType::Integer:
      case TokenType::Float:
        return true;
      default:
        return at_symbol("[") || at_symbol("{");
    }
  }

  Limits limits_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  std::unique_ptr<Program> program_;
  std::size_t level_ = 0;
};

}  // namespace minerva::jinja
