// What families have in common: defaults of transformers' config classes, rotary parameters, names.
#pragma once

#include <optional>
#include <string_view>

#include "native/config_fields.h"
#include "native/decoder_spec.h"

namespace minerva::native {

/// The class defaults of a family's configuration in transformers (5.23), for fields a config.json leaves
/// out.
struct ClassDefaults {
  int vocabulary = 32000;
  int hidden = 4096;
  int intermediate = 11008;
  int layers = 32;
  int heads = 32;
  int kv_heads = 0;  ///< 0: as many as heads
  int head_dim = 0;  ///< 0: hidden / heads
  std::uint32_t positions = 2048;
  double epsilon = 1e-6;
  double theta = 10000.0;
  /// `partial_rotary_factor`; unset where the family rotates whole heads.
  std::optional<double> partial_rotary = {};
  bool tied = false;
  std::string_view rope_parameters = "{}";  ///< JSON, where a config.json has neither these nor rope_scaling
  std::string_view activation = "silu";
  std::string_view epsilon_name = "rms_norm_eps";
  std::string_view activation_name = "hidden_act";  ///< empty: no field names it
};

/// Fills sizes, norms, rotary parameters, layers (all full attention) and Llama's tensor names: what a
/// Llama-like family starts from before it says how it differs.
void llama_like(ConfigFields& fields, const ClassDefaults& defaults, DecoderSpec& spec);

/// Tensor names "model.layers.{}.self_attn.q_proj" and so on.
TensorNames llama_names();

/// GPT-2's tensor names, which its descendants share: "transformer.h.{}.attn.c_attn" and so on.
TensorNames gpt2_names();

/// DeepSeek's factor of the attention scale, to be squared: from `mscale_all_dim` of scaled rotary
/// parameters.
float yarn_score_scale(ConfigFields& fields);

/// An RMSNorm (or LayerNorm) on each head of q and k, one weight for all heads.
void name_qk_norms(DecoderSpec& spec);

/// Tensor names "mlp.gate", "mlp.experts.{e}.gate_proj" and so on.
void name_experts(DecoderSpec& spec);

/// Neighbours (2i, 2i+1) rotate together, in every set of rotary parameters.
void rotate_pairs(DecoderSpec& spec);

/// The activation by its name in config.json, as transformers' ACT2FN knows them; an unknown one is rejected.
void read_activation(ConfigFields& fields, std::string_view field, std::string_view fallback,
                     DecoderSpec& spec);

/// Biases on q, k, v and o where the field says so.
void read_attention_bias(ConfigFields& fields, DecoderSpec& spec, std::string_view field = "attention_bias",
                         bool fallback = false);

/// One set of rotary parameters from `rope_parameters`, or the older `rope_scaling` with `rope_theta` and
/// `partial_rotary_factor` beside it. Appended to spec.rotary.
void add_rotary(ConfigFields& fields, const ClassDefaults& defaults, DecoderSpec& spec);

/// For models whose windowed and full layers rotate differently: rotary 0 for full attention, 1 for windows,
/// from nested `rope_parameters`, or `rope_theta` and `local_theta`.
void add_rotary_per_layer_type(ConfigFields& fields, const ClassDefaults& defaults, double local_theta,
                               DecoderSpec& spec);

/// Applies `sliding_window` to layers whose `layer_types` entry is "sliding_attention"; without that list, to
/// layer i where `is_sliding(i)`.
template <class Predicate>
void set_windows(ConfigFields& fields, DecoderSpec& spec, int window, Predicate is_sliding) {
  const auto types = fields.texts("layer_types");
  if (!types.empty() && types.size() != spec.layers.size()) {
    fields.reject("layer_types", "does not have an entry for each layer");
    return;
  }
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    const bool sliding = types.empty() ? is_sliding(static_cast<int>(i)) : types[i] == "sliding_attention";
    if (!types.empty() && !sliding && types[i] != "full_attention") {
      fields.reject("layer_types", "holds '" + types[i] + "', which this family does not have");
      return;
    }
    if (sliding) spec.layers[i].window = window;
  }
}

/// The window of a family with `use_sliding_window` and `max_window_layers` (qwen): 0 where it is off.
void set_qwen_windows(ConfigFields& fields, DecoderSpec& spec);

}  // namespace minerva::native
