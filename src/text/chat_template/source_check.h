// What is checked on a template's tokens before llama.cpp parses them.
#pragma once

#include "jinja/lexer.h"
#include "jinja/minerva_jinja_guard.h"

namespace minerva {

/// Bounds the depth of the syntax tree that `tokens` will become: brackets and blocks open at once
/// (guard.max.nesting), and operations that hang on each other (guard.max.chain), since the parser recurses
/// on the former and the tree's destructor on both. Also refuses names and numbers that the parser
/// mishandles. Throws limit_exceeded or std::runtime_error with guard.position set.
void check_tokens(minerva_jinja::guard& guard, const jinja::lexer_result& tokens);

}  // namespace minerva
