#include "runtime/router.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

#include "backends/llama/llama_backend.h"
#include "backends/native/native_backend.h"

namespace minerva {
namespace {

// The backend that was made for a format.
std::string_view home_backend(Format format) noexcept {
  return format == Format::Gguf ? "llama" : "native";
}

std::string_view format_in_words(Format format) noexcept {
  switch (format) {
    case Format::Gguf:
      return "a GGUF file";
    case Format::HfSafetensors:
      return "a Hugging Face directory (safetensors)";
    case Format::HfTorchBin:
      return "a Hugging Face directory (.bin)";
    case Format::HfMlx:
      return "a Hugging Face directory (MLX)";
    default:
      return "a model";
  }
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

std::shared_ptr<InferenceBackend> find_backend(const Backends& backends, std::string_view name) {
  const auto found = std::ranges::find(backends, name, [](const auto& backend) { return backend->name(); });
  return found == backends.end() ? nullptr : *found;
}

std::vector<std::string> names_of(const Backends& backends) {
  std::vector<std::string> names;
  names.reserve(backends.size());
  for (const auto& backend : backends) names.emplace_back(backend->name());
  return names;
}

// The names to try: the preference, or what the format asks for.
std::vector<std::string> wanted_names(const ModelDescription& description,
                                      const std::vector<std::string>& preference) {
  std::vector<std::string> wanted;
  for (const std::string& name : preference.empty() ? std::vector<std::string>{"auto"} : preference) {
    const std::string resolved = name == "auto" ? std::string(home_backend(description.format)) : name;
    if (!contains(wanted, resolved)) wanted.push_back(resolved);
  }
  return wanted;
}

std::string why(const ModelDescription& description, const std::vector<std::string>& preference,
                std::string_view name) {
  if (contains(preference, name)) return fmt::format("the {} backend was asked for", name);
  return fmt::format("{} runs on the {} backend by default", format_in_words(description.format), name);
}

std::unexpected<Error> nothing_runs_it(const ModelDescription& description,
                                       const std::vector<Fallback>& reasons) {
  std::vector<std::string> links;
  links.reserve(reasons.size());
  for (const Fallback& link : reasons) links.push_back(fmt::format("{}: {}", link.backend, link.reason));
  // The backend of this format could not: it is the model, not the request.
  const bool is_the_model =
      std::ranges::find(reasons, home_backend(description.format), &Fallback::backend) != reasons.end();
  const bool is_gguf = description.format == Format::Gguf;
  return fail(is_the_model ? ErrorCode::ModelLoading : ErrorCode::InvalidRequest,
              fmt::format("no backend can run '{}', {}: {}", description.path.string(),
                          format_in_words(description.format), fmt::join(links, "; ")),
              !is_the_model ? "Leave out --backend, or use another model."
              : is_gguf     ? "Use another model, or the Hugging Face directory of this one."
                            : "Use another model, or a GGUF of this one if llama.cpp runs it.");
}

}  // namespace

Backends make_backends() {
  return {make_llama_backend(), make_native_backend()};
}

Result<Route> plan_route(const ModelDescription& description, const std::vector<std::string>& preference,
                         const Backends& backends) {
  Route route;
  for (const std::string& name : wanted_names(description, preference)) {
    const auto backend = find_backend(backends, name);
    if (backend == nullptr) {
      if (name != home_backend(description.format)) {
        return invalid_request(
            fmt::format("'{}' is no backend", name),
            fmt::format("The backends are: auto, {}.", fmt::join(names_of(backends), ", ")));
      }
      route.passed_by.push_back({name, "this version of Minerva was built without it"});
      continue;
    }
    const SupportAnswer answer = backend->supports(description);
    if (answer.support == Support::Yes) {
      route.steps.push_back({backend, why(description, preference, name)});
    } else {
      route.passed_by.push_back({name, answer.reason});
    }
  }
  if (route.steps.empty()) return nothing_runs_it(description, route.passed_by);
  return route;
}

}  // namespace minerva
