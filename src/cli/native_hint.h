// Where the native engine would run what llama.cpp runs.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "minerva/model_description.h"

namespace minerva::cli {

/// What to add to "--backend native" when `backend` runs a GGUF model that the native engine runs too, which
/// is often faster on a CPU; nothing otherwise.
std::optional<std::string> native_hint(const ModelDescription& description, std::string_view backend);

}  // namespace minerva::cli
