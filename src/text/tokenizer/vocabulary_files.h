// A byte-level BPE kept as vocab.json and merges.txt, without tokenizer.json: GPT-2's own form.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "text/tokenizer/added_tokens.h"
#include "text/tokenizer/json_fields.h"

namespace minerva::tokenizers {

struct VocabularyFiles {
  JsonDocument document;  ///< the tokenizer.json that says the same
  /// The special tokens ("eos_token") of the class of the tokenizer, where no file names others.
  std::map<std::string, AddedToken> special_tokens;
};

/// Whether `directory` has them, and no tokenizer.json.
bool has_vocabulary_files(const std::filesystem::path& directory);

/// Reads them as transformers 5 does: how a text is cut depends on `tokenizer_class` in
/// tokenizer_config.json, else on the family in config.json. Errors: ModelLoading, also for a class that is
/// not known.
Result<VocabularyFiles> read_vocabulary_files(const std::filesystem::path& directory);

/// The lines of a merges.txt as a JSON list of strings. Errors: ModelLoading with the line's number.
Result<std::string> merges_as_json(std::string_view text);

}  // namespace minerva::tokenizers
