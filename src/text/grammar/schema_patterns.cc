#include "text/grammar/schema_patterns.h"

#include "text/grammar/schema_formats.h"

namespace minerva::grammar {
namespace {

template <class T>
Result<const T*> pointer_to(const Result<T>& kept) {
  if (!kept) return std::unexpected(kept.error());
  return &*kept;
}

Result<Automaton> automaton_of(const Result<const RegexNode*>& tree, RegexScope scope) {
  if (!tree) return std::unexpected(tree.error());
  return regex_automaton(**tree, scope);
}

}  // namespace

Result<const RegexNode*> Patterns::tree(const std::string& pattern, bool wide) {
  const std::pair key(pattern, wide);
  auto found = trees_.find(key);
  if (found == trees_.end()) found = trees_.emplace(key, parse_regex(pattern, wide)).first;
  return pointer_to(found->second);
}

Result<const Automaton*> Patterns::automaton(const std::string& pattern, bool wide) {
  const std::pair key(pattern, wide);
  auto found = automata_.find(key);
  if (found == automata_.end())
    found = automata_.emplace(key, automaton_of(tree(pattern, wide), RegexScope::Somewhere)).first;
  return pointer_to(found->second);
}

Result<const Automaton*> Patterns::format(const std::string& name) {
  auto found = formats_.find(name);
  if (found == formats_.end()) {
    const auto regex = parse_regex(*format_regex(name), false);
    found = formats_
                .emplace(name, regex ? regex_automaton(*regex, RegexScope::Whole)
                                     : Result<Automaton>(std::unexpected(regex.error())))
                .first;
  }
  return pointer_to(found->second);
}

}  // namespace minerva::grammar
