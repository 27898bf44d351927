// LFM2 and Qwen3-Next: most layers keep a state of fixed size instead of keys and values.
#include "native/families/hybrid.h"

#include <algorithm>

#include "native/families/common.h"
#include "native/families/qwen.h"

namespace minerva::native {
namespace {

constexpr std::int64_t kLinearHeadsMax = std::int64_t{1} << 13;  // three products with kHeadMax are summed

// `layer_types` says where attention is; without that list, `is_attention(i)`.
template <class Predicate>
void set_mixers(ConfigFields& fields, DecoderSpec& spec, MixerKind other, std::string_view other_name,
                Predicate is_attention) {
  const auto types = fields.texts("layer_types");
  if (!types.empty() && types.size() != spec.layers.size()) {
    fields.reject("layer_types", "does not have an entry for each layer");
    return;
  }
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    const bool attention = types.empty() ? is_attention(static_cast<int>(i)) : types[i] == "full_attention";
    if (!types.empty() && !attention && types[i] != other_name) {
      fields.reject("layer_types", "holds '" + types[i] + "', which this family does not have");
      return;
    }
    if (!attention) spec.layers[i].mixer = other;
  }
}

// transformers rounds what the file says to two thirds, then up to a multiple.
void adjust_intermediate(ConfigFields& fields, DecoderSpec& spec) {
  if (!fields.boolean("block_auto_adjust_ff_dim", true)) return;
  std::int64_t width = 2 * std::int64_t{spec.intermediate} / 3;
  if (!fields.is_null("block_ffn_dim_multiplier")) {
    const double multiplier = fields.number("block_ffn_dim_multiplier", 1.0);
    if (!(multiplier > 0 && multiplier <= 64)) {
      fields.reject("block_ffn_dim_multiplier", "is not between 0 and 64");
      return;
    }
    const std::int64_t multiple = fields.integer("block_multiple_of", 256, 1, kWidthMax);
    width = static_cast<std::int64_t>(multiplier * static_cast<double>(width));
    width = (width + multiple - 1) / multiple * multiple;
  }
  if (width < 1 || width > kWidthMax) {
    fields.reject("intermediate_size", "is out of range once adjusted");
    return;
  }
  spec.intermediate = static_cast<int>(width);
}

}  // namespace

// Liquid AI's LFM2: short gated convolutions, and attention with norms on the heads of q and k in some
// layers.
void lfm2(ConfigFields& fields, DecoderSpec& spec) {
  llama_like(fields,
             {.vocabulary = 65536,
              .hidden = 2560,
              .intermediate = 12288,
              .kv_heads = 8,
              .positions = 128000,
              .epsilon = 1e-5,
              .theta = 1e6,
              .tied = true,
              .epsilon_name = "norm_eps",
              .activation_name = ""},
             spec);
  spec.tied_head = fields.boolean({"tie_embedding", "tie_word_embeddings"}, true);
  spec.intermediate = fields.integer({"block_ff_dim", "intermediate_size"}, 12288, 1, kWidthMax);
  adjust_intermediate(fields, spec);
  const auto attention = fields.integers("full_attn_idxs");
  set_mixers(fields, spec, MixerKind::Convolution, "conv",
             [&](int i) { return attention.empty() || std::ranges::find(attention, i) != attention.end(); });
  spec.recurrent = {.taps = fields.integer("conv_L_cache", 3, 1, kTapsMax), .channels = spec.hidden};
  spec.biases.mixer = fields.boolean("conv_bias", false);
  spec.qk_norm = QkNorm::PerHead;
  spec.names = {.embedding = "model.embed_tokens",
                .output_norm = "model.embedding_norm",
                .head = "lm_head",
                .attention_norm = "model.layers.{}.operator_norm",
                .mlp_norm = "model.layers.{}.ffn_norm",
                .q = "model.layers.{}.self_attn.q_proj",
                .k = "model.layers.{}.self_attn.k_proj",
                .v = "model.layers.{}.self_attn.v_proj",
                .o = "model.layers.{}.self_attn.out_proj",
                .q_norm = "model.layers.{}.self_attn.q_layernorm",
                .k_norm = "model.layers.{}.self_attn.k_layernorm",
                .mixer_in = "model.layers.{}.conv.in_proj",
                .mixer_out = "model.layers.{}.conv.out_proj",
                .convolution = "model.layers.{}.conv.conv",
                .gate = "model.layers.{}.feed_forward.w1",
                .up = "model.layers.{}.feed_forward.w3",
                .down = "model.layers.{}.feed_forward.w2"};
}

// Three layers of gated delta rule to one of gated attention; experts with a shared one in every layer; norms
// stored as w - 1.
void qwen3_next(ConfigFields& fields, DecoderSpec& spec) {
  llama_like(fields,
             {.vocabulary = 151936,
              .hidden = 2048,
              .intermediate = 5632,
              .layers = 48,
              .heads = 16,
              .kv_heads = 2,
              .head_dim = 256,
              .positions = 32768,
              .partial_rotary = 0.25},
             spec);
  spec.norm.plus_one = true;
  name_qk_norms(spec);
  spec.attention_gate = true;
  read_attention_bias(fields, spec);
  const int interval = fields.integer("full_attention_interval", 4);
  set_mixers(fields, spec, MixerKind::DeltaNet, "linear_attention",
             [&](int i) { return (i + 1) % interval == 0; });
  RecurrentSpec& r = spec.recurrent;
  r = {.taps = fields.integer("linear_conv_kernel_dim", 4, 1, kTapsMax),
       .key_heads = fields.integer("linear_num_key_heads", 16, 1, kLinearHeadsMax),
       .value_heads = fields.integer("linear_num_value_heads", 32, 1, kLinearHeadsMax),
       .key_dim = fields.integer("linear_key_head_dim", 128, 1, kHeadMax),
       .value_dim = fields.integer("linear_value_head_dim", 128, 1, kHeadMax)};
  if (r.value_heads % r.key_heads != 0) {
    fields.reject("linear_num_value_heads", "is not a multiple of linear_num_key_heads");
  }
  r.channels = 2 * r.key_heads * r.key_dim + r.value_heads * r.value_dim;
  spec.names.mixer_in = "model.layers.{}.linear_attn.in_proj_qkvz";
  spec.names.mixer_ba = "model.layers.{}.linear_attn.in_proj_ba";
  spec.names.mixer_out = "model.layers.{}.linear_attn.out_proj";
  spec.names.mixer_norm = "model.layers.{}.linear_attn.norm";
  spec.names.convolution = "model.layers.{}.linear_attn.conv1d";
  spec.names.a_log = "model.layers.{}.linear_attn.A_log";
  spec.names.dt_bias = "model.layers.{}.linear_attn.dt_bias";
  set_qwen_experts(fields, {.count = 512, .used = 10, .intermediate = 512, .normalise = true}, spec);
  set_shared_expert(fields, 512, spec);
}

}  // namespace minerva::native
