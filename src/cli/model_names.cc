#include "cli/model_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <system_error>

#include "cli/suggest.h"

namespace minerva::cli {
namespace {

namespace fs = std::filesystem;

// "org/name", and after a colon the quantisation that is meant.
struct HubName {
  std::string id;
  std::string quantisation;
  std::string folder() const { return id.substr(id.find('/') + 1); }
};

bool is_name(std::string_view text) {
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  };
  return !text.empty() && text.front() != '.' && text.front() != '-' && std::ranges::all_of(text, allowed);
}

std::string_view without_prefix(std::string_view text, std::string_view prefix) {
  return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

// "org/name", "org/name:Q4_K_M", "hf.co/org/name", "https://huggingface.co/org/name/tree/main".
std::optional<HubName> hub_name(std::string_view typed) {
  std::string_view rest = typed;
  for (const std::string_view scheme : {"https://", "http://"}) rest = without_prefix(rest, scheme);
  const bool has_scheme = rest.size() < typed.size();
  for (const std::string_view host : {"www.", "huggingface.co/", "hf.co/", "hf://"})
    rest = without_prefix(rest, host);
  const bool is_address = rest.size() < typed.size();
  if (has_scheme && !typed.contains("huggingface.co/") && !typed.contains("hf.co/")) return std::nullopt;
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view owner = rest.substr(0, slash);
  std::string_view name = rest.substr(slash + 1);
  const auto end = std::min(name.find('/'), name.size());
  std::error_code ignored;
  // A path of several folders, or into a folder that is there.
  if (!is_address && (end < name.size() || fs::is_directory(owner, ignored))) return std::nullopt;
  name = name.substr(0, end);
  const auto colon = std::min(name.find(':'), name.size());
  const std::string_view quantisation = name.substr(std::min(colon + 1, name.size()));
  name = name.substr(0, colon);
  if (!is_name(owner) || !is_name(name) || name.ends_with(".gguf")) return std::nullopt;
  if (!quantisation.empty() && !is_name(quantisation)) return std::nullopt;
  return HubName{.id = fmt::format("{}/{}", owner, name), .quantisation = std::string(quantisation)};
}

// "llama3.2", "qwen3:8b": no folder, no ending of a file.
bool is_library_name(std::string_view typed) {
  const auto colon = std::min(typed.find(':'), typed.size());
  const std::string_view tag = typed.substr(std::min(colon + 1, typed.size()));
  return is_name(typed.substr(0, colon)) && (tag.empty() || is_name(tag)) && !typed.ends_with(".gguf") &&
         !typed.ends_with(".safetensors") && !typed.ends_with(".bin");
}

// The snapshot of a repository in one of the caches: models--org--name/snapshots/REVISION.
std::optional<fs::path> cached(const HubName& name, const std::vector<fs::path>& caches) {
  std::string folder = "models--" + name.id;
  folder.replace(folder.find('/'), 1, "--");
  for (const fs::path& cache : caches) {
    const fs::path model = cache / folder;
    std::string revision;
    std::ifstream(model / "refs" / "main") >> revision;
    std::error_code missing;
    if (!revision.empty() && fs::is_directory(model / "snapshots" / revision, missing))
      return model / "snapshots" / revision;
    fs::directory_iterator entry(model / "snapshots", missing);
    if (!missing && entry != fs::directory_iterator()) return entry->path();
  }
  return std::nullopt;
}

std::string advice_on_hub(const HubName& name, std::string_view command,
                          const std::vector<fs::path>& caches) {
  if (const auto there = cached(name, caches)) {
    return fmt::format(
        "It is a name on the Hugging Face hub, and its files lie on this machine: minerva {} {}", command,
        shell_quoted(there->string()));
  }
  const bool is_gguf = name.id.ends_with("GGUF") || name.id.ends_with("gguf") || !name.quantisation.empty();
  const std::string wanted = name.quantisation.empty() ? "Q4_K_M" : name.quantisation;
  const std::string include = is_gguf ? fmt::format("--include \"*{}*\" ", wanted) : "";
  return fmt::format(
      "That is a name on the Hugging Face hub, and Minerva downloads nothing. Fetch the model, then give its "
      "folder: hf download {} {}--local-dir {} && minerva {} {}",
      name.id, include, name.folder(), command, name.folder());
}

}  // namespace

std::vector<fs::path> hub_caches() {
  std::vector<fs::path> caches;
  const auto add = [&](const char* variable, const char* below) {
    const char* const value = std::getenv(variable);
    if (value != nullptr && *value != '\0') caches.push_back(fs::path(value) / below);
  };
  add("HF_HUB_CACHE", "");
  add("HF_HOME", "hub");
  add("HOME", ".cache/huggingface/hub");
  return caches;
}

std::string advice_on_name(std::string_view typed, std::string_view command,
                           const std::vector<fs::path>& caches) {
  if (typed.starts_with("http") && typed.ends_with(".gguf")) {
    const std::string_view file = typed.substr(typed.rfind('/') + 1);
    return fmt::format("Minerva downloads nothing: curl -L -O {} && minerva {} {}", shell_quoted(typed),
                       command, shell_quoted(file));
  }
  if (const auto name = hub_name(typed)) return advice_on_hub(*name, command, caches);
  if (is_library_name(typed)) {
    const bool takes_prompt = command == "run" || command == "tokenize";
    return fmt::format(
        "Give the path of a GGUF file or a Hugging Face directory{1}. If {0} is a model of Ollama's, `ollama "
        "show {0} --modelfile` prints after FROM the path of its GGUF file; others are on the Hugging Face "
        "hub: hf download ORG/NAME --local-dir NAME",
        typed, takes_prompt ? " (or, with -p, a text for the default model)" : "");
  }
  return "Check the path: it must be a GGUF file or a Hugging Face directory.";
}

}  // namespace minerva::cli
