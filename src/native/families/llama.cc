// llama and the families that differ from it in a line or two.
#include "native/families/llama.h"

#include <cmath>

#include "native/families/common.h"

namespace minerva::native {
namespace {

void read_llama_biases(ConfigFields& fields, DecoderSpec& spec) {
  read_attention_bias(fields, spec);
  spec.biases.mlp = fields.boolean("mlp_bias", false);
}

}  // namespace

// Touvron et al. 2023. RMSNorm before attention and MLP, gated SiLU, rotary halves, no biases unless asked
// for.
void llama(ConfigFields& fields, DecoderSpec& spec) {
  llama_like(fields, {}, spec);
  read_llama_biases(fields, spec);
}

// Jiang et al. 2023: grouped queries, a sliding window in every layer, or (Ministral) in those that
// `layer_types` says.
void mistral(ConfigFields& fields, DecoderSpec& spec) {
  llama_like(fields, {.intermediate = 14336, .kv_heads = 8, .positions = 131072}, spec);
  set_windows(fields, spec, fields.window("sliding_window", 4096), [](int) { return true; });
}

// Mistral with a mixture of experts: the two best of softmax over all, made to sum to 1.
void mixtral(ConfigFields& fields, DecoderSpec& spec) {
  llama_like(fields,
             {.intermediate = 14336, .kv_heads = 8, .positions = 131072, .epsilon = 1e-5, .theta = 1e6},
             spec);
  const int window = fields.window("sliding_window", 0);
  for (LayerSpec& layer : spec.layers) {
    layer.window = window;
    layer.experts = true;
  }
  spec.experts = {.count = fields.integer("num_local_experts", 8, 1, kExpertsMax),
                  .used = fields.integer("num_experts_per_tok", 2),
                  .intermediate = spec.intermediate,
                  .normalise = true};
  spec.names.router = "model.layers.{}.block_sparse_moe.gate";
  spec.names.expert_gate = "model.layers.{}.block_sparse_moe.experts.{e}.w1";
  spec.names.expert_up = "model.layers.{}.block_sparse_moe.experts.{e}.w3";
  spec.names.expert_down = "model.layers.{}.block_sparse_moe.experts.{e}.w2";
  spec.names.stacked_gate = "model.layers.{}.block_sparse_moe.switch_mlp.gate_proj";
  spec.names.stacked_up = "model.layers.{}.block_sparse_moe.switch_mlp.up_proj";
  spec.names.stacked_down = "model.layers.{}.block_sparse_moe.switch_mlp.down_proj";
}

// Four multipliers: embeddings, attention scores, what each block adds, logits.
void granite(ConfigFields& fields, DecoderSpec& spec) {
  llama_like(fields, {}, spec);
  read_llama_biases(fields, spec);
  spec.embedding_scale = fields.number("embedding_multiplier", 1.0);
  spec.attention_scale = fields.number("attention_multiplier", 1.0);
  spec.residual_scale = fields.number("residual_multiplier", 1.0);
  const float logits_scaling = fields.number("logits_scaling", 1.0);
  if (logits_scaling == 0) fields.reject("logits_scaling", "is zero");
  spec.logit_scale = 1.0F / logits_scaling;
}

// No rotation in every fourth layer.
void smollm3(ConfigFields& fields, DecoderSpec& spec) {
  llama_like(fields,
             {.vocabulary = 128256,
              .hidden = 2048,
              .layers = 36,
              .heads = 16,
              .kv_heads = 4,
              .positions = 32768,
              .theta = 2e6,
              .tied = true},
             spec);
  read_llama_biases(fields, spec);
  const auto rotates = fields.integers("no_rope_layers");  // 1 where the layer does rotate
  const int interval = fields.integer("no_rope_layer_interval", 4);
  if (!rotates.empty() && rotates.size() != spec.layers.size()) {
    fields.reject("no_rope_layers", "does not have an entry for each layer");
    return;
  }
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    spec.layers[i].rotary = rotates.empty() ? (static_cast<int>(i) + 1) % interval != 0 : rotates[i] != 0;
  }
  const bool on = fields.boolean("use_sliding_window", false);  // counts where layer_types does not say it
  set_windows(fields, spec, fields.window("sliding_window", 0),
              [&](int i) { return on && !spec.layers[static_cast<std::size_t>(i)].rotary; });
}

