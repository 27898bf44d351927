#include "runtime/preference.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/terminal.h"

namespace minerva {
namespace {

constexpr std::array<std::string_view, 3> kNames = {"auto", "llama", "native"};

Result<BackendPreference> checked(std::vector<std::string> names, std::string_view where, std::string by) {
  MINERVA_TRY(check_names(names, where));
  return BackendPreference{std::move(names), std::move(by)};
}

}  // namespace

std::vector<std::string> split_names(std::string_view list) {
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin <= list.size();) {
    const auto comma = std::min(list.find(',', begin), list.size());
    std::string_view name = list.substr(begin, comma - begin);
    name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
    name = name.substr(0, name.find_last_not_of(' ') + 1);
    names.emplace_back(name);
    begin = comma + 1;
  }
  return names;
}

Result<void> check_names(const std::vector<std::string>& names, std::string_view where) {
  for (const std::string& name : names) {
    if (std::ranges::find(kNames, name) != kNames.end()) continue;
    return invalid_request(fmt::format("{}: '{}' is no backend", where, printable(name)),
                           fmt::format("Use {}, or a list in order of preference such as native,llama.",
                                       fmt::join(kNames, ", ")));
  }
  return {};
}

Result<BackendPreference> choose_preference(const std::vector<std::string>& request,
                                            const std::filesystem::path& path,
                                            const PreferenceSources& sources) {
  if (!request.empty()) return checked(request, "the request (--backend)", "by the request (--backend)");
  if (!sources.engine.empty())
    return checked(sources.engine, "the engine's options", "by the engine's options");
  if (sources.environment)
    return checked(split_names(*sources.environment), "MINERVA_BACKEND", "by MINERVA_BACKEND");
  if (sources.config == nullptr) return BackendPreference{};
  const Config& config = *sources.config;
  const std::string file = printable(config.file.string());
  const ModelConfig* const model = config.models.empty() ? nullptr : config.find(path);
  if (model != nullptr && !model->backends.empty())
    return BackendPreference{model->backends,
                             fmt::format("for this model by the configuration file '{}'", file)};
  if (!config.backends.empty())
    return BackendPreference{config.backends, fmt::format("by the configuration file '{}'", file)};
  return BackendPreference{};
}

}  // namespace minerva
