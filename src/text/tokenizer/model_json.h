// The "model" part of tokenizer.json.
#pragma once

#include <memory>

#include "text/tokenizer/json_fields.h"
#include "text/tokenizer/token_model.h"

namespace minerva::tokenizers {

/// Reads the model. `byte_level`: the pre-tokenizer's last step is ByteLevel, so a BPE vocabulary can be kept
/// in bytes. Errors: ModelLoading.
Result<std::unique_ptr<const TokenModel>> read_model(const JsonField& model, bool byte_level);

/// Whether the model can be kept in bytes at all: BPE without prefix and suffix.
bool may_be_byte_level(const JsonField& model);

}  // namespace minerva::tokenizers