// Norms after the blocks only, and over the full width of q and k.
void olmo2(ConfigFields& fields, DecoderSpec& spec) {
  llama_like(fields, {.vocabulary = 50304, .epsilon = 1e-5}, spec);
  read_attention_bias(fields, spec);
  spec.qk_norm = QkNorm::FullWidth;
  spec.names.attention_norm.clear();
  spec.names.mlp_norm.clear();
  spec.names.post_attention_norm = "model.layers.{}.post_attention_layernorm";
  spec.names.post_mlp_norm = "model.layers.{}.post_feedforward_layernorm";
  spec.names.q_norm = "model.layers.{}.self_attn.q_norm";
  spec.names.k_norm = "model.layers.{}.self_attn.k_norm";
}

// q, k, v in one projection, gate and up in one, rotary factors by length.
void phi3(ConfigFields& fields, DecoderSpec& spec) {
  llama_like(fields,
             {.vocabulary = 32064,
              .hidden = 3072,
              .intermediate = 8192,
              .positions = 4096,
              .epsilon = 1e-5,
              .partial_rotary = 1.0},
             spec);
  const int window = fields.window("sliding_window", 0);
  for (LayerSpec& layer : spec.layers) layer.window = window;
  spec.qkv = QkvLayout::Concatenated;
  spec.names.qkv = "model.layers.{}.self_attn.qkv_proj";
  spec.names.gate_up = "model.layers.{}.mlp.gate_up_proj";
  spec.names.activation = "model.layers.{}.mlp.activation_fn";
}

// Llama with biases on q, k and v and its own head_dim.
void seed_oss(ConfigFields& fields, DecoderSpec& spec) {
  llama_like(fields,
             {.vocabulary = 155136,
              .intermediate = 27648,
              .layers = 64,
              .heads = 80,
              .kv_heads = 8,
              .head_dim = 128,
              .positions = 524288},
             spec);
  spec.biases = {.qkv = fields.boolean("attention_bias", true),
                 .o = fields.boolean("attention_out_bias", false),
                 .mlp = fields.boolean("mlp_bias", false)};
}

// Llama whose neighbouring elements rotate together; biases everywhere where `use_bias` says so.
void ernie4_5(ConfigFields& fields, DecoderSpec& spec) {
  llama_like(fields,
             {.vocabulary = 103424,
              .hidden = 1024,
              .intermediate = 3072,
              .layers = 18,
              .heads = 16,
              .kv_heads = 2,
              .head_dim = 128,
              .positions = 131072,
              .epsilon = 1e-5,
              .theta = 500000.0,
              .tied = true},
             spec);
  rotate_pairs(spec);
  spec.biases.qkv = spec.biases.o = spec.biases.mlp = fields.boolean("use_bias", false);
}

// Norms before and after each block, half of each head rotates in neighbouring pairs, gate and up in one.
void glm4(ConfigFields& fields, DecoderSpec& spec) {
  llama_like(fields,
             {.vocabulary = 151552,
              .intermediate = 13696,
              .layers = 40,
              .kv_heads = 2,
              .head_dim = 128,
              .positions = 131072,
              .epsilon = 1.5625e-7,
              .partial_rotary = 0.5},
             spec);
  rotate_pairs(spec);
  spec.biases.qkv = fields.boolean("attention_bias", true);
  spec.names.post_attention_norm = "model.layers.{}.post_self_attn_layernorm";
  spec.names.post_mlp_norm = "model.layers.{}.post_mlp_layernorm";
  spec.names.gate_up = "model.layers.{}.mlp.gate_up_proj";
  spec.names.activation = "model.layers.{}.mlp.activation_fn";
}

// An activation with learned parameters and no gate; norms on the heads of q and k.
void apertus(ConfigFields& fields, DecoderSpec& spec) {
  llama_like(fields,
             {.vocabulary = 131072,
              .intermediate = 14336,
              .positions = 65536,
              .epsilon = 1e-5,
              .theta = 12e6,
              .rope_parameters = R"({"rope_type": "llama3", "rope_theta": 12000000.0, "factor": 8.0,
                                     "original_max_position_embeddings": 8192,
                                     "low_freq_factor": 1.0, "high_freq_factor": 4.0})",
              .activation = "xielu"},
             spec);
  spec.gated = false;
  spec.activation_in_float = true;
  read_attention_bias(fields, spec);
  name_qk_norms(spec);
  spec.names.attention_norm = "model.layers.{}.attention_layernorm";
  spec.names.mlp_norm = "model.layers.{}.feedforward_layernorm";
}

}  // namespace minerva::native
