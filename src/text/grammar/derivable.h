// What of a grammar can match something of a kind: any text at all, or the empty one.
#pragma once

#include <cstdint>
#include <vector>

#include "text/grammar/grammar_builder.h"

namespace minerva::grammar {

class Derivable {
 public:
  enum class What : std::uint8_t {
    AnyText,    ///< some text matches
    EmptyText,  ///< the empty text matches
  };
  Derivable(const GrammarBuilder& builder, What what);
  bool operator[](ExprId id) const { return can_[id]; }

 private:
  void found(ExprId id);

  std::vector<bool> can_;
  std::vector<ExprId> queue_;
};

}  // namespace minerva::grammar
