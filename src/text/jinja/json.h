// JSON as values of a template.
#pragma once

#include <nlohmann/json.hpp>

#include "text/jinja/failure.h"
#include "text/jinja/value.h"

namespace minerva::jinja {

/// As json.loads makes it: objects keep the order of their keys. Fails for strings that are not UTF-8 and
/// more than 200 levels.
Outcome<Value> from_json(const nlohmann::ordered_json& json);

}  // namespace minerva::jinja
