// Whether the parts of a tokenizer.json around a BPE with byte tokens are what SentencePiece does.
#pragma once

#include <string>

#include "base/error.h"
#include "text/tokenizer/json_fields.h"

namespace minerva::convert {

struct SentencePieceParts {
  bool known = false;
  std::string why_not;        ///< where not known
  bool space_prefix = false;  ///< a space is put before a text
  bool prepends = false;      ///< by the normalizer: added tokens see it, too
  std::string note;           ///< where llama.cpp does it a little otherwise
};

/// `root`: the tokenizer.json. Errors: ModelLoading.
Result<SentencePieceParts> recognise_sentencepiece(const tokenizers::JsonField& root);

}  // namespace minerva::convert
