// Which variable a name means, found once for a template. The rules are jinja2's (idtracking.py,
// compiler.py): a scope is a For, With, Macro …; a name that a scope sets anywhere is the scope's own from
// its beginning, with the outer variable's value or none; what no scope sets is looked up among the variables
// of the rendering.
#pragma once

#include "text/jinja/ast.h"

namespace minerva::jinja {

/// Fills in the slots, frames and functions of a parsed program. Throws for what only shows here: an unknown
/// filter, `break` outside of a loop, an assignment to `loop`.
void resolve_scopes(Program& program);

}  // namespace minerva::jinja
