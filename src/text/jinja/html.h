// What markupsafe does.
#pragma once

#include <string>
#include <string_view>

#include "text/jinja/value.h"

namespace minerva::jinja {

/// With & < > ' " as entities.
std::string escape_html(std::string_view text);
/// markupsafe.escape(): Markup, which stays what it is when it is that already.
Value escaped(const Value& value);
/// With entities as characters, as Python's html.unescape().
std::string unescape_html(std::string_view text);

}  // namespace minerva::jinja
