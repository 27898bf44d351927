// Which backends are preferred for a model, and who says so.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "minerva/engine.h"
#include "runtime/config_file.h"

namespace minerva {

struct BackendPreference {
  /// In order; "auto" is what the format asks for. Empty: nobody said anything, the format decides.
  std::vector<std::string> names;
  std::string by;  ///< "by MINERVA_BACKEND", for sentences; empty where `names` is
};

/// Who may state a preference, beside a request.
struct PreferenceSources {
  std::vector<std::string> engine;         ///< EngineOptions::backends
  std::optional<std::string> environment;  ///< MINERVA_BACKEND
  const Config* config = nullptr;
};

/// The preference that counts for the model at `path`: the request's, else the engine's, MINERVA_BACKEND, the
/// configuration file's for this model, the configuration file's. Errors: InvalidRequest for a name that is
/// no backend, saying where it stands.
Result<BackendPreference> choose_preference(const std::vector<std::string>& request,
                                            const std::filesystem::path& path,
                                            const PreferenceSources& sources);

/// The names in "native, llama".
std::vector<std::string> split_names(std::string_view list);
/// Errors: InvalidRequest, naming `where`, for a name that is neither "auto" nor a backend that Minerva
/// can be built with.
Result<void> check_names(const std::vector<std::string>& names, std::string_view where);

}  // namespace minerva
