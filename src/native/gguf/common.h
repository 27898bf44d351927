// What GGUF architectures have in common.
#pragma once

#include <string_view>

#include "native/decoder_spec.h"
#include "native/gguf/fields.h"

namespace minerva::native {

/// Sizes, norms, rotary parameters, layers (all full attention) and tensor names, as llama.cpp's converter
/// writes them for a Llama-like model: what an architecture starts from before it says how it differs.
/// `epsilon` is the key of the norms' epsilon.
void gguf_llama_like(GgufFields& fields, DecoderSpec& spec,
                     std::string_view epsilon = "attention.layer_norm_rms_epsilon");

/// The converter reorders the rows of q and k so that neighbours rotate together; every head must rotate as a
/// whole then.
void gguf_rows_in_pairs(GgufFields& fields, DecoderSpec& spec);

/// Windows of `window` tokens: in the layers that "attention.sliding_window_pattern" lists; or in all but the
/// last of so many layers as it, or else `pattern`, says.
void gguf_windows(GgufFields& fields, DecoderSpec& spec, int window, int pattern);

/// Experts in every layer, where the file has them: softmax over all, the chosen weights made to sum to 1 or
/// not. With `shared`, one more expert with a gate of its own that every token uses.
void gguf_experts(GgufFields& fields, DecoderSpec& spec, bool normalise, bool shared = false);

}  // namespace minerva::native
