#include "text/grammar/derivable.h"

namespace minerva::grammar {

// Linear: each edge from a part to its whole is followed once.
Derivable::Derivable(const GrammarBuilder& builder, What what) {
  using Kind = GrammarBuilder::Kind;
  const auto count = static_cast<ExprId>(builder.expr_count());
  can_.resize(count);
  std::vector<std::vector<ExprId>> wholes(count);
  std::vector<std::size_t> missing(count, 1);
  for (ExprId id = 0; id < count; ++id) {
    const auto& expr = builder.at(id);
    if (expr.kind == Kind::Sequence) missing[id] = expr.parts.size();
    for (const ExprId part : expr.parts) wholes[part].push_back(id);
    if (expr.kind == Kind::Rule) wholes[builder.body(expr.rule)].push_back(id);
    const bool text = expr.kind == Kind::Literal || expr.kind == Kind::Class;
    if (expr.kind == Kind::Empty || (expr.kind == Kind::Repeat && expr.min == 0) ||
        (text && what == What::AnyText))
      found(id);
  }
  while (!queue_.empty()) {
    const ExprId id = queue_.back();
    queue_.pop_back();
    for (const ExprId whole : wholes[id]) {
      if (missing[whole] == 0) continue;
      missing[whole] -= 1;
      if (missing[whole] == 0) found(whole);
    }
  }
}

void Derivable::found(ExprId id) {
  if (can_[id]) return;
  can_[id] = true;
  queue_.push_back(id);
}

}  // namespace minerva::grammar
