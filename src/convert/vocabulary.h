// A directory's tokenizer as the vocabulary of a GGUF file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "convert/key_values.h"
#include "minerva/model_description.h"
#include "text/tokenizer/json_fields.h"
#include "text/tokenizer/tokenizer.h"

namespace minerva::convert {

/// llama.cpp's numbers.
enum class TokenType : std::int32_t { Normal = 1, Unknown, Control, UserDefined, Unused, Byte };

/// What llama.cpp needs to split text: one entry of `tokens`, `types` (and `scores`) for each row of the
/// embedding.
struct GgufVocabulary {
  std::string model;  ///< "gpt2" (byte-level BPE) or "llama" (SentencePiece)
  std::string pre;    ///< how text is cut before BPE
  std::vector<std::string> tokens;
  std::vector<std::int32_t> types;
  std::vector<float> scores;        ///< "llama" only
  std::vector<std::string> merges;  ///< "gpt2" only
  std::optional<bool> add_space_prefix;
  bool strips_spaces = false;    ///< some special tokens take the spaces beside them along
  bool has_phi3_tokens = false;  ///< those that llama.cpp looks for where a model's name says Phi-3
  /// Where llama.cpp splits some texts otherwise than the directory's tokenizer: a sentence each.
  std::vector<std::string> notes;
};

/// Reads tokenizer.json, else tokenizer.model, and fills up to `rows` tokens. Errors: ModelLoading (missing
/// or damaged); InvalidRequest when llama.cpp has no tokenizer of this kind.
Result<GgufVocabulary> read_vocabulary(const std::filesystem::path& directory, std::size_t rows);

/// The same for an opened tokenizer.json and the tokenizer that was made of it.
Result<GgufVocabulary> make_vocabulary(const tokenizers::JsonField& root, const Tokenizer& tokenizer,
                                       std::size_t rows);

/// A name for general.name that llama.cpp makes nothing of: for names with "phi3" or "phi-3" it treats
/// special tokens in Phi-3's way, and loads no vocabulary without them.
std::string harmless_name(std::string name, const GgufVocabulary& vocabulary);

/// Sets "tokenizer.ggml.tokens" and so on.
void set_vocabulary(GgufVocabulary vocabulary, KeyValues& keys);

/// Sets the ids of special tokens below `rows`, and whether they are put around a text. Returns notes, as
/// above. Errors: ModelLoading.
Result<std::vector<std::string>> set_special_tokens(const ModelDescription& description, std::size_t rows,
                                                    KeyValues& keys);

/// Sets the chat templates.
void set_chat_templates(const ModelDescription& description, KeyValues& keys);

}  // namespace minerva::convert
