// A parsed template as a tree. Nodes belong to the Program, so that the tree may be deep.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/operators.h"
#include "text/jinja/value.h"

namespace minerva::jinja {

struct FilterEntry;
struct TestEntry;

enum class NodeKind : std::uint8_t {
  // expressions
  Constant,
  Name,
  NamespaceTarget,
  Tuple,
  List,
  Dict,
  Conditional,
  And,
  Or,
  Not,
  Negative,
  Positive,
  Binary,
  Concat,
  Compare,
  Attribute,
  Item,
  Slice,
  Call,
  Filter,
  Test,
  // statements
  Output,
  For,
  If,
  Macro,
  CallBlock,
  FilterBlock,
  Assign,
  AssignBlock,
  With,
  Autoescape,
  Block,
  Generation,
  Break,
  Continue,
  NeedsLoader,
};

/// Where a variable lives: in the activation so many functions further out, at an index.
struct Slot {
  std::uint32_t hops = 0;
  std::uint32_t index = 0;
};

/// What happens to the variables of a scope when it is entered, and which have none when it is left.
struct Frame {
  enum class Action : std::uint8_t { Resolve, Alias, Clear };
  struct Load {
    std::uint32_t index;
    Action action;
    Slot source;       ///< Alias
    std::string name;  ///< Resolve
  };
  std::vector<Load> loads;
  std::vector<std::uint32_t> clears;
};

/// What has activations of its own: the template, a macro, the body of a call, a recursive loop, a loop's
/// test.
struct Function {
  std::size_t slot_count = 0;
};

struct Node {
  Node(NodeKind which, std::uint32_t where) : kind(which), line(where) {}
  virtual ~Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  NodeKind kind;
  std::uint32_t line;
  std::uint32_t depth = 1;  ///< of the expression below it
};
using NodeList = std::vector<Node*>;

struct ConstantNode final : Node {
  using Node::Node;
  Value value;
};

enum class Usage : std::uint8_t { Load, Store, Parameter };

struct NameNode final : Node {
  using Node::Node;
  std::string name;
  Usage usage = Usage::Load;
  Slot slot;
};

/// `ns.attribute` as what is assigned to.
struct NamespaceTargetNode final : Node {
  using Node::Node;
  std::string name;
  std::string attribute;
  Slot slot;
};

struct ItemsNode final : Node {  ///< Tuple, List, Concat
  using Node::Node;
  NodeList items;
};

struct DictNode final : Node {
  using Node::Node;
  std::vector<std::pair<Node*, Node*>> entries;
};

struct ConditionalNode final : Node {
  using Node::Node;
  Node* test = nullptr;
  Node* then = nullptr;
  Node* otherwise = nullptr;  ///< null: undefined
};

struct BinaryNode final : Node {  ///< And, Or, Binary
  using Node::Node;
  BinaryOperator op = BinaryOperator::Add;
  Node* left = nullptr;
  Node* right = nullptr;
};

struct UnaryNode final : Node {  ///< Not, Negative, Positive
  using Node::Node;
  Node* operand = nullptr;
};

struct CompareNode final : Node {
  using Node::Node;
  Node* first = nullptr;
  std::vector<std::pair<Comparison, Node*>> rest;
};

struct AttributeNode final : Node {
  using Node::Node;
  Node* object = nullptr;
  Value name;
};

struct ItemNode final : Node {
  using Node::Node;
  Node* object = nullptr;
  Node* key = nullptr;
};

struct SliceNode final : Node {  ///< each bound may be null
  using Node::Node;
  Node* start = nullptr;
  Node* stop = nullptr;
  Node* step = nullptr;
};

struct ArgumentNodes {
  NodeList positional;
  std::vector<std::pair<std::string, Node*>> named;
  Node* more_positional = nullptr;  ///< *args
  Node* more_named = nullptr;       ///< **kwargs
};

struct CallNode final : Node {
  using Node::Node;
  Node* callee = nullptr;
  ArgumentNodes arguments;
};

struct FilterNode final : Node {
  using Node::Node;
  Node* input = nullptr;  ///< null: the text of the block around it
  std::string name;
  ArgumentNodes arguments;
  const FilterEntry* filter = nullptr;  ///< null: none of this name
};

struct TestNode final : Node {
  using Node::Node;
  Node* input = nullptr;
  std::string name;
  ArgumentNodes arguments;
  const TestEntry* test = nullptr;
};

struct OutputNode final : Node {
  using Node::Node;
  NodeList items;  ///< text as ConstantNode
};

struct ForNode final : Node {
  using Node::Node;
  Node* target = nullptr;
  Node* iterable = nullptr;
  Node* test = nullptr;  ///< may be null
  bool is_recursive = false;
  NodeList body;
  NodeList otherwise;
  bool uses_loop = false;
  Slot loop;
  Frame frame;
  Frame otherwise_frame;
  Function* function = nullptr;       ///< of a recursive loop
  Function* test_function = nullptr;  ///< of the test, with the target as its variables
  Node* test_target = nullptr;
  Frame test_frame;
};

struct IfNode final : Node {
  using Node::Node;
  struct Branch {
    Node* test;
    NodeList body;
  };
  std::vector<Branch> branches;
  NodeList otherwise;
};

/// Macro, CallBlock and Generation: a body that is called.
struct MacroNode final : Node {
  using Node::Node;
  std::string name;
  std::vector<NameNode*> parameters;
  NodeList defaults;  ///< of the last parameters
  NodeList body;
  Node* call = nullptr;  ///< CallBlock: what gets the body as its caller
  Slot slot;             ///< Macro: the variable that names it
  Function* function = nullptr;
  Frame frame;
  bool takes_caller = false;
  bool has_explicit_caller = false;
  bool takes_named = false;
  bool takes_positional = false;
  Slot caller;
  Slot named;
  Slot positional;
  bool is_exported = false;
};

struct BodyNode final : Node {  ///< FilterBlock, Block, Autoescape
  using Node::Node;
  std::string name;      ///< Block
  Node* head = nullptr;  ///< FilterBlock: the filter; Autoescape: whether
  NodeList body;
  Frame frame;
  // Block:
  Function* function = nullptr;
  bool is_scoped = false;  ///< sees `seen` of where it stands
  bool is_required = false;
  std::vector<std::pair<std::string, Slot>> seen;
  std::optional<Slot> self;
  std::optional<Slot> super;
};

struct AssignNode final : Node {  ///< Assign, AssignBlock
  using Node::Node;
  Node* target = nullptr;
  Node* value = nullptr;  ///< AssignBlock: a filter or null
  NodeList body;
  Frame frame;
  bool is_exported = false;
};

struct WithNode final : Node {
  using Node::Node;
  NodeList targets;
  NodeList values;
  NodeList body;
  Frame frame;
};

/// include, import, from and extends: there are no other templates.
struct NeedsLoaderNode final : Node {
  using Node::Node;
  Node* source = nullptr;
  std::vector<std::string> names;  ///< variables that it would set
};

/// A whole template.
struct Program {
  NodeList body;
  Function* root = nullptr;
  Frame frame;
  std::optional<Slot> self;
  std::vector<std::unique_ptr<Node>> nodes;
  std::vector<std::unique_ptr<Function>> functions;
  std::vector<BodyNode*> blocks;
};

/// Calls `visit(Node*)` for the nodes directly below one, in jinja2's order.
template <class Visit>
void visit_all(const NodeList& nodes, Visit&& visit) {
  for (Node* node : nodes)
    if (node != nullptr) visit(node);
}

template <class Visit>
void visit_arguments(const ArgumentNodes& arguments, Visit&& visit) {
  visit_all(arguments.positional, visit);
  for (const auto& [name, value] : arguments.named) visit(value);
  if (arguments.more_positional != nullptr) visit(arguments.more_positional);
  if (arguments.more_named != nullptr) visit(arguments.more_named);
}

template <class Visit>
void visit_children(const Node& node, Visit&& visit) {
  const auto one = [&](Node* child) {
    if (child != nullptr) visit(child);
  };
  switch (node.kind) {
    case NodeKind::Constant:
    case NodeKind::Name:
    case NodeKind::NamespaceTarget:
    case NodeKind::Break:
    case NodeKind::Continue:
      return;
    case NodeKind::Tuple:
    case NodeKind::List:
    case NodeKind::Concat:
      return visit_all(static_cast<const ItemsNode&>(node).items, visit);
    case NodeKind::Dict:
      for (const auto& [key, value] : static_cast<const DictNode&>(node).entries) {
        visit(key);
        visit(value);
      }
      return;
    case NodeKind::Conditional: {
      const auto& conditional = static_cast<const ConditionalNode&>(node);
      one(conditional.test);
      one(conditional.then);
      return one(conditional.otherwise);
    }
    case NodeKind::And:
    case NodeKind::Or:
    case NodeKind::Binary:
      one(static_cast<const BinaryNode&>(node).left);
      return one(static_cast<const BinaryNode&>(node).right);
    case NodeKind::Not:
    case NodeKind::Negative:
    case NodeKind::Positive:
      return one(static_cast<const UnaryNode&>(node).operand);
    case NodeKind::Compare:
      one(static_cast<const CompareNode&>(node).first);
      for (const auto& [op, operand] : static_cast<const CompareNode&>(node).rest) visit(operand);
      return;
    case NodeKind::Attribute:
      return one(static_cast<const AttributeNode&>(node).object);
    case NodeKind::Item:
      one(static_cast<const ItemNode&>(node).object);
      return one(static_cast<const ItemNode&>(node).key);
    case NodeKind::Slice:
      one(static_cast<const SliceNode&>(node).start);
      one(static_cast<const SliceNode&>(node).stop);
      return one(static_cast<const SliceNode&>(node).step);
    case NodeKind::Call:
      one(static_cast<const CallNode&>(node).callee);
      return visit_arguments(static_cast<const CallNode&>(node).arguments, visit);
    case NodeKind::Filter:
      one(static_cast<const FilterNode&>(node).input);
      return visit_arguments(static_cast<const FilterNode&>(node).arguments, visit);
    case NodeKind::Test:
      one(static_cast<const TestNode&>(node).input);
      return visit_arguments(static_cast<const TestNode&>(node).arguments, visit);
    case NodeKind::Output:
      return visit_all(static_cast<const OutputNode&>(node).items, visit);
    case NodeKind::For: {
      const auto& loop = static_cast<const ForNode&>(node);
      one(loop.target);
      one(loop.iterable);
      visit_all(loop.body, visit);
      visit_all(loop.otherwise, visit);
      return one(loop.test);
    }
    case NodeKind::If:
      for (const auto& branch : static_cast<const IfNode&>(node).branches) {
        one(branch.test);
        visit_all(branch.body, visit);
      }
      return visit_all(static_cast<const IfNode&>(node).otherwise, visit);
    case NodeKind::Macro:
    case NodeKind::CallBlock:
    case NodeKind::Generation: {
      const auto& macro = static_cast<const MacroNode&>(node);
      one(macro.call);
      for (NameNode* parameter : macro.parameters) visit(static_cast<Node*>(parameter));
      visit_all(macro.defaults, visit);
      return visit_all(macro.body, visit);
    }
    case NodeKind::FilterBlock:
    case NodeKind::Block:
    case NodeKind::Autoescape:
      if (node.kind == NodeKind::Autoescape) one(static_cast<const BodyNode&>(node).head);
      visit_all(static_cast<const BodyNode&>(node).body, visit);
      if (node.kind == NodeKind::FilterBlock) one(static_cast<const BodyNode&>(node).head);
      return;
    case NodeKind::Assign:
    case NodeKind::AssignBlock:
      one(static_cast<const AssignNode&>(node).target);
      one(static_cast<const AssignNode&>(node).value);
      return visit_all(static_cast<const AssignNode&>(node).body, visit);
    case NodeKind::With:
      visit_all(static_cast<const WithNode&>(node).targets, visit);
      visit_all(static_cast<const WithNode&>(node).values, visit);
      return visit_all(static_cast<const WithNode&>(node).body, visit);
    case NodeKind::NeedsLoader:
      return one(static_cast<const NeedsLoaderNode&>(node).source);
  }
}

}  // namespace minerva::jinja
