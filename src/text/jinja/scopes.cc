#include "text/jinja/scopes.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/budget.h"
#include "text/jinja/raise.h"

namespace minerva::jinja {
namespace {

/// A function as it gets its slots. Scopes at the same level share the slots of the same name.
struct FunctionPlan {
  Function* function = nullptr;
  FunctionPlan* outer = nullptr;
  std::map<std::pair<int, std::string>, std::uint32_t> slots;

  std::uint32_t slot_of(int level, const std::string& name) {
    const auto [found, is_new] = slots.try_emplace({level, name}, static_cast<std::uint32_t>(slots.size()));
    if (is_new) function->slot_count = slots.size();
    return found->second;
  }
};

/// A variable: its function and slot.
struct Reference {
  FunctionPlan* plan = nullptr;
  std::uint32_t index = 0;
};

enum class LoadAction : std::uint8_t { Parameter, Resolve, Alias, Undefined };
struct Load {
  LoadAction action = LoadAction::Undefined;
  std::string name;  ///< Resolve
  Reference source;  ///< Alias
};

/// The names of one scope.
class Symbols {
 public:
  Symbols(const Symbols* parent, FunctionPlan* plan)
      : level_(parent == nullptr ? 0 : parent->level_ + 1), parent_(parent), plan_(plan) {}

  std::optional<Reference> find(const std::string& name) const {
    for (const Symbols* symbols = this; symbols != nullptr; symbols = symbols->parent_) {
      const auto found = symbols->references_.find(name);
      if (found != symbols->references_.end()) return Reference{symbols->plan_, found->second};
    }
    return std::nullopt;
  }

  void store(const std::string& name) {
    stores_.insert(name);
    if (references_.contains(name)) return;
    const auto outer = parent_ == nullptr ? std::nullopt : parent_->find(name);
    if (outer) {
      define(name, {.action = LoadAction::Alias, .name = {}, .source = *outer});
    } else {
      define(name, {});
    }
  }
  std::uint32_t declare_parameter(const std::string& name) {
    stores_.insert(name);
    return define(name, {.action = LoadAction::Parameter, .name = {}, .source = {}});
  }
  void load(const std::string& name) {
    if (!find(name)) define(name, {.action = LoadAction::Resolve, .name = name, .source = {}});
  }

  /// What branches of an `if` set may be set or not behind it.
  void merge_branches(std::initializer_list<const Symbols*> branches) {
    std::set<std::string> stored;
    for (const Symbols* branch : branches) stored.insert(branch->stores_.begin(), branch->stores_.end());
    for (const std::string& name : stores_) stored.erase(name);
    for (const Symbols* branch : branches) {
      for (const auto& [name, index] : branch->references_) references_.insert_or_assign(name, index);
      for (const auto& [index, load] : branch->loads_) loads_.insert_or_assign(index, load);
      stores_.insert(branch->stores_.begin(), branch->stores_.end());
    }
    for (const std::string& name : stored) {
      Load& load = loads_[references_.at(name)];
      const auto outer = parent_ == nullptr ? std::nullopt : parent_->find(name);
      if (outer) {
        load = {.action = LoadAction::Alias, .name = {}, .source = *outer};
      } else {
        load = {.action = LoadAction::Resolve, .name = name, .source = {}};
      }
    }
  }

  /// The variables that are set here and around.
  std::vector<std::pair<std::string, Slot>> stored() const {
    std::set<std::string> names;
    for (const Symbols* symbols = this; symbols != nullptr; symbols = symbols->parent_) {
      spend(symbols->stores_.size());
      names.insert(symbols->stores_.begin(), symbols->stores_.end());
    }
    std::vector<std::pair<std::string, Slot>> all;
    for (const std::string& name : names)
      if (const auto reference = find(name)) all.emplace_back(name, slot_from(plan_, *reference));
    return all;
  }

  std::size_t size() const { return references_.size() + loads_.size(); }
  FunctionPlan* plan() const { return plan_; }

  static Slot slot_from(const FunctionPlan* plan, const Reference& reference) {
    Slot slot{.hops = 0, .index = reference.index};
    for (; plan != reference.plan && plan != nullptr; plan = plan->outer) ++slot.hops;
    return slot;
  }

  Frame frame() const {
    Frame frame;
    for (const auto& [index, load] : loads_) {
      frame.clears.push_back(index);
      switch (load.action) {
        case LoadAction::Parameter:
          break;
        case LoadAction::Resolve:
          frame.loads.push_back({index, Frame::Action::Resolve, {}, load.name});
          break;
        case LoadAction::Alias:
          frame.loads.push_back({index, Frame::Action::Alias, slot_from(plan_, load.source), {}});
          break;
        case LoadAction::Undefined:
          frame.loads.push_back({index, Frame::Action::Clear, {}, {}});
          break;
      }
    }
    return frame;
  }

