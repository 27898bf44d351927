// GGUF metadata to a ModelDescription.
#pragma once

#include "formats/gguf/split.h"
#include "minerva/model_description.h"

namespace minerva::gguf {

/// Describes an opened model; fills everything but `path`. Errors: InvalidRequest for a file that is no
/// language model (adapter, projector, importance matrix); ModelLoading for a key that is missing, of the
/// wrong type or out of bounds.
Result<ModelDescription> describe_model(const Model& model);

}  // namespace minerva::gguf
