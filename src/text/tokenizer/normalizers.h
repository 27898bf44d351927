// What happens to a text before it is split: normal forms, lower case, replacements.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "text/tokenizer/normal_forms.h"
#include "text/tokenizer/pattern.h"

namespace minerva::tokenizers {

/// A text on its way through the normalizers.
struct NormalizedText {
  std::string text;
  /// What stands first in `text` comes from the beginning of the original (nothing in front was removed).
  bool keeps_start = true;
};

/// Immutable and thread-safe. Texts are valid UTF-8 and stay so.
class Normalizer {
 public:
  Normalizer() = default;
  virtual ~Normalizer() = default;
  Normalizer(const Normalizer&) = delete;
  Normalizer& operator=(const Normalizer&) = delete;

  virtual Result<void> apply(NormalizedText& text, const TimeBudget& budget) const = 0;
  /// Whether `text` surely stays as it is. Fast; false may be wrong.
  virtual bool leaves_alone(std::string_view /*text*/) const { return false; }
};
using NormalizerPointer = std::unique_ptr<const Normalizer>;

struct BertNormalizerOptions {
  bool clean_text = true;
  bool handle_chinese_chars = true;
  bool strip_accents = true;
  bool lowercase = true;
};

NormalizerPointer make_bert_normalizer(const BertNormalizerOptions& options);
NormalizerPointer make_byte_level_normalizer();
NormalizerPointer make_lowercase_normalizer();
NormalizerPointer make_normal_form_normalizer(NormalForm form);
NormalizerPointer make_nmt_normalizer();
NormalizerPointer make_prepend_normalizer(std::string prefix);
NormalizerPointer make_replace_normalizer(Pattern pattern, std::string content);
NormalizerPointer make_strip_normalizer(bool left, bool right);
NormalizerPointer make_strip_accents_normalizer();
/// SentencePiece's remove_extra_whitespaces: no space at the ends, one between words.
NormalizerPointer make_single_spaces_normalizer();
NormalizerPointer make_normalizer_sequence(std::vector<NormalizerPointer> parts);
/// The character map that SentencePiece compiles into its models (bytes, not base64). Errors: ModelLoading,
/// without the file's name.
Result<NormalizerPointer> make_precompiled_normalizer(std::string_view charsmap);

}  // namespace minerva::tokenizers
