#include "text/jinja/blocks.h"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "text/jinja/raise.h"
#include "text/jinja/text.h"

namespace minerva::jinja {
namespace {

class BlockReference final : public Object {
 public:
  BlockReference(const BodyNode& block, Value context)
      : Object(Kind::Object), block_(block), context_(std::move(context)) {
    charge(sizeof(*this));
  }
  std::string_view type_name() const override { return "BlockReference"; }
  std::string_view module_name() const override { return "jinja2.runtime"; }
  bool is_callable() const override { return true; }
  Value call(Interpreter& interpreter, const Arguments& arguments) override {
    constexpr std::string_view kName = "BlockReference.__call__()";
    if (!arguments.named.empty()) {
      raise_type_error(fmt::format("{} got an unexpected keyword argument {}", kName,
                                   repr_of_text(arguments.named[0].first)));
    }
    if (!arguments.positional.empty()) {
      raise_type_error(fmt::format("{} takes 1 positional argument but {} were given", kName,
                                   arguments.positional.size() + 1));
    }
    return interpreter.call_block(block_, context_);
  }
  Value attribute(std::string_view name) override {
    return name == "super" ? no_parent_block(block_) : Value::missing();
  }

 private:
  const BodyNode& block_;
  Value context_;
};

class SelfObject final : public Object {
 public:
  SelfObject(const Interpreter& interpreter, Value context)
      : Object(Kind::Object), interpreter_(interpreter), context_(std::move(context)) {
    charge(sizeof(*this));
  }
  std::string_view type_name() const override { return "TemplateReference"; }
  std::string_view module_name() const override { return "jinja2.runtime"; }
  void append_repr(std::string& out) const override { out += "<TemplateReference None>"; }
  // To Python what has items is iterable; these have no positions.
  bool is_iterable() const override { return true; }
  Value iterator() override { raise("KeyError", "0"); }
  Value item(const Value& key) override {
    const BodyNode* block = key.is_string() ? interpreter_.find_block(key.text()) : nullptr;
    return block == nullptr ? Value::missing() : make_object<BlockReference>(*block, context_);
  }

 private:
  const Interpreter& interpreter_;
  Value context_;
};

}  // namespace

Value make_self(const Interpreter& interpreter, Value context) {
  return make_object<SelfObject>(interpreter, std::move(context));
}

Value no_parent_block(const BodyNode& block) {
  return undefined_hint(fmt::format("there is no parent block called {}.", repr_of_text(block.name)));
}

}  // namespace minerva::jinja
