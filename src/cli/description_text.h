// A model's description as a table for people and as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "minerva/model_description.h"

namespace minerva::cli {

/// Rows of (label, value); facts that the files do not state are left out. Values are safe to print.
std::vector<std::pair<std::string, std::string>> description_rows(const ModelDescription& description);

/// Every field; what the files do not state is null, 0 or empty.
nlohmann::ordered_json description_json(const ModelDescription& description);

}  // namespace minerva::cli
