#include "cli/model_location.h"

#include <fmt/format.h>

#include <cstdlib>
#include <system_error>

#include "cli/model_names.h"
#include "cli/suggest.h"
#include "formats/inspect.h"
#include "minerva/model_description.h"

namespace minerva::cli {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> environment(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// A file in the same folder whose name is nearly what was typed.
std::optional<std::string> neighbour(const fs::path& path) {
  constexpr int kEntriesMax = 1000;
  std::vector<std::string> names;
  std::error_code ignored;
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  for (fs::directory_iterator entry(folder, ignored), end; entry != end && names.size() < kEntriesMax;
       entry.increment(ignored)) {
    if (ignored) break;
    names.push_back(entry->path().filename().string());
  }
  const auto meant = suggest(path.filename().string(), names);
  if (!meant) return std::nullopt;
  return path.has_parent_path() ? (path.parent_path() / *meant).string() : *meant;
}

std::unexpected<Error> nothing_there(const std::string& typed, bool positional, std::string_view command) {
  const bool takes_prompt = command == "run" || command == "tokenize";
  if (positional && takes_prompt && typed == "-") {
    return invalid_request("the first argument is the model, and '-' is standard input",
                           fmt::format("For the default model: minerva {} -p -", command));
  }
  if (positional && takes_prompt && typed.find_first_of(" \n\t?") != std::string::npos) {
    return invalid_request(
        fmt::format("the first argument is the model, and '{}' is no file or directory", printable(typed)),
        fmt::format("For a prompt to the default model: minerva {} -p {}", command, shell_quoted(typed)));
  }
  // A link that leads nowhere, a folder that may not be looked into: the one who opens says it better.
  std::error_code error;
  const fs::file_status status = fs::status(typed, error);
  const bool is_link = fs::is_symlink(fs::symlink_status(typed, error));
  if (is_link || status.type() == fs::file_type::none) {
    if (const auto described = describe(typed); !described) return std::unexpected(described.error());
  }
  if (const auto meant = neighbour(typed)) {
    return invalid_request(fmt::format("there is no file or directory '{}'", printable(typed)),
                           fmt::format("Did you mean {}?", shell_quoted(*meant)));
  }
  return invalid_request(fmt::format("there is no file or directory '{}'", printable(typed)),
                         advice_on_name(typed, command, hub_caches()));
}

// A directory that holds one GGUF model is that file, whoever runs it. What it else may hold, and what is
// wrong with it, `describe` tells.
fs::path file_in(fs::path path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return path;
  const auto inspection = inspect(path);
  if (!inspection || inspection->gguf_files.size() != 1) return path;
  return inspection->gguf_files.front();
}

}  // namespace

DefaultModelSearch default_model_search() {
  DefaultModelSearch search;
  search.from_environment = environment("MINERVA_MODEL");
  if (const auto home = environment("MINERVA_HOME")) search.folders.push_back(fs::path(*home) / "models");
  if (const auto data = environment("XDG_DATA_HOME")) {
    search.folders.push_back(fs::path(*data) / "minerva/models");
  } else if (const auto home = environment("HOME")) {
    search.folders.push_back(fs::path(*home) / ".local/share/minerva/models");
  }
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
  const fs::path build = program.parent_path().parent_path().parent_path();
  if (build.filename() == "build")  // build/PRESET/bin/minerva in a source tree
    search.folders.push_back(build.parent_path() / ".cache/models");
  return search;
}

Result<fs::path> find_default_model(const DefaultModelSearch& search) {
  if (search.from_environment) {
    if (is_there(*search.from_environment)) return fs::path(*search.from_environment);
    return invalid_request(
        fmt::format("MINERVA_MODEL is '{}', and there is no such file or directory",
                    printable(*search.from_environment)),
        "Set MINERVA_MODEL to the path of a model, or give the model as the first argument.");
  }
  std::string places;
  for (const fs::path& folder : search.folders) {
    fs::path model = folder / kDefaultModelFile;
    if (is_there(model)) return model;
    places += fmt::format("{}{}", places.empty() ? "" : ", ", folder.string());
  }
  return invalid_request(fmt::format("no model was given, and the default model {} is not in {}",
                                     kDefaultModelFile, places.empty() ? "any known folder" : places),
                         "Give a model as the first argument, set MINERVA_MODEL to the path of one, or put "
                         "the default model into one of "
                         "these folders (in the source tree, `make run` fetches it).");
}

Result<fs::path> locate_model(const ModelFlags& flags, std::string_view command,
                              const DefaultModelSearch& search) {
  if (flags.flag && flags.positional) {
    return invalid_request(fmt::format("the model is given twice: '{}' and --model '{}'",
                                       printable(*flags.positional), printable(*flags.flag)),
                           "Give it once.");
  }
  if (!flags.flag && !flags.positional) {
    MINERVA_ASSIGN(auto path, find_default_model(search));
    return file_in(std::move(path));
  }
  const std::string& typed = flags.flag ? *flags.flag : *flags.positional;
  if (typed.empty()) {
    return invalid_request("the model's path is empty",
                           "Give the path of a model, or leave it out for the default model.");
  }
  if (!is_there(typed)) return nothing_there(typed, flags.positional.has_value(), command);
  return file_in(typed);
}

}  // namespace minerva::cli
