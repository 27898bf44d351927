// OLMo 3, OLMoE and EXAONE 4.
#include "native/families/olmo.h"

#include "native/families/common.h"

namespace minerva::native {
namespace {

// Norms after the blocks only.
void name_post_norms(DecoderSpec& spec) {
  spec.names.attention_norm.clear();
  spec.names.mlp_norm.clear();
  spec.names.post_attention_norm = "model.layers.{}.post_attention_layernorm";
  spec.names.post_mlp_norm = "model.layers.{}.post_feedforward_layernorm";
}

}  // namespace

// olmo2 with a window in three of four layers, which rotate with parameters of their own.
void olmo3(ConfigFields& fields, DecoderSpec& spec) {
  const ClassDefaults defaults{.vocabulary = 50304, .epsilon = 1e-5, .theta = 500000.0};
  llama_like(fields, defaults, spec);
  read_attention_bias(fields, spec);
  name_qk_norms(spec);
  spec.qk_norm = QkNorm::FullWidth;
  name_post_norms(spec);
  set_windows(fields, spec, fields.window("sliding_window", 4096), [](int i) { return (i + 1) % 4 != 0; });
  add_rotary_per_layer_type(fields, defaults, 500000.0, spec);
}

// Llama with a norm over the full width of q and k, values clipped, and experts in every layer.
void olmoe(ConfigFields& fields, DecoderSpec& spec) {
  llama_like(fields,
             {.vocabulary = 50304,
              .hidden = 2048,
              .intermediate = 2048,
              .layers = 16,
              .heads = 16,
              .positions = 4096,
              .epsilon = 1e-5},
             spec);
  read_attention_bias(fields, spec);
  name_qk_norms(spec);
  spec.qk_norm = QkNorm::FullWidth;
  spec.qkv_clip = fields.number("clip_qkv", 0.0);
  if (fields.has("clip_qkv") && !(spec.qkv_clip > 0)) fields.reject("clip_qkv", "is not above 0");
  for (LayerSpec& layer : spec.layers) layer.experts = true;
  spec.experts = {.count = fields.integer({"num_experts", "num_local_experts"}, 64, 1, kExpertsMax),
                  .used = fields.integer("num_experts_per_tok", 8),
                  .intermediate = spec.intermediate,
                  .normalise = fields.boolean("norm_topk_prob", false)};
  name_experts(spec);
}

// olmo2's norms, on each head of q and k; windows in three of four layers, and no rotation in the others.
void exaone4(ConfigFields& fields, DecoderSpec& spec) {
  llama_like(fields, {.vocabulary = 102400, .intermediate = 16384, .epsilon = 1e-5}, spec);
  name_qk_norms(spec);
  name_post_norms(spec);
  const int window = fields.window("sliding_window", 4096);
  if (window == 0) return;
  // A pattern such as "LLLG" comes with layer_types.
  const int pattern = fields.has("layer_types") ? 4 : fields.integer("sliding_window_pattern", 4);
  set_windows(fields, spec, window, [&](int i) { return (i + 1) % pattern != 0; });
  for (LayerSpec& layer : spec.layers) layer.rotary = layer.window > 0;
}

}  // namespace minerva::native
