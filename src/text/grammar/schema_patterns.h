// The patterns and formats of a schema, read once.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "base/error.h"
#include "text/grammar/automaton.h"
#include "text/grammar/regex_grammar.h"

namespace minerva::grammar {

class Patterns {
 public:
  /// With `wide` what may match, else what does in every dialect. Errors: the expression cannot be honoured.
  Result<const RegexNode*> tree(const std::string& pattern, bool wide);
  /// The values in which the pattern is found.
  Result<const Automaton*> automaton(const std::string& pattern, bool wide);
  /// The values of a format that is known.
  Result<const Automaton*> format(const std::string& name);

 private:
  std::map<std::pair<std::string, bool>, Result<RegexNode>> trees_;
  std::map<std::pair<std::string, bool>, Result<Automaton>> automata_;
  std::map<std::string, Result<Automaton>> formats_;
};

}  // namespace minerva::grammar
