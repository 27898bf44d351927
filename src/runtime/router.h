// Which backends may run a model, in which order, and why.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "minerva/engine.h"
#include "runtime/converter.h"
#include "runtime/preference.h"

namespace minerva {

using Backends = std::vector<std::shared_ptr<InferenceBackend>>;

/// Every backend of this build.
Backends make_backends();

/// One backend of a chain.
struct RouteLink {
  std::string name;
  std::shared_ptr<InferenceBackend> backend;  ///< null: it can't, and `reason` says why
  std::string reason;                         ///< why it comes here, or why it can't, as a sentence
  bool converts = false;                      ///< the directory is made a GGUF first
};

/// What is to be tried, in order. At least one link has a backend.
struct Route {
  std::vector<RouteLink> links;
  /// The first link with a backend.
  const RouteLink& choice() const;
  /// The links before it: preferred, but can't.
  std::vector<Fallback> passed_by() const;
};

/// What a backend must be able to do.
struct RouteNeeds {
  NumericMode numeric_mode = NumericMode::Default;
};

/// Decides from the description alone. Errors: InvalidRequest when no backend can do what the request needs,
/// ModelLoading when none can run the model; each with every link's reason.
Result<Route> plan_route(const ModelDescription& description, const RouteNeeds& needs,
                         const BackendPreference& preference, const Backends& backends,
                         const Converter& converter);

/// Every link in one error; `primary`'s code and remedy count.
Error chain_error(const ModelDescription& description, const std::vector<Fallback>& links,
                  const Error& primary);

}  // namespace minerva
