// The merges of a BPE model in tokenizer.json.
#pragma once

#include <string>

#include "text/tokenizer/bpe.h"
#include "text/tokenizer/json_fields.h"

namespace minerva::tokenizers {

/// Reads `merges`, an array of "left right" or ["left", "right"]. Errors: ModelLoading, for example a part or
/// the result of a merge that the vocabulary lacks.
Result<MergeTable> read_merges(const JsonField& merges, const Vocabulary& vocabulary,
                               const BpeOptions& options);

}  // namespace minerva::tokenizers
