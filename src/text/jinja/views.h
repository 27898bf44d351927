// dict.keys(), dict.values() and dict.items().
#pragma once

#include <cstdint>

#include "text/jinja/object.h"

namespace minerva::jinja {

enum class ViewOf : std::uint8_t { Keys, Values, Items };
Value make_view(const Value& dict, ViewOf what);
/// The items of a dict, last first, as reversed() gives them.
Value reversed_dict(const Value& dict, ViewOf what);
/// reversed(view), or Missing where `value` is no view.
Value reversed_view(const Value& value);

}  // namespace minerva::jinja
