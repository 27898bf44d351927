// OpenAI's gpt-oss.
#include "native/families/gpt_oss.h"

#include "native/families/common.h"

namespace minerva::native {

// Attention sinks, a window in every other layer, experts with biases in every layer, whose gate and up lie
// interleaved in one stacked tensor; gate and up are clamped. Experts come in MXFP4 or in bfloat16.
void gpt_oss(ConfigFields& fields, DecoderSpec& spec) {
  llama_like(fields,
             {.vocabulary = 201088,
              .hidden = 2880,
              .intermediate = 2880,
              .layers = 36,
              .heads = 64,
              .kv_heads = 8,
              .head_dim = 64,
              .positions = 131072,
              .epsilon = 1e-5,
              .theta = 150000.0,
              .rope_parameters = R"({"rope_type": "yarn", "factor": 32.0, "beta_fast": 32.0, "beta_slow": 1.0,
                                     "truncate": false, "original_max_position_embeddings": 4096})",
              .activation_name = ""},
             spec);
  set_windows(fields, spec, fields.window("sliding_window", 128), [](int i) { return (i + 1) % 2 != 0; });
  spec.biases = {.experts = true, .router = true};
  read_attention_bias(fields, spec, "attention_bias", true);
  spec.names.sinks = "model.layers.{}.self_attn.sinks";
  spec.activation = kernels::Activation::SwigluOai;
  spec.activation_parameters.alpha = fields.number("swiglu_alpha", 1.702);
  spec.activation_parameters.limit = fields.number("swiglu_limit", 7.0);
  for (LayerSpec& layer : spec.layers) layer.experts = true;
  spec.experts = {.count = fields.integer({"num_local_experts", "num_experts"}, 128, 1, kExpertsMax),
                  .used = fields.integer("num_experts_per_tok", 4),
                  .intermediate = spec.intermediate,
                  .softmax_before_top_k = false};
  spec.names.router = "model.layers.{}.mlp.router";
  spec.names.stacked_gate = "model.layers.{}.mlp.experts.gate_proj";  // MLX takes gate and up apart
  spec.names.stacked_up = "model.layers.{}.mlp.experts.up_proj";
  spec.names.stacked_gate_up = "model.layers.{}.mlp.experts.gate_up_proj";
  spec.names.stacked_down = "model.layers.{}.mlp.experts.down_proj";
}

}  // namespace minerva::native
