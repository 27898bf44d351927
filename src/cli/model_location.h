// Which model a command line means.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/flags.h"

namespace minerva::cli {

inline constexpr const char* kDefaultModelFile = "SmolLM2-135M-Instruct.Q4_1.gguf";

/// Where the default model is looked for.
struct DefaultModelSearch {
  std::optional<std::string> from_environment;  ///< MINERVA_MODEL
  std::vector<std::filesystem::path> folders;   ///< in order
};

/// MINERVA_MODEL, $MINERVA_HOME/models, $XDG_DATA_HOME/minerva/models or ~/.local/share/minerva/models, and
/// the models of the source tree this program was built in.
DefaultModelSearch default_model_search();

/// The default model. Errors: InvalidRequest that lists where it was looked for.
Result<std::filesystem::path> find_default_model(const DefaultModelSearch& search);

/// The model a command is asked for: the positional argument or -m, else the default model; of a directory
/// that holds one GGUF model, that file. `command` is its name, for examples in errors. Errors:
/// InvalidRequest when it is given twice or nothing is there.
Result<std::filesystem::path> locate_model(const ModelFlags& flags, std::string_view command,
                                           const DefaultModelSearch& search = default_model_search());

}  // namespace minerva::cli
