// The families that are converted: how each becomes an architecture of llama.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "formats/hf_config/hf_config.h"
#include "native/decoder_spec.h"
#include "native/families/families.h"

namespace minerva::convert {

/// What llama.cpp's code of an architecture can do, and what its files look like.
struct Family {
  std::string_view model_type;            ///< in config.json
  std::string_view architecture;          ///< in GGUF
  native::FamilyFunction spec = nullptr;  ///< null: the native engine's
  kernels::Activation activation = kernels::Activation::Silu;
  bool query_key_pairs = false;  ///< rows of q and k so that neighbours rotate together
  bool window_pattern = false;   ///< some layers have a sliding window
  bool always_windows = false;   ///< and llama.cpp asserts that there are some
  int pattern = 0;               ///< llama.cpp's own: every so-manieth layer has none
  int wide_scale_layers = 0;     ///< with so many layers, attention is scaled by hidden / heads
  bool softcaps = false;         ///< attention and logits are capped, always
  bool own_head = true;          ///< an output matrix may lie beside the embedding
  bool output_bias = false;      ///< attn_output may have a bias
  bool mlp_bias = false;
  bool square_attention = false;   ///< heads times their elements are the hidden size
  bool frequency_factors = false;  ///< llama3's rotation
  bool yarn = false;
  bool partial_rotary = false;
};

/// Null when it is not converted.
const Family* find_family(std::string_view model_type) noexcept;

/// A checkpoint's decoder and the family it belongs to.
struct Source {
  const Family* family = nullptr;
  native::DecoderSpec spec;
};

/// Reads config.json (that of the text model). Errors: InvalidRequest for a family that is not converted;
/// ModelLoading naming the field.
Result<Source> read_source(const HfConfig& config);

/// The first thing in `source` that llama.cpp would compute differently, as an InvalidRequest that says so.
Result<void> check_same_result(const Source& source);

}  // namespace minerva::convert
