// Which kind of tokenizer a Hugging Face directory holds, without reading all of a 33 MB tokenizer.json.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "minerva/model_description.h"

namespace minerva::hf {

struct TokenizerSummary {
  TokenizerKind kind = TokenizerKind::None;
  std::string detail;  ///< the model type in tokenizer.json, or the file that was found
};

/// A glance, not a check: whoever loads the tokenizer reads it properly.
TokenizerSummary summarise_tokenizer(const std::filesystem::path& directory);

/// The "type" of the "model" in the beginning of a tokenizer.json; empty when it is not there.
std::string find_model_type(std::string_view json);

}  // namespace minerva::hf
