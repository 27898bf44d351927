#include "text/jinja/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja/budget.h"
#include "text/jinja/filters.h"
#include "text/jinja/lexer.h"
#include "text/jinja/raise.h"
#include "text/jinja/tests.h"
#include "text/jinja/text.h"

namespace minerva::jinja {
namespace {

using Names = std::vector<std::string_view>;

class Parser {
 public:
  Parser(std::string_view source, const Limits& limits)
      : limits_(limits), tokens_(tokenize(source, limits.tokens_max)), program_(std::make_unique<Program>()) {}

  std::unique_ptr<Program> run() {
    program_->body = parse_body(nullptr);
    return std::move(program_);
  }

 private:
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

  [[noreturn]] void fail(std::string message) const { raise_syntax_error(std::move(message), current().line); }
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
      raise_limit(fmt::format("more than {} operations or elif branches hang on each other", limits_.chain_max));
  }

  /// Counts what is open at once.
  class Level {
   public:
    explicit Level(Parser& parser) : parser_(parser) {
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
    Parser& parser_;
  };

  // ---- statements

  /// Up to a tag that is one of `ends` (null: the end of the template), which is left current.
  NodeList parse_body(const Names* ends) {
    const Level level(*this);
    if (ends != nullptr) ends_.push_back(ends);
    NodeList body;
    OutputNode* output = nullptr;
    const auto add_output = [&](Node* node) {
      if (output == nullptr) {
        output = make<OutputNode>(NodeKind::Output, node->line);
        body.push_back(output);
      }
      output->items.push_back(node);
    };
    while (!is_type(TokenType::End)) {
      const Token& token = current();
      if (token.type == TokenType::Data) {
        auto* text = make<ConstantNode>(NodeKind::Constant, token.line);
        text->value = Value(token.text);
        add_output(text);
        take();
      } else if (token.type == TokenType::VariableBegin) {
        take();
        add_output(parse_tuple({}));
        if (!is_type(TokenType::VariableEnd)) fail_expected("end of print statement");
        take();
      } else {
        output = nullptr;
        take();
        if (ends != nullptr && at_end_tag(*ends)) break;
        if (Node* statement = parse_statement()) body.push_back(statement);
        expect_block_end();
      }
    }
    if (ends != nullptr) ends_.pop_back();
    return body;
  }

  bool at_end_tag(const Names& ends) const {
    return is_type(TokenType::Name) && std::ranges::find(ends, current().text) != ends.end();
  }

  /// A body after a tag that has its parts; with its end tag if `drops_end`.
  NodeList parse_block_body(const Names& ends, bool drops_end = true) {
    skip_symbol(":");
    expect_block_end();
    NodeList body = parse_body(&ends);
    if (is_type(TokenType::End)) fail_end(&ends, std::nullopt);
    if (drops_end) take();
    return body;
  }

  [[noreturn]] void fail_end(const Names* ends, const std::optional<std::string>& tag) const {
    std::vector<const Names*> open = ends_;
    if (ends != nullptr) open.push_back(ends);
    std::string message =
        tag ? fmt::format("Encountered unknown tag {}.", repr_of_text(*tag)) : "Unexpected end of template.";
    if (!open.empty()) {
      std::string looking;
      for (const std::string_view end : *open.back()) looking += fmt::format("{}'{}'", looking.empty() ? "" : " or ", end);
      const bool is_misplaced = tag && std::ranges::any_of(open, [&](const Names* names) {
                                  return std::ranges::find(*names, *tag) != names->end();
                                });
      message += is_misplaced ? fmt::format(" You probably made a nesting mistake. Jinja is expecting this tag, but "
                                            "currently looking for {}.",
                                            looking)
                              : fmt::format(" Jinja was looking for the following tags: {}.", looking);
    }
    if (!tags_.empty()) message += fmt::format(" The innermost block that needs to be closed is '{}'.", tags_.back());
    fail(std::move(message));
  }

  Node* parse_statement() {
    if (!is_type(TokenType::Name)) fail("tag name expected");
    const std::string& tag = current().text;
    using Method = Node* (Parser::*)();
    static constexpr std::array<std::pair<std::string_view, Method>, 17> kStatements = {{
        {"for", &Parser::parse_for},
        {"if", &Parser::parse_if},
        {"block", &Parser::parse_block},
        {"extends", &Parser::parse_extends},
        {"print", &Parser::parse_print},
        {"macro", &Parser::parse_macro},
        {"include", &Parser::parse_include},
        {"from", &Parser::parse_from},
        {"import", &Parser::parse_import},
        {"set", &Parser::parse_set},
        {"with", &Parser::parse_with},
        {"autoescape", &Parser::parse_autoescape},
        {"call", &Parser::parse_call_block},
        {"filter", &Parser::parse_filter_block},
        {"generation", &Parser::parse_generation},
        {"break", &Parser::parse_break},
        {"continue", &Parser::parse_continue},
    }};
    for (const auto& [name, method] : kStatements) {
      if (name != tag) continue;
      tags_.push_back(tag);
      Node* statement = (this->*method)();
      tags_.pop_back();
      return statement;
    }
    fail_end(nullptr, tag);
  }

