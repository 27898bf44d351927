// Special tokens that the files beside tokenizer.json name.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "text/tokenizer/hf_tokenizer.h"
#include "text/tokenizer/json_fields.h"

namespace minerva::tokenizers {

/// An added token: content and flags. Flags left out are false, `normalized` is `!special`.
Result<AddedToken> read_added_token(const JsonField& field);

/// Reads tokenizer_config.json, special_tokens_map.json, added_tokens.json, generation_config.json and
/// config.json of `directory`, as far as they exist: adds to `pipeline` the tokens that transformers 5 would
/// add, and gives the special ids. Call before `pipeline.added.finish()`. Errors: ModelLoading.
/// `defaults`: special tokens ("eos_token") that count where no file names them, or says null.
Result<SpecialIds> apply_companions(const std::filesystem::path& directory, Pipeline& pipeline,
                                    std::map<std::string, AddedToken> defaults = {});

/// Gives `pipeline` the post-processor that add_bos_token and add_eos_token of tokenizer_config.json ask for:
/// they count where no tokenizer.json has one. Errors: ModelLoading.
Result<void> put_around(const std::filesystem::path& directory, std::optional<TokenId> bos,
                        std::optional<TokenId> eos, Pipeline& pipeline);

}  // namespace minerva::tokenizers