 private:
  std::uint32_t define(const std::string& name, Load load) {
    spend(1);
    const std::uint32_t index = plan_->slot_of(level_, name);
    references_.insert_or_assign(name, index);
    loads_.insert_or_assign(index, std::move(load));
    return index;
  }

  int level_;
  const Symbols* parent_;
  FunctionPlan* plan_;
  std::map<std::string, std::uint32_t> references_;
  std::map<std::uint32_t, Load> loads_;
  std::set<std::string> stores_;
};

/// Collects the names of a scope from what is directly in it.
class SymbolCollector {
 public:
  explicit SymbolCollector(Symbols& symbols) : symbols_(&symbols) {}

  void collect(const NodeList& nodes) {
    for (const Node* node : nodes) collect(node);
  }

  void collect(const Node* node) {
    if (node == nullptr) return;
    check_stack();
    spend(1);
    switch (node->kind) {
      case NodeKind::Name:
        return collect_name(static_cast<const NameNode&>(*node));
      case NodeKind::NamespaceTarget:
        return symbols_->load(static_cast<const NamespaceTargetNode*>(node)->name);
      case NodeKind::If:
        return collect_if(static_cast<const IfNode&>(*node));
      case NodeKind::Macro:
        return symbols_->store(static_cast<const MacroNode*>(node)->name);
      case NodeKind::CallBlock:
        return collect(static_cast<const MacroNode*>(node)->call);
      case NodeKind::Generation:
      case NodeKind::Block:
      case NodeKind::Autoescape:
        return;
      case NodeKind::Assign:
        collect(static_cast<const AssignNode*>(node)->value);
        return collect(static_cast<const AssignNode*>(node)->target);
      case NodeKind::AssignBlock:
        return collect(static_cast<const AssignNode*>(node)->target);
      case NodeKind::For:
        return collect(static_cast<const ForNode*>(node)->iterable);
      case NodeKind::FilterBlock:
        return collect(static_cast<const BodyNode*>(node)->head);
      case NodeKind::With:
        return collect(static_cast<const WithNode*>(node)->values);
      case NodeKind::NeedsLoader:
        collect(static_cast<const NeedsLoaderNode*>(node)->source);
        for (const std::string& name : static_cast<const NeedsLoaderNode*>(node)->names)
          symbols_->store(name);
        return;
      default:
        visit_children(*node, [&](const Node* child) { collect(child); });
    }
  }

  /// A target whose names are the scope's parameters.
  void collect_parameters(const Node* target) {
    if (target->kind == NodeKind::Name) {
      symbols_->declare_parameter(static_cast<const NameNode*>(target)->name);
    } else if (target->kind == NodeKind::NamespaceTarget) {
      symbols_->load(static_cast<const NamespaceTargetNode*>(target)->name);
    } else {
      visit_children(*target, [&](const Node* child) { collect_parameters(child); });
    }
  }

 private:
  void collect_name(const NameNode& node) {
    switch (node.usage) {
      case Usage::Load:
        return symbols_->load(node.name);
      case Usage::Store:
        return symbols_->store(node.name);
      case Usage::Parameter:
        symbols_->declare_parameter(node.name);
    }
  }

  void collect_if(const IfNode& node) {
    collect(node.branches[0].test);
    Symbols* original = symbols_;
    Symbols then = *original;
    Symbols elif = *original;
    Symbols otherwise = *original;
    spend(3 * original->size());
    symbols_ = &then;
    collect(node.branches[0].body);
    // jinja2 sees each elif as an `if` within the same branch.
    symbols_ = &elif;
    for (std::size_t i = 1; i < node.branches.size(); ++i) collect_elif(node.branches[i]);
    symbols_ = &otherwise;
    collect(node.otherwise);
    symbols_ = original;
    symbols_->merge_branches({&then, &elif, &otherwise});
  }

  void collect_elif(const IfNode::Branch& branch) {
    collect(branch.test);
    Symbols* original = symbols_;
    Symbols then = *original;
    const Symbols none = *original;
    spend(2 * original->size());
    symbols_ = &then;
    collect(branch.body);
    symbols_ = original;
    symbols_->merge_branches({&then, &none, &none});
  }

