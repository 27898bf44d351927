// The parts of tokenizer.json around the model. All errors are ModelLoading and name the field.
#pragma once

#include "text/tokenizer/decoders.h"
#include "text/tokenizer/json_fields.h"
#include "text/tokenizer/normalizers.h"
#include "text/tokenizer/post_processors.h"
#include "text/tokenizer/pre_tokenizers.h"

namespace minerva::tokenizers {

Result<NormalizerPointer> read_normalizer(const JsonField& field, int depth = 0);

/// `byte_level`: the vocabulary is kept in bytes, so ByteLevel leaves the pieces as they are.
Result<PreTokenizerPointer> read_pre_tokenizer(const JsonField& field, bool byte_level, int depth = 0);
/// Whether the last step, and no other, is ByteLevel.
bool ends_in_byte_level(const JsonField& pre_tokenizer);
/// Whether a normalizer has a ByteLevel step.
bool has_byte_level(const JsonField& normalizer);

Result<DecoderChain> read_decoder(const JsonField& field);
Result<PostProcessorPointer> read_post_processor(const JsonField& field);

/// {"String": ...} or {"Regex": ...} in the member `pattern`.
Result<Pattern> read_pattern(const JsonField& owner);
Result<std::string> read_type(const JsonField& field);

}  // namespace minerva::tokenizers
