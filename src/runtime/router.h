// Which backends may run a model, in which order, and why.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "minerva/engine.h"

namespace minerva {

using Backends = std::vector<std::shared_ptr<InferenceBackend>>;

/// Every backend of this build.
Backends make_backends();

struct Route {
  struct Step {
    std::shared_ptr<InferenceBackend> backend;
    std::string reason;  ///< why it comes here, as a sentence
  };
  std::vector<Step> steps;          ///< to be tried in order; at least one
  std::vector<Fallback> passed_by;  ///< preferred backends that can't run the model, with the reason
};

/// `preference`: backend names in order; empty or "auto" leaves the choice to the format. Errors:
/// InvalidRequest for a name that is no backend and when no backend can run the model, naming each reason.
Result<Route> plan_route(const ModelDescription& description, const std::vector<std::string>& preference,
                         const Backends& backends);

}  // namespace minerva