  Symbols* symbols_;
};

/// Which of `names` the nodes read without having set them.
class UndeclaredNames {
 public:
  UndeclaredNames(const NodeList& nodes, std::initializer_list<std::string_view> names) : names_(names) {
    for (const Node* node : nodes) visit(node);
  }
  bool contains(std::string_view name) const { return found_.contains(name); }

 private:
  void visit(const Node* node) {
    if (names_ == found_) return;  // jinja2 stops looking here
    check_stack();
    spend(1);
    if (node->kind == NodeKind::Block) return;
    if (node->kind != NodeKind::Name) {
      visit_children(*node, [&](const Node* child) { visit(child); });
      return;
    }
    const auto& name = static_cast<const NameNode&>(*node);
    if (name.usage == Usage::Load && names_.contains(name.name)) {
      found_.insert(*names_.find(name.name));
    } else {
      names_.erase(name.name);
    }
  }

  std::set<std::string_view, std::less<>> names_;
  std::set<std::string_view, std::less<>> found_;
};

class Resolver {
 public:
  explicit Resolver(Program& program)
      : program_(program), has_scoped_blocks_(std::ranges::any_of(program.blocks, &BodyNode::is_scoped)) {}

  void run() {
    program_.root = resolve_root(program_.body, program_.frame, program_.self, nullptr);
    for (BodyNode* block : program_.blocks)
      block->function = resolve_root(block->body, block->frame, block->self, &block->super);
  }

 private:
  /// Where a node stands.
  struct Place {
    Symbols* symbols;
    bool is_top_level = false;
    bool is_in_loop = false;      ///< of the same function
    bool is_conditional = false;  ///< filters that don't exist only fail when they are called
    Place inner(Symbols& own) const { return {&own, false, is_in_loop, false}; }
  };

  FunctionPlan* add_function(FunctionPlan* outer) {
    program_.functions.push_back(std::make_unique<Function>());
    plans_.push_back(std::make_unique<FunctionPlan>());
    plans_.back()->function = program_.functions.back().get();
    plans_.back()->outer = outer;
    return plans_.back().get();
  }

  /// `self` and `super` (of blocks) are set where the body reads them.
  Function* resolve_root(NodeList& body, Frame& frame, std::optional<Slot>& self,
                         std::optional<Slot>* super) {
    FunctionPlan* plan = add_function(nullptr);
    Symbols symbols(nullptr, plan);
    const UndeclaredNames undeclared =
        super == nullptr ? UndeclaredNames(body, {"self"}) : UndeclaredNames(body, {"self", "super"});
    if (undeclared.contains("self")) self = {0, symbols.declare_parameter("self")};
    if (undeclared.contains("super")) *super = {0, symbols.declare_parameter("super")};
    SymbolCollector(symbols).collect(body);
    resolve(body, {.symbols = &symbols, .is_top_level = super == nullptr});
    frame = symbols.frame();
    return plan->function;
  }

  void resolve(const NodeList& nodes, const Place& place) {
    for (Node* node : nodes) resolve(node, place);
  }

  void resolve(Node* node, const Place& place) {
    if (node == nullptr) return;
    check_stack();
    spend(1);
    switch (node->kind) {
      case NodeKind::Name: {
        auto& name = static_cast<NameNode&>(*node);
        name.slot = slot_of(name.name, place);
        return;
      }
      case NodeKind::NamespaceTarget: {
        auto& target = static_cast<NamespaceTargetNode&>(*node);
        target.slot = slot_of(target.name, place);
        return;
      }
      case NodeKind::Filter:
      case NodeKind::Test:
        check_known(*node, place);
        return resolve_children(node, place);
      case NodeKind::Conditional:
      case NodeKind::If: {
        Place soft = place;
        soft.is_conditional = true;
        return resolve_children(node, soft);
      }
      case NodeKind::For:
        return resolve_for(static_cast<ForNode&>(*node), place);
      case NodeKind::Macro:
      case NodeKind::CallBlock:
      case NodeKind::Generation:
        return resolve_macro(static_cast<MacroNode&>(*node), place);
      case NodeKind::FilterBlock:
      case NodeKind::Autoescape:
        return resolve_scope(static_cast<BodyNode&>(*node), place);
      case NodeKind::Block: {
        auto& block = static_cast<BodyNode&>(*node);
        if (block.is_scoped) block.seen = place.symbols->stored();
        return;  // its body is resolved on its own
      }
      case NodeKind::Assign:
      case NodeKind::AssignBlock:
        return resolve_assign(static_cast<AssignNode&>(*node), place);
      case NodeKind::With:
        return resolve_with(static_cast<WithNode&>(*node), place);
      case NodeKind::Break:
      case NodeKind::Continue:
        if (!place.is_in_loop) {
          raise_syntax_error(
              node->kind == NodeKind::Break ? "'break' outside loop" : "'continue' not properly in loop",
              node->line);
        }
        return;
      default:
        return resolve_children(node, place);
    }
  }

