// The special variable `self`, through which a template calls its blocks, and `super`.
#pragma once

#include "text/jinja/interpreter.h"

namespace minerva::jinja {

/// jinja2's TemplateReference. Its blocks see `context`: a dict, or None.
Value make_self(const Interpreter& interpreter, Value context);

/// What `super` is where no template is extended: Undefined.
Value no_parent_block(const BodyNode& block);

}  // namespace minerva::jinja
