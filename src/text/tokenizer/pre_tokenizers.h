// How a normalised text is cut into the pieces that the model encodes one by one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "text/tokenizer/pattern.h"
#include "text/tokenizer/split_scanners.h"

namespace minerva::tokenizers {

/// Pieces of a text, in order, none empty; what lies between them is dropped.
struct Pieces {
  struct Piece {
    std::uint32_t begin;
    std::uint32_t end;
  };
  std::string text;
  std::vector<Piece> list;
  /// The first piece begins where the original text began.
  bool first_at_start = true;

  std::string_view operator[](std::size_t i) const {
    return std::string_view(text).substr(list[i].begin, list[i].end - list[i].begin);
  }
};

/// What becomes of the parts that match (the delimiters).
enum class SplitBehavior : std::uint8_t { Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous };

enum class PrependScheme : std::uint8_t { First, Never, Always };

/// Immutable and thread-safe.
class PreTokenizer {
 public:
  PreTokenizer() = default;
  virtual ~PreTokenizer() = default;
  PreTokenizer(const PreTokenizer&) = delete;
  PreTokenizer& operator=(const PreTokenizer&) = delete;
  virtual Result<void> apply(Pieces& pieces, const TimeBudget& budget) const = 0;
  /// The scanner that does all of this pre-tokenizer's work, or null.
  virtual SplitScanner scanner() const noexcept { return nullptr; }
};
using PreTokenizerPointer = std::unique_ptr<const PreTokenizer>;

PreTokenizerPointer make_bert_pre_tokenizer();
/// `to_alphabet`: write the pieces in the byte-level alphabet; false for a byte-level vocabulary, which takes
/// bytes as they are.
PreTokenizerPointer make_byte_level_pre_tokenizer(bool add_prefix_space, bool use_regex, bool to_alphabet);
PreTokenizerPointer make_delimiter_pre_tokenizer(char32_t delimiter);
PreTokenizerPointer make_digits_pre_tokenizer(bool individual);
PreTokenizerPointer make_fixed_length_pre_tokenizer(std::size_t characters);
PreTokenizerPointer make_metaspace_pre_tokenizer(char32_t replacement, PrependScheme scheme, bool split);
PreTokenizerPointer make_punctuation_pre_tokenizer(SplitBehavior behavior);
PreTokenizerPointer make_split_pre_tokenizer(Pattern pattern, SplitBehavior behavior, bool invert);
PreTokenizerPointer make_unicode_scripts_pre_tokenizer();
PreTokenizerPointer make_whitespace_pre_tokenizer();
PreTokenizerPointer make_whitespace_split_pre_tokenizer();
PreTokenizerPointer make_pre_tokenizer_sequence(std::vector<PreTokenizerPointer> parts);

}  // namespace minerva::tokenizers