  void resolve_children(Node* node, const Place& place) {
    visit_children(*node, [&](Node* child) { resolve(child, place); });
  }

  static Slot slot_of(const std::string& name, const Place& place) {
    const auto reference = place.symbols->find(name);
    if (!reference) raise_syntax_error(fmt::format("the name '{}' can't be resolved", name), 0);
    return Symbols::slot_from(place.symbols->plan(), *reference);
  }

  static void check_known(const Node& node, const Place& place) {
    if (place.is_conditional) return;
    const bool is_filter = node.kind == NodeKind::Filter;
    const bool is_known = is_filter ? static_cast<const FilterNode&>(node).filter != nullptr
                                    : static_cast<const TestNode&>(node).test != nullptr;
    if (is_known) return;
    const std::string& name =
        is_filter ? static_cast<const FilterNode&>(node).name : static_cast<const TestNode&>(node).name;
    throw Raised({.kind = FailureKind::Syntax,
                  .type = "TemplateAssertionError",
                  .message = fmt::format("No {} named '{}'.", is_filter ? "filter" : "test", name),
                  .line = node.line});
  }

  static bool has_scoped_block(const Node* node) {
    spend(1);
    check_stack();
    if (node->kind == NodeKind::Block && static_cast<const BodyNode*>(node)->is_scoped) return true;
    bool found = false;
    visit_children(*node, [&](const Node* child) { found = found || has_scoped_block(child); });
    return found;
  }

  void check_loop_unassigned(const Node* node) {
    spend(1);
    check_stack();
    if (node->kind == NodeKind::Name) {
      const auto& name = static_cast<const NameNode&>(*node);
      if (name.usage == Usage::Store && name.name == "loop")
        raise_syntax_error("Can't assign to special loop variable in for-loop target", name.line);
    }
    visit_children(*node, [&](const Node* child) { check_loop_unassigned(child); });
  }

  void resolve_for(ForNode& node, const Place& place) {
    FunctionPlan* plan = node.is_recursive ? add_function(place.symbols->plan()) : place.symbols->plan();
    Symbols body(place.symbols, plan);
    Symbols otherwise(place.symbols, plan);
    node.uses_loop = node.is_recursive || UndeclaredNames(node.body, {"loop"}).contains("loop") ||
                     (has_scoped_blocks_ && std::ranges::any_of(node.body, has_scoped_block));
    if (node.uses_loop) node.loop = {0, body.declare_parameter("loop")};
    SymbolCollector(body).collect_parameters(node.target);
    SymbolCollector(body).collect(node.body);
    SymbolCollector(otherwise).collect(node.otherwise);
    if (loops_ == 0) check_loop_unassigned(&node);
    ++loops_;
    if (node.test != nullptr) resolve_test(node, place, plan);
    if (node.is_recursive) node.function = plan->function;
    const Place inner = {.symbols = &body, .is_in_loop = true};
    resolve(node.target, inner);
    resolve(node.body, inner);
    node.frame = body.frame();
    resolve(node.otherwise, {.symbols = &otherwise, .is_in_loop = place.is_in_loop && !node.is_recursive});
    node.otherwise_frame = otherwise.frame();
    --loops_;
    resolve(node.iterable, place);
  }

  /// The test is a function of its own, to which the target's names are parameters.
  void resolve_test(ForNode& node, const Place& place, FunctionPlan* outer) {
    FunctionPlan* plan = add_function(outer);
    Symbols symbols(place.symbols, plan);
    SymbolCollector(symbols).collect_parameters(node.target);
    SymbolCollector(symbols).collect(node.test);
    const Place inner = {.symbols = &symbols};
    node.test_target = copy_target(node.target);
    resolve(node.test_target, inner);
    resolve(node.test, inner);
    node.test_function = plan->function;
    node.test_frame = symbols.frame();
  }

  Node* copy_target(const Node* target) {
    std::unique_ptr<Node> copy;
    if (target->kind == NodeKind::Tuple) {
      auto tuple = std::make_unique<ItemsNode>(target->kind, target->line);
      for (const Node* item : static_cast<const ItemsNode*>(target)->items)
        tuple->items.push_back(copy_target(item));
      copy = std::move(tuple);
    } else if (target->kind == NodeKind::Name) {
      auto name = std::make_unique<NameNode>(target->kind, target->line);
      name->name = static_cast<const NameNode*>(target)->name;
      name->usage = Usage::Store;
      copy = std::move(name);
    } else {
      raise_syntax_error("a loop's target must be a name or names", target->line);
    }
    program_.nodes.push_back(std::move(copy));
    return program_.nodes.back().get();
  }

