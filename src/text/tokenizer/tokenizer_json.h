// Opening the tokenizer of a Hugging Face directory: tokenizer.json and what stands beside it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/error.h"
#include "text/tokenizer/tokenizer.h"

namespace minerva {

/// The tokenizer of a directory that holds tokenizer.json, or of that file. tokenizer_config.json,
/// special_tokens_map.json, added_tokens.json, generation_config.json and config.json beside it name the
/// special tokens, as transformers 5 reads them; without them the tokenizer works, and knows no BOS and EOS.
/// Errors: ModelLoading, naming file and field.
Result<std::shared_ptr<const Tokenizer>> load_tokenizer_json(const std::filesystem::path& directory_or_file);

/// The tokenizer of a directory with vocab.json and merges.txt in place of tokenizer.json (see
/// vocabulary_files.h), and with the same files beside them. Errors: ModelLoading.
Result<std::shared_ptr<const Tokenizer>> load_vocabulary_files(const std::filesystem::path& directory);

/// As above from the content of a tokenizer.json alone (for fuzzing).
Result<std::shared_ptr<const Tokenizer>> parse_tokenizer_json(std::string content);

}  // namespace minerva
