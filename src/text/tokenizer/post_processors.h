// What is put around the ids of a text: BOS, EOS, [CLS] ... [SEP].
#pragma once

#include <memory>
#include <vector>

#include "base/error.h"
#include "minerva/types.h"

namespace minerva::tokenizers {

/// Lists of ids that make up the result, one after the other. A template turns one list into several; a
/// processor that follows it takes two lists for a pair of texts, as the reference does.
using Encodings = std::vector<std::vector<TokenId>>;

/// Immutable and thread-safe.
class PostProcessor {
 public:
  PostProcessor() = default;
  virtual ~PostProcessor() = default;
  PostProcessor(const PostProcessor&) = delete;
  PostProcessor& operator=(const PostProcessor&) = delete;
  /// False when it can't work on so many lists.
  virtual bool apply(Encodings& encodings, bool add_special) const = 0;
};
using PostProcessorPointer = std::unique_ptr<const PostProcessor>;

/// A part of a template: ids, or the text at `text_index` (0: A, 1: B).
struct TemplatePart {
  std::vector<TokenId> ids;
  int text_index = -1;
};

/// Bert and Roberta: `first` in front of the first text, `separator` behind every text.
PostProcessorPointer make_surrounding_post_processor(TokenId first, TokenId separator);
/// ByteLevel: changes offsets only, which nobody asks for here.
PostProcessorPointer make_offsets_post_processor();
PostProcessorPointer make_template_post_processor(std::vector<TemplatePart> single,
                                                  std::vector<TemplatePart> pair);
PostProcessorPointer make_post_processor_sequence(std::vector<PostProcessorPointer> parts);

}  // namespace minerva::tokenizers
