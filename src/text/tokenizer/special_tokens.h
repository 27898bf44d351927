// Special tokens that the files beside tokenizer.json name.
#pragma once

#include <filesystem>

#include "text/tokenizer/hf_tokenizer.h"
#include "text/tokenizer/json_fields.h"

namespace minerva::tokenizers {

/// An added token: content and flags. Flags left out are false, `normalized` is `!special`.
Result<AddedToken> read_added_token(const JsonField& field);

/// Reads tokenizer_config.json, special_tokens_map.json, added_tokens.json, generation_config.json and
/// config.json of `directory`, as far as they exist: adds to `pipeline` the tokens that transformers 5 would
/// add, and gives the special ids. Call before `pipeline.added.finish()`. Errors: ModelLoading.
Result<SpecialIds> apply_companions(const std::filesystem::path& directory, Pipeline& pipeline);

}  // namespace minerva::tokenizers