  Node* parse_set() {
    const std::uint32_t line = take().line;
    Node* target = parse_target({.with_namespace = true});
    if (skip_symbol("=")) {
      auto* node = make<AssignNode>(NodeKind::Assign, line);
      node->target = target;
      node->value = parse_tuple({});
      return node;
    }
    auto* node = make<AssignNode>(NodeKind::AssignBlock, line);
    node->target = target;
    node->value = parse_filters(nullptr, false);
    node->body = parse_block_body({"endset"});
    return node;
  }

  Node* parse_for() {
    auto* node = make<ForNode>(NodeKind::For, take().line);
    node->target = parse_target({.end = "in"});
    expect_name("in");
    node->iterable = parse_tuple({.with_conditional = false, .end = "recursive"});
    if (skip_name("if")) node->test = parse_expression();
    node->is_recursive = skip_name("recursive");
    node->body = parse_block_body({"endfor", "else"}, false);
    if (take().text != "endfor") node->otherwise = parse_block_body({"endfor"});
    return node;
  }

  Node* parse_if() {
    auto* node = make<IfNode>(NodeKind::If, current().line);
    do {
      take();
      Node* test = parse_tuple({.with_conditional = false});
      node->branches.push_back({test, parse_block_body({"elif", "else", "endif"}, false)});
    } while (at_name("elif"));
    if (take().text == "else") node->otherwise = parse_block_body({"endif"});
    return node;
  }

  Node* parse_with() {
    auto* node = make<WithNode>(NodeKind::With, take().line);
    while (!is_type(TokenType::BlockEnd)) {
      if (!node->targets.empty()) expect_symbol(",");
      Node* target = parse_target({});
      set_usage(target, Usage::Parameter);
      node->targets.push_back(target);
      expect_symbol("=");
      node->values.push_back(parse_expression());
    }
    node->body = parse_block_body({"endwith"});
    return node;
  }

  Node* parse_autoescape() {
    auto* node = make<BodyNode>(NodeKind::Autoescape, take().line);
    node->head = parse_expression();
    node->body = parse_block_body({"endautoescape"});
    return node;
  }

  Node* parse_block() {
    auto* node = make<BodyNode>(NodeKind::Block, take().line);
    node->name = expect_any_name().text;
    if (at_name("scoped") || at_name("required")) fail("scoped and required blocks are not supported");
    if (at_symbol("-")) {
      fail("Block names in Jinja have to be valid Python identifiers and may not contain hyphens, use an underscore "
           "instead.");
    }
    node->body = parse_block_body({"endblock"});
    skip_name(node->name);
    const bool is_known =
        std::ranges::any_of(program_->blocks, [&](const BodyNode* block) { return block->name == node->name; });
    if (is_known) raise_syntax_error(fmt::format("block '{}' defined twice", node->name), node->line);
    program_->blocks.push_back(node);
    return node;
  }

  Node* parse_filter_block() {
    auto* node = make<BodyNode>(NodeKind::FilterBlock, take().line);
    node->head = parse_filters(nullptr, true);
    node->body = parse_block_body({"endfilter"});
    return node;
  }

  Node* parse_break() { return make<ConstantNode>(NodeKind::Break, take().line); }
  Node* parse_continue() { return make<ConstantNode>(NodeKind::Continue, take().line); }

  Node* parse_print() {
    auto* node = make<OutputNode>(NodeKind::Output, take().line);
    while (!is_type(TokenType::BlockEnd)) {
      if (!node->items.empty()) expect_symbol(",");
      node->items.push_back(parse_expression());
    }
    return node;
  }

  // ---- what is called

  void parse_signature(MacroNode* node) {
    expect_symbol("(");
    while (!at_symbol(")")) {
      if (!node->parameters.empty()) expect_symbol(",");
      NameNode* parameter = parse_name_target();
      parameter->usage = Usage::Parameter;
      for (const NameNode* other : node->parameters)
        if (other->name == parameter->name)
          fail(fmt::format("duplicate argument '{}' in function definition", parameter->name));
      if (skip_symbol("=")) {
        node->defaults.push_back(parse_expression());
      } else if (!node->defaults.empty()) {
        fail("non-default argument follows default argument");
      }
      node->parameters.push_back(parameter);
    }
    expect_symbol(")");
  }

  Node* parse_macro() {
    auto* node = make<MacroNode>(NodeKind::Macro, take().line);
    node->name = parse_name_target()->name;
    parse_signature(node);
    node->body = parse_block_body({"endmacro"});
    return node;
  }

  Node* parse_call_block() {
    auto* node = make<MacroNode>(NodeKind::CallBlock, take().line);
    if (at_symbol("(")) parse_signature(node);
    node->call = parse_expression();
    if (node->call->kind != NodeKind::Call) raise_syntax_error("expected call", node->line);
    node->body = parse_block_body({"endcall"});
    return node;
  }

