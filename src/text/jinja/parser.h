// Tokens to a tree.
#pragma once

#include <memory>
#include <string_view>

#include "text/jinja/ast.h"
#include "text/jinja/template.h"

namespace minerva::jinja {

/// The tree of a source, its variables not yet resolved. Throws what is wrong with it.
std::unique_ptr<Program> parse_program(std::string_view source, const Limits& limits);

}  // namespace minerva::jinja
