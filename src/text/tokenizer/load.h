// The tokenizer of a model, whatever its format.
#pragma once

#include <memory>

#include "base/error.h"
#include "minerva/model_description.h"
#include "text/tokenizer/tokenizer.h"

namespace minerva {

/// The tokenizer of a described model: of a Hugging Face directory tokenizer.json, else tokenizer.model; of a
/// GGUF file its vocabulary. Errors: ModelLoading when it is missing or damaged.
Result<std::shared_ptr<const Tokenizer>> load_tokenizer(const ModelDescription& description);

}  // namespace minerva