  Node* parse_generation() {
    auto* node = make<MacroNode>(NodeKind::Generation, take().line);
    node->body = parse_block_body({"endgeneration"});
    return node;
  }

  // ---- other templates

  NeedsLoaderNode* make_needs_loader() {
    auto* node = make<NeedsLoaderNode>(NodeKind::NeedsLoader, take().line);
    node->source = parse_expression();
    return node;
  }
  bool skip_context() {
    const bool is_context = (at_name("with") || at_name("without")) && is_name(look(), "context");
    if (is_context) {
      take();
      take();
    }
    return is_context;
  }
  Node* parse_extends() { return make_needs_loader(); }
  Node* parse_include() {
    Node* node = make_needs_loader();
    if (at_name("ignore") && is_name(look(), "missing")) {
      take();
      take();
    }
    skip_context();
    return node;
  }
  Node* parse_import() {
    NeedsLoaderNode* node = make_needs_loader();
    expect_name("as");
    node->names.push_back(parse_name_target()->name);
    skip_context();
    return node;
  }
  Node* parse_from() {
    NeedsLoaderNode* node = make_needs_loader();
    expect_name("import");
    bool is_first = true;
    while (true) {
      if (!is_first) expect_symbol(",");
      if (!is_type(TokenType::Name)) fail_expected("name");
      if (skip_context()) break;
      NameNode* name = parse_name_target();
      if (name->name.starts_with('_'))
        raise_syntax_error("names starting with an underline can not be imported", name->line);
      if (skip_name("as")) name = parse_name_target();
      node->names.push_back(name->name);
      is_first = false;
      if (skip_context() || !at_symbol(",")) break;
    }
    return node;
  }

  // ---- targets

  struct TupleStyle {
    bool is_target = false;
    bool with_conditional = true;
    std::string_view end = {};  ///< a name that ends it
    bool is_in_brackets = false;
    bool with_namespace = false;
  };
  struct TargetStyle {
    std::string_view end = {};
    bool with_namespace = false;
  };

  NameNode* parse_name_target() {
    const Token& token = expect_any_name();
    auto* node = make<NameNode>(NodeKind::Name, token.line);
    node->name = token.text;
    node->usage = Usage::Store;
    check_assignable(node);
    return node;
  }

  Node* parse_target(const TargetStyle& style) {
    Node* target = parse_tuple({.is_target = true, .end = style.end, .with_namespace = style.with_namespace});
    check_assignable(target);
    set_usage(target, Usage::Store);
    return target;
  }

  static std::string_view class_name(const Node* node) {
    switch (node->kind) {
      case NodeKind::Constant:
        return "const";
      case NodeKind::Name:
        return "name";
      case NodeKind::Tuple:
        return "tuple";
      case NodeKind::List:
        return "list";
      case NodeKind::Dict:
        return "dict";
      default:
        return "expression";
    }
  }

  static bool is_assignable(const Node* node) {
    if (node->kind == NodeKind::NamespaceTarget) return true;
    if (node->kind == NodeKind::Name) {
      constexpr std::array<std::string_view, 6> kReserved = {"true", "false", "none", "True", "False", "None"};
      return std::ranges::find(kReserved, static_cast<const NameNode*>(node)->name) == kReserved.end();
    }
    return node->kind == NodeKind::Tuple &&
           std::ranges::all_of(static_cast<const ItemsNode*>(node)->items, is_assignable);
  }

  void check_assignable(const Node* node) const {
    if (!is_assignable(node)) raise_syntax_error(fmt::format("can't assign to '{}'", class_name(node)), node->line);
  }

  static void set_usage(Node* node, Usage usage) {
    if (node->kind == NodeKind::Name) static_cast<NameNode*>(node)->usage = usage;
    if (node->kind == NodeKind::Tuple)
      for (Node* item : static_cast<ItemsNode*>(node)->items) set_usage(item, usage);
  }

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
      for (const Comparison op : {Comparison::Equal, Comparison::NotEqual, Comparison::Less, Comparison::LessEqual,
                                  Comparison::Greater, Comparison::GreaterEqual}) {
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
    while (const auto op = take_operator({BinaryOperator::Multiply, BinaryOperator::Divide, BinaryOperator::FloorDivide,
                                          BinaryOperator::Modulo}))
      left = make_binary(NodeKind::Binary, line, left, parse_power(), *op);
    return left;
  }

  Node* parse_power() {
    const std::uint32_t line = current().line;
    Node* left = parse_unary();
    while (skip_symbol("**")) left = make_binary(NodeKind::Binary, line, left, parse_unary(), BinaryOperator::Power);
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
      if (token.type == TokenType::Integer) return make_item(line, object, make_constant(token.line, token.number));
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
        ensure(arguments.more_positional == nullptr && arguments.more_named == nullptr && arguments.named.empty());
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
  std::vector<const Names*> ends_;  ///< the end tags of the bodies that are open
  std::vector<std::string> tags_;   ///< the statements that are open
};

}  // namespace

std::unique_ptr<Program> parse_program(std::string_view source, const Limits& limits) {
  return Parser(source, limits).run();
}

}  // namespace minerva::jinja
