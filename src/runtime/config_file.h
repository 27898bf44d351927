// The user's configuration file: which backends, how much memory, how long models stay.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace minerva {

/// A variable of the environment; nothing when it is unset or empty. Tests give their own.
using Environment = std::function<std::optional<std::string>(const char* name)>;
std::optional<std::string> process_environment(const char* name);

/// What the file says of one model.
struct ModelConfig {
  std::filesystem::path path;  ///< absolute, links followed as far as the path exists
  std::vector<std::string> backends;
  std::optional<std::chrono::milliseconds> keep_alive;
};

/// docs/routing.md describes the keys.
struct Config {
  std::filesystem::path file;  ///< empty: there is none
  std::vector<std::string> backends;
  std::optional<std::uint64_t> memory_limit_bytes;
  std::optional<std::chrono::milliseconds> keep_alive;
  std::vector<ModelConfig> models;

  /// The part about the model at `path`, or null.
  const ModelConfig* find(const std::filesystem::path& path) const;
};

/// Where the file is looked for, in order of preference: $MINERVA_CONFIG alone when that is set, else
/// $XDG_CONFIG_HOME/minerva/config.json or ~/.config/minerva/config.json. Empty: nowhere.
std::filesystem::path config_path(const Environment& environment);

/// The configuration file; an empty Config when there is none. Errors: InvalidRequest naming file and key
/// when it can't be read, is no JSON, has a key that is not known or a value of the wrong type, and when
/// MINERVA_CONFIG names a file that is not there.
Result<Config> read_config(const Environment& environment = process_environment);

/// `text` as the file `file`. Errors: those of read_config.
Result<Config> parse_config(std::string_view text, const std::filesystem::path& file);

}  // namespace minerva
