#include "runtime/router.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <utility>

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

std::shared_ptr<InferenceBackend> find_backend(const Backends& backends, std::string_view name) {
  const auto found = std::ranges::find(backends, name, [](const auto& backend) { return backend->name(); });
  return found == backends.end() ? nullptr : *found;
}

// A backend to be tried, and why it is.
struct Wanted {
  std::string name;
  std::string why;
};

class Chain {
 public:
  explicit Chain(const ModelDescription& description) : description_(description) {}

  void add_asked_for(const std::string& name, std::string_view by) {
    const std::string after = wanted_.empty() ? "" : fmt::format(", after {}", wanted_.back().name);
    add(name, fmt::format("the {} backend was asked for {}{}", name, by, after));
  }
  // The format's own backend, then the others.
  void add_auto(const Backends& backends) {
    const std::string home(home_backend(description_.format));
    const std::string_view format = format_in_words(description_.format);
    add(home, fmt::format("{} runs on the {} backend by default", format, home));
    for (const auto& backend : backends) {
      add(std::string(backend->name()), fmt::format("the {} backend takes {} that the {} backend can't run",
                                                    backend->name(), format, home));
    }
  }
  std::vector<Wanted> take() { return std::move(wanted_); }

 private:
  void add(std::string name, std::string why) {
    if (std::ranges::find(wanted_, name, &Wanted::name) == wanted_.end())
      wanted_.push_back({std::move(name), std::move(why)});
  }
  const ModelDescription& description_;
  std::vector<Wanted> wanted_;
};

std::vector<Wanted> wanted_backends(const ModelDescription& description, const BackendPreference& preference,
                                    const Backends& backends) {
  Chain chain(description);
  if (preference.names.empty()) chain.add_auto(backends);
  for (const std::string& name : preference.names) {
    if (name == "auto") {
      chain.add_auto(backends);
    } else {
      chain.add_asked_for(name, preference.by);
    }
  }
  return chain.take();
}

// Fills `link` in: whether the backend can, and why not.
struct Judge {
  const ModelDescription& description;
  const RouteNeeds& needs;
  const Converter& converter;
  bool lacks_feature = false;  // a backend could run the model, but not as the request wants it

  RouteLink judge(const Wanted& wanted, std::shared_ptr<InferenceBackend> backend) {
    RouteLink link{.name = wanted.name, .backend = nullptr, .reason = {}, .converts = false};
    if (backend == nullptr) {
      link.reason = "this version of Minerva was built without it";
      return link;
    }
    const SupportAnswer answer = backend->supports(description);
    if (answer.support == Support::No) {
      link.reason = answer.reason;
      return link;
    }
    if (needs.numeric_mode != NumericMode::Default && !backend->capabilities().numeric_modes) {
      link.reason = "it has one numeric mode only";
      lacks_feature = true;
      return link;
    }
    link.converts = answer.support == Support::AfterConversion;
    if (link.converts) {
      if (const auto can = converter.can_convert(description); !can) {
        link.reason =
            fmt::format("{}, and this one can't be converted: {}", answer.reason, can.error().message);
        return link;
      }
    }
    link.reason = wanted.why + (link.converts ? ", converted to GGUF" : "");
    link.backend = std::move(backend);
    return link;
  }
};

std::unexpected<Error> nothing_runs_it(const ModelDescription& description, const Route& route,
                                       bool lacks_feature) {
  std::vector<std::string> reasons;
  reasons.reserve(route.links.size());
  for (const RouteLink& link : route.links) reasons.push_back(fmt::format("{}: {}", link.name, link.reason));
  // The backend of this format could not: it is the model, not the request.
  const std::string_view home = home_backend(description.format);
  const bool is_the_model =
      !lacks_feature && std::ranges::find(route.links, home, &RouteLink::name) != route.links.end();
  const bool is_gguf = description.format == Format::Gguf;
  return fail(is_the_model ? ErrorCode::ModelLoading : ErrorCode::InvalidRequest,
              fmt::format("no backend can run '{}', {}: {}", description.path.string(),
                          format_in_words(description.format), fmt::join(reasons, "; ")),
              lacks_feature   ? "Leave out --numeric, or let the native backend run it (--backend native)."
              : !is_the_model ? "Leave out --backend, or use another model."
              : is_gguf       ? "Use another model, or the Hugging Face directory of this one."
                              : "Use another model, or a GGUF of this one if llama.cpp runs it.");
}

}  // namespace

Backends make_backends() {
  return {make_llama_backend(), make_native_backend()};
}

const RouteLink& Route::choice() const {
  const auto found =
      std::ranges::find_if(links, [](const RouteLink& link) { return link.backend != nullptr; });
  return found == links.end() ? links.front() : *found;
}

std::vector<Fallback> Route::passed_by() const {
  std::vector<Fallback> out;
  for (const RouteLink& link : links) {
    if (link.backend != nullptr) break;
    out.push_back({link.name, link.reason});
  }
  return out;
}

Result<Route> plan_route(const ModelDescription& description, const RouteNeeds& needs,
                         const BackendPreference& preference, const Backends& backends,
                         const Converter& converter) {
  Route route;
  Judge judge{description, needs, converter};
  for (const Wanted& wanted : wanted_backends(description, preference, backends))
    route.links.push_back(judge.judge(wanted, find_backend(backends, wanted.name)));
  if (route.links.empty()) return internal_error("a route without links");
  if (route.choice().backend == nullptr) return nothing_runs_it(description, route, judge.lacks_feature);
  return route;
}

Error chain_error(const ModelDescription& description, const std::vector<Fallback>& links,
                  const Error& primary) {
  if (links.size() < 2) return primary;
  std::vector<std::string> reasons;
  reasons.reserve(links.size());
  for (const Fallback& link : links) reasons.push_back(fmt::format("{}: {}", link.backend, link.reason));
  return {primary.code,
          fmt::format("no backend could run '{}': {}", description.path.string(), fmt::join(reasons, "; ")),
          primary.remedy};
}

}  // namespace minerva
