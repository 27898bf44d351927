#include "text/jinja/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja/expression_parser.h"
#include "text/jinja/raise.h"
#include "text/jinja/strings.h"
#include "text/jinja/text.h"

namespace minerva::jinja {
namespace {

using Names = std::vector<std::string_view>;

class Parser final : ExpressionParser {
 public:
  Parser(std::string_view source, const Limits& limits) : ExpressionParser(source, limits) {}

  std::unique_ptr<Program> run() {
    program_->body = parse_body(nullptr);
    return std::move(program_);
  }

 private:
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
      for (const std::string_view end : *open.back())
        looking += fmt::format("{}'{}'", looking.empty() ? "" : " or ", end);
      const bool is_misplaced = tag && std::ranges::any_of(open, [&](const Names* names) {
                                  return std::ranges::find(*names, *tag) != names->end();
                                });
      message += is_misplaced ? fmt::format(
                                    " You probably made a nesting mistake. Jinja is expecting this tag, but "
                                    "currently looking for {}.",
                                    looking)
                              : fmt::format(" Jinja was looking for the following tags: {}.", looking);
    }
    if (!tags_.empty())
      message += fmt::format(" The innermost block that needs to be closed is '{}'.", tags_.back());
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

  /// Whether there is nothing but white space in the text.
  static bool is_blank(const Node* node) {
    return node->kind == NodeKind::Output &&
           std::ranges::all_of(static_cast<const OutputNode*>(node)->items, [](const Node* item) {
             if (item->kind != NodeKind::Constant) return false;
             const Value& value = static_cast<const ConstantNode*>(item)->value;
             return value.is_string() && strip(value.text(), std::nullopt, true, true).empty();
           });
  }

  Node* parse_block() {
    auto* node = make<BodyNode>(NodeKind::Block, take().line);
    node->name = expect_any_name().text;
    node->is_scoped = skip_name("scoped");
    node->is_required = skip_name("required");
    if (at_symbol("-")) {
      fail(
          "Block names in Jinja have to be valid Python identifiers and may not contain hyphens, use an "
          "underscore "
          "instead.");
    }
    node->body = parse_block_body({"endblock"});
    if (node->is_required && !std::ranges::all_of(node->body, is_blank))
      fail("Required blocks can only contain comments or whitespace");
    skip_name(node->name);
    const bool is_known = std::ranges::any_of(
        program_->blocks, [&](const BodyNode* block) { return block->name == node->name; });
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
      constexpr std::array<std::string_view, 6> kReserved = {"true", "false", "none",
                                                             "True", "False", "None"};
      return std::ranges::find(kReserved, static_cast<const NameNode*>(node)->name) == kReserved.end();
    }
    return node->kind == NodeKind::Tuple &&
           std::ranges::all_of(static_cast<const ItemsNode*>(node)->items, is_assignable);
  }

  void check_assignable(const Node* node) const {
    if (!is_assignable(node))
      raise_syntax_error(fmt::format("can't assign to '{}'", class_name(node)), node->line);
  }

  static void set_usage(Node* node, Usage usage) {
    if (node->kind == NodeKind::Name) static_cast<NameNode*>(node)->usage = usage;
    if (node->kind == NodeKind::Tuple)
      for (Node* item : static_cast<ItemsNode*>(node)->items) set_usage(item, usage);
  }

  std::vector<const Names*> ends_;  ///< the end tags of the bodies that are open
  std::vector<std::string> tags_;   ///< the statements that are open
};

}  // namespace

std::unique_ptr<Program> parse_program(std::string_view source, const Limits& limits) {
  return Parser(source, limits).run();
}

}  // namespace minerva::jinja