  void resolve_macro(MacroNode& node, const Place& place) {
    FunctionPlan* plan = add_function(place.symbols->plan());
    Symbols symbols(place.symbols, plan);
    SymbolCollector collector(symbols);
    for (const NameNode* parameter : node.parameters) collector.collect(parameter);
    collector.collect(node.defaults);
    collector.collect(node.body);
    declare_special_parameters(node, symbols);
    for (const NameNode* parameter : node.parameters) collector.collect(parameter);
    collector.collect(node.defaults);
    collector.collect(node.body);
    const Place inner = {.symbols = &symbols};
    for (NameNode* parameter : node.parameters) resolve(parameter, inner);
    resolve(node.defaults, inner);
    resolve(node.body, inner);
    node.function = plan->function;
    node.frame = symbols.frame();
    if (node.kind == NodeKind::Macro) {
      node.slot = slot_of(node.name, place);
      node.is_exported = place.is_top_level && !program_.blocks.empty();
    }
    resolve(node.call, place);
  }

  static void declare_special_parameters(MacroNode& node, Symbols& symbols) {
    const UndeclaredNames undeclared(node.body, {"caller", "kwargs", "varargs"});
    const auto position = [&](std::string_view name) {
      return static_cast<std::size_t>(
          std::ranges::find(node.parameters, name,
                            [](const NameNode* parameter) { return std::string_view(parameter->name); }) -
          node.parameters.begin());
    };
    const std::size_t count = node.parameters.size();
    node.has_explicit_caller = position("caller") < count;
    if (undeclared.contains("caller")) {
      node.takes_caller = true;
      if (!node.has_explicit_caller) {
        node.caller = {0, symbols.declare_parameter("caller")};
      } else if (position("caller") + node.defaults.size() < count) {
        raise_syntax_error(
            "When defining macros or call blocks the special \"caller\" argument must be omitted or be given "
            "a default.",
            node.line);
      }
    }
    if (undeclared.contains("kwargs") && position("kwargs") == count) {
      node.takes_named = true;
      node.named = {0, symbols.declare_parameter("kwargs")};
    }
    if (undeclared.contains("varargs") && position("varargs") == count) {
      node.takes_positional = true;
      node.positional = {0, symbols.declare_parameter("varargs")};
    }
  }

  /// FilterBlock and Autoescape.
  void resolve_scope(BodyNode& node, const Place& place) {
    Symbols symbols(place.symbols, place.symbols->plan());
    SymbolCollector collector(symbols);
    if (node.kind == NodeKind::Autoescape) collector.collect(node.head);
    collector.collect(node.body);
    if (node.kind == NodeKind::FilterBlock) collector.collect(node.head);
    const Place inner = place.inner(symbols);
    resolve(node.head, inner);
    resolve(node.body, inner);
    node.frame = symbols.frame();
  }

  void resolve_assign(AssignNode& node, const Place& place) {
    node.is_exported = place.is_top_level && !program_.blocks.empty();
    resolve(node.target, place);
    if (node.kind == NodeKind::Assign) return resolve(node.value, place);
    Symbols symbols(place.symbols, place.symbols->plan());
    SymbolCollector(symbols).collect(node.body);
    // jinja2 forgets to look for names in the filter's arguments; here they are found.
    SymbolCollector(symbols).collect(node.value);
    const Place inner = place.inner(symbols);
    resolve(node.body, inner);
    resolve(node.value, inner);
    node.frame = symbols.frame();
  }

  void resolve_with(WithNode& node, const Place& place) {
    Symbols symbols(place.symbols, place.symbols->plan());
    SymbolCollector collector(symbols);
    collector.collect(node.targets);
    collector.collect(node.body);
    const Place inner = place.inner(symbols);
    resolve(node.targets, inner);
    resolve(node.values, place);
    resolve(node.body, inner);
    node.frame = symbols.frame();
  }

  Program& program_;
  const bool has_scoped_blocks_;
  std::vector<std::unique_ptr<FunctionPlan>> plans_;
  std::size_t loops_ = 0;  ///< that are being resolved
};

}  // namespace

void resolve_scopes(Program& program) {
  Resolver(program).run();
}

}  // namespace minerva::jinja
