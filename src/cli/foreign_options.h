// What the options and commands of other tools are called here: people's hands know them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace minerva::cli {

/// For an option that Minerva has not, and llama.cpp, Ollama, mlx-lm or a similar tool has, by any of its
/// names ("-ngl", "--gpu-layers"): whose it is, and what to write here.
std::optional<Error> foreign_option(std::string_view name);

/// The same for a command, such as Ollama's `pull`.
std::optional<Error> foreign_command(std::string_view name);

}  // namespace minerva::cli
