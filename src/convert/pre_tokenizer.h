// llama.cpp knows ways of cutting text by name: which one a tokenizer.json describes.
#pragma once

#include <string_view>

#include "text/tokenizer/json_fields.h"

namespace minerva::convert {

struct PreTokenizer {
  std::string_view name;     ///< for tokenizer.ggml.pre; empty: llama.cpp has none like it
  bool whole_words = false;  ///< a word that is a token is that token, without merges
  std::string_view note;     ///< what llama.cpp cuts otherwise under this name; empty: nothing
};

/// Recognised from the parts of `pre_tokenizer` of a byte-level tokenizer, as transformers writes them.
/// `whole_words`: what the model says (ignore_merges); a name that agrees is preferred.
PreTokenizer recognise_pre_tokenizer(const tokenizers::JsonField& pre_tokenizer, bool whole_words);

}  // namespace minerva::convert
