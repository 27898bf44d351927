// Regular expressions as grammars.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "text/grammar/automaton.h"
#include "text/grammar/grammar_builder.h"
#include "text/grammar/regex_syntax.h"

namespace minerva::grammar {

/// How a set of characters appears in the output: as they are, or as JSON strings spell them.
using ClassWriter = std::function<ExprId(const CodePointSet&)>;

/// Whether a text matches as a whole (^ and $ at the ends say nothing new), or somewhere in it unless ^ and $
/// say otherwise (a schema's `pattern`).
enum class RegexScope : bool { Whole, Somewhere };

/// The texts that match, written with `write_class`; nothing where that takes an automaton: for look-ahead,
/// word boundaries and anchors inside. Repetitions stay as they are, but that none goes beyond `repeat_max`.
std::optional<ExprId> regex_expr(const RegexNode& regex, RegexScope scope, const ClassWriter& write_class,
                                 GrammarBuilder& builder, std::uint32_t repeat_max = kUnbounded);

/// The texts that match. Errors: InvalidRequest: too many states, or look-ahead within an endless repetition.
Result<Automaton> regex_automaton(const RegexNode& regex, RegexScope scope);

}  // namespace minerva::grammar
