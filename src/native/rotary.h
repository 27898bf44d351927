// Rotary position embeddings: which frequencies a model uses, and the cosines and sines of positions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace minerva::native {

enum class RotaryKind : std::uint8_t { None, Default, Linear, Dynamic, Llama3, Yarn, LongRope, Proportional };

/// One set of rotary parameters, as transformers' `rope_parameters` has them.
struct RotarySpec {
  RotaryKind kind = RotaryKind::None;
  int dims = 0;        ///< elements of a head that rotate (an even number); the rest passes through
  int head_dim = 0;    ///< of the whole head
  bool pairs = false;  ///< neighbours (2i, 2i+1) rotate together, instead of i and i + dims/2
  /// The weights give i and i + dims/2 as neighbours (the rows of q and k in GGUF's llama): they are brought
  /// to their places before they rotate, so that every sum is the one of the model as it was published.
  bool stored_in_pairs = false;
  float theta = 10000.0F;
  float factor = 1.0F;
  float attention_factor = 1.0F;         ///< cosines and sines are multiplied by it
  std::uint32_t max_positions = 0;       ///< max_position_embeddings
  std::uint32_t original_positions = 0;  ///< original_max_position_embeddings
  float low_freq_factor = 1.0F;          ///< llama3
  float high_freq_factor = 4.0F;
  float beta_fast = 32.0F;  ///< yarn
  float beta_slow = 1.0F;
  bool truncate = true;
  std::vector<float> factors;        ///< the frequencies are divided by them (GGUF); dims / 2, or none
  std::vector<float> short_factors;  ///< longrope: dims / 2 each
  std::vector<float> long_factors;

  /// Whether the frequencies depend on how long the sequence is planned to be.
  bool depends_on_length() const noexcept {
    return kind == RotaryKind::LongRope || kind == RotaryKind::Dynamic;
  }

  bool operator==(const RotarySpec&) const = default;
};

/// The frequencies (radians per position; dims / 2, or head_dim / 2 for Proportional) for a sequence of
/// `planned_length` positions. Formulas: transformers' modeling_rope_utils (5.23), in float32 as there.
std::vector<float> rotary_frequencies(const RotarySpec& spec, std::uint32_t planned_length);

/// Equal keys mean equal frequencies: a prefix computed under another key can't be reused.
std::uint32_t rotary_key(const RotarySpec& spec, std::uint32_t planned_length) noexcept;

/// Writes the cosines and sines of `position`, times the attention factor.
void rotary_table(const RotarySpec& spec, const std::vector<float>& frequencies, std::int32_t position,
                  float* cosines, float* sines) noexcept;

}  // namespace minerva::native
