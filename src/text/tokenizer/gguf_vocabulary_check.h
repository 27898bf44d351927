// Checks of a GGUF file's vocabulary before libllama sees it.
#pragma once

#include "base/error.h"
#include "formats/gguf/file.h"

namespace minerva {

/// What libllama would answer with an assertion, or not at all: the vocabulary's kind, the lengths and types
/// of its arrays, ids outside of it, special tokens that are to be added and do not exist. A file without a
/// vocabulary passes. Some milliseconds for 250,000 tokens. Errors: ModelLoading naming the key, what was
/// expected and what was found.
Result<void> check_gguf_vocabulary(const gguf::File& file);

/// Looks at every token and merge as well: twice the same token, malformed merges. Slower; used to explain
/// why libllama refused a vocabulary.
Result<void> check_gguf_vocabulary_thoroughly(const gguf::File& file);

}  // namespace minerva
