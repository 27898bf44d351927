// Python's bytes, as str.encode() makes them.
#pragma once

#include <string>

#include "text/jinja/object.h"

namespace minerva::jinja {

Value make_bytes(std::string bytes);
/// str.encode(encoding, errors).
Value encode_text(Interpreter& interpreter, const Value& self, const Arguments& arguments);

}  // namespace minerva::jinja
