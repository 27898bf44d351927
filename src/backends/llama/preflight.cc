#include "backends/llama/preflight.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <utility>
#include <vector>

#include "backends/llama/preflight_keys.h"
#include "backends/llama/preflight_tensors.h"
#include "formats/quote.h"
#include "text/tokenizer/gguf_vocabulary_check.h"

namespace minerva {
namespace {

Result<const Architecture*> check_architecture(const gguf::File& file) {
  MINERVA_ASSIGN(const std::string name, file.metadata().require_string("general.architecture", 128));
  const Architecture* const architecture = find_architecture(name);
  if (architecture == nullptr) {
    std::vector<std::string_view> known;
    for (const Architecture& each : architectures()) {
      if (each.use == ArchitectureUse::Generator) known.push_back(each.name);
    }
    return model_loading(
        fmt::format("'{}': llama.cpp does not know the architecture {}", file.name(), quoted(name)),
        fmt::format(
            "The architectures that it runs are: {}. A Hugging Face directory of the model may run on "
            "the native backend.",
            fmt::join(known, ", ")));
  }
  if (architecture->use != ArchitectureUse::Generator) {
    return model_loading(fmt::format("'{}': a model of the architecture {} {}", file.name(), quoted(name),
                                     use_text(architecture->use)),
                         "Use a model that generates text.");
  }
  return architecture;
}

}  // namespace

Result<Preflight> check_for_llama(const gguf::Model& model) {
  MINERVA_TRY(gguf::check_has_weights(model));
  MINERVA_ASSIGN(const Architecture* architecture, check_architecture(model.first()));
  MINERVA_ASSIGN(HyperParameters parameters, check_hyper_parameters(model.metadata(), architecture->name));
  MINERVA_TRY(check_gguf_vocabulary(model.first()));
  MINERVA_ASSIGN(const TensorCheck tensors, check_tensors(model, parameters));
  return Preflight{.architecture = architecture,
                   .needs_trial = !architecture->reviewed || !tensors.all_known,
                   .parameters = std::move(parameters)};
}

}  // namespace minerva
