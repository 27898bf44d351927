#include "runtime/config_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/quantity.h"
#include "base/terminal.h"
#include "formats/hf_config/python_json.h"
#include "runtime/preference.h"

namespace minerva {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using std::chrono::milliseconds;

constexpr std::uint64_t kFileBytesMax = std::uint64_t{1} << 20U;
constexpr std::size_t kDepthMax = 16;

// One object of the file, and where it stands: "models.\"a.gguf\"".
class Section {
 public:
  Section(const Json& object, const fs::path& file, std::string where)
      : object_(object), file_(file), where_(std::move(where)) {}

  // A key of this section as messages name it, beside the file.
  std::string name(std::string_view key) const {
    const std::string inner = where_.empty() ? std::string(key) : fmt::format("{}.{}", where_, key);
    return fmt::format("'{}', key {}", printable(file_.string()), printable(inner));
  }
  std::unexpected<Error> wrong(std::string_view key, std::string_view expected) const {
    return invalid_request(fmt::format("{}: {} is expected", name(key), expected),
                           "Correct the configuration file; docs/routing.md describes its keys.");
  }

  Result<void> check_keys(std::initializer_list<std::string_view> known) const {
    for (const auto& [key, value] : object_.items()) {
      if (std::ranges::find(known, key) != known.end()) continue;
      return invalid_request(fmt::format("{} is not known", name(key)),
                             fmt::format("The keys here are: {}.", fmt::join(known, ", ")));
    }
    return {};
  }

  const Json* get(const char* key) const {
    const auto found = object_.find(key);
    return found == object_.end() ? nullptr : &*found;
  }

  // "native,llama" or ["native", "llama"].
  Result<std::vector<std::string>> backends() const {
    constexpr const char* kKey = "backend";
    const Json* const value = get(kKey);
    if (value == nullptr) return {};
    std::vector<std::string> names;
    if (value->is_string()) {
      names = split_names(value->get<std::string>());
    } else if (value->is_array()) {
      for (const Json& item : *value) {
        if (!item.is_string()) return wrong(kKey, "a list of names");
        names.push_back(item.get<std::string>());
      }
    } else {
      return wrong(kKey, "a name or a list of names");
    }
    MINERVA_TRY(check_names(names, name(kKey)));
    return names;
  }

  Result<std::optional<std::uint64_t>> bytes(const char* key) const {
    const Json* const value = get(key);
    if (value == nullptr) return std::nullopt;
    if (value->is_number_unsigned()) return value->get<std::uint64_t>();
    if (!value->is_string()) return wrong(key, "a number of bytes or a text such as \"2G\"");
    MINERVA_ASSIGN(const std::uint64_t bytes, parse_bytes(name(key), value->get<std::string>()));
    return bytes;
  }

  Result<std::optional<milliseconds>> duration(const char* key) const {
    const Json* const value = get(key);
    if (value == nullptr) return std::nullopt;
    std::string text;
    if (value->is_string()) {
      text = value->get<std::string>();
    } else if (value->is_number()) {
      text = value->is_number_float() ? fmt::format("{:.3f}", value->get<double>()) : value->dump();
    } else {
      return wrong(key, "a number of seconds or a text such as \"5m\"");
    }
    MINERVA_ASSIGN(const milliseconds time, parse_duration(name(key), text));
    return time;
  }

 private:
  const Json& object_;
  const fs::path& file_;
  std::string where_;
};

// Links followed as far as the path exists; relative to the configuration file's folder.
fs::path model_path(const std::string& text, const fs::path& file) {
  fs::path path = text;
  if (text.starts_with("~/")) {
    if (const auto home = process_environment("HOME")) path = fs::path(*home) / text.substr(2);
  }
  std::error_code failed;
  const fs::path absolute = fs::absolute(file.parent_path() / path, failed);
  fs::path canonical = fs::weakly_canonical(absolute, failed);
  return failed ? absolute : canonical;
}

Result<ModelConfig> parse_model(const std::string& key, const Json& value, const fs::path& file) {
  const Section section(value, file, fmt::format("models.\"{}\"", key));
  MINERVA_TRY(section.check_keys({"backend", "keep_alive"}));
  ModelConfig model{.path = model_path(key, file)};
  MINERVA_ASSIGN(model.backends, section.backends());
  MINERVA_ASSIGN(model.keep_alive, section.duration("keep_alive"));
  return model;
}

Result<Config> parse_object(const Json& root, const fs::path& file) {
  const Section top(root, file, "");
  MINERVA_TRY(top.check_keys({"backend", "memory_limit", "keep_alive", "models"}));
  Config config{.file = file};
  MINERVA_ASSIGN(config.backends, top.backends());
  MINERVA_ASSIGN(config.memory_limit_bytes, top.bytes("memory_limit"));
  MINERVA_ASSIGN(config.keep_alive, top.duration("keep_alive"));
  const Json* const models = top.get("models");
  if (models == nullptr) return config;
  if (!models->is_object()) return top.wrong("models", "an object with paths of models as keys");
  for (const auto& [key, value] : models->items()) {
    if (!value.is_object()) return top.wrong(fmt::format("models.\"{}\"", key), "an object");
    MINERVA_ASSIGN(ModelConfig model, parse_model(key, value, file));
    config.models.push_back(std::move(model));
  }
  return config;
}

}  // namespace

std::optional<std::string> process_environment(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

const ModelConfig* Config::find(const fs::path& path) const {
  std::error_code failed;
  const fs::path canonical = fs::weakly_canonical(path, failed);
  const auto found = std::ranges::find(models, failed ? path : canonical, &ModelConfig::path);
  return found == models.end() ? nullptr : &*found;
}

fs::path config_path(const Environment& environment) {
  if (const auto given = environment("MINERVA_CONFIG")) return *given;
  if (const auto config = environment("XDG_CONFIG_HOME")) return fs::path(*config) / "minerva/config.json";
  if (const auto home = environment("HOME")) return fs::path(*home) / ".config/minerva/config.json";
  return {};
}

Result<Config> read_config(const Environment& environment) {
  const fs::path path = config_path(environment);
  const bool asked_for = environment("MINERVA_CONFIG").has_value();
  if (path.empty() || (!asked_for && !path_exists(path))) return Config{};
  auto text = read_file(path, kFileBytesMax);
  if (!text) {
    return invalid_request(
        fmt::format("the configuration file '{}' can't be read: {}", printable(path.string()),
                    text.error().message),
        asked_for ? "Set MINERVA_CONFIG to a file that can be read, or unset it." : text.error().remedy);
  }
  return parse_config(*text, path);
}

Result<Config> parse_config(std::string_view text, const fs::path& file) {
  const std::string name = printable(file.string());
  auto json = parse_python_json(text, name, kDepthMax);
  if (!json) {
    return invalid_request(fmt::format("the configuration file is no JSON: {}", json.error().message),
                           "Correct it; docs/routing.md describes its keys.");
  }
  if (!json->is_object()) {
    return invalid_request(fmt::format("the configuration file '{}' holds no object", name),
                           "Write {\"backend\": \"auto\"}, for example; docs/routing.md describes the keys.");
  }
  return parse_object(*json, file);
}

}  // namespace minerva
