// The tokenizer of a GGUF file: libllama's vocabulary behind our interface (a stop-gap until ours reads
// GGUF).
#pragma once

#include <filesystem>
#include <memory>

#include "base/error.h"
#include "minerva/model_description.h"
#include "text/tokenizer/tokenizer.h"

struct llama_model;

namespace minerva {

/// The tokenizer of a loaded model, which it keeps alive. Errors: ModelLoading when the model has no
/// vocabulary.
Result<std::shared_ptr<const Tokenizer>> make_llama_tokenizer(std::shared_ptr<const llama_model> model);

/// The tokenizer of a GGUF file, without its weights. Errors: ModelLoading (a damaged or missing vocabulary,
/// a kind libllama does not know).
Result<std::shared_ptr<const Tokenizer>> load_gguf_tokenizer(const ModelDescription& description);

}  // namespace minerva
