// A Hugging Face directory to a ModelDescription.
#pragma once

#include <filesystem>

#include "minerva/model_description.h"

namespace minerva::hf {

/// Describes `directory`, which holds weights of `format` (one of the Hf formats); fills everything but
/// `path`. Errors: ModelLoading, naming the file and field.
Result<ModelDescription> describe_directory(const std::filesystem::path& directory, Format format);

}  // namespace minerva::hf
