// SentencePiece's tokenizer.model: a protocol buffer with pieces, scores and a character map. Read here, run
// by the same parts as tokenizer.json: the processor of the library aborts on damaged files.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "text/tokenizer/tokenizer.h"

namespace minerva {

namespace tokenizers {

/// What a tokenizer.model says, as far as encoding and decoding need it.
struct SentencePieceModel {
  enum class PieceType : std::uint8_t { Normal = 1, Unknown, Control, UserDefined, Unused, Byte };
  struct Piece {
    std::string text;
    float score = 0;
    PieceType type = PieceType::Normal;
  };
  std::vector<Piece> pieces;
  bool is_bpe = false;  ///< else Unigram
  bool byte_fallback = false;
  std::int32_t unknown_id = 0;
  std::int32_t bos_id = 1;
  std::int32_t eos_id = 2;
  std::string charsmap;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
};

/// Parses a tokenizer.model. Errors: ModelLoading naming `file`.
Result<SentencePieceModel> parse_sentencepiece_model(std::string_view bytes, const std::string& file);

}  // namespace tokenizers

/// The tokenizer of a directory that has no tokenizer.json but a tokenizer.model (spiece.model,
/// sentencepiece.bpe.model); tokenizer_config.json beside it is honoured, add_bos_token and add_eos_token
/// included. Errors: ModelLoading.
Result<std::shared_ptr<const Tokenizer>> load_sentencepiece(const std::filesystem::path& model_file);

}  // namespace minerva
