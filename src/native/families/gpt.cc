// GPT-2's descendants: LayerNorm, biases, an MLP without a gate.
#include "native/families/gpt.h"

#include <algorithm>
#include <cmath>

#include "native/families/common.h"

namespace minerva::native {

// Radford et al. 2019. Learned positions; linear weights stored [in, out]; names of its own.
void gpt2(ConfigFields& fields, DecoderSpec& spec) {
  spec.vocabulary = fields.integer("vocab_size", 50257, 1, kWidthMax);
  spec.hidden = fields.integer("n_embd", 768, 1, kWidthMax);
  spec.layer_count = fields.integer({"num_hidden_layers", "n_layer"}, 12, 1, kLayersMax);
  spec.heads = spec.kv_heads = fields.integer("n_head", 12, 1, kHeadsMax);
  spec.head_dim = spec.value_dim = std::max(1, spec.hidden / spec.heads);
  spec.intermediate = fields.integer("n_inner", 4 * std::int64_t{spec.hidden}, 1, kWidthMax);
  spec.context_length = static_cast<std::uint32_t>(fields.integer("n_positions", 1024));
  spec.positions = PositionKind::Learned;
  spec.layers.assign(static_cast<std::size_t>(spec.layer_count), {});
  spec.norm = {.kind = NormKind::Layer, .epsilon = fields.number("layer_norm_epsilon", 1e-5)};
  read_activation(fields, "activation_function", "gelu_new", spec);
  spec.gated = false;
  spec.transposed = true;
  spec.tied_head = fields.boolean("tie_word_embeddings", true);
  spec.attention_scale =
      fields.boolean("scale_attn_weights", true) ? 1.0F / std::sqrt(static_cast<float>(spec.head_dim)) : 1.0F;
  if (fields.boolean("scale_attn_by_inverse_layer_idx", false)) {
    fields.reject("scale_attn_by_inverse_layer_idx", "is not supported");
  }
  spec.qkv = QkvLayout::Concatenated;
  spec.biases = {.qkv = true, .o = true, .mlp = true, .norms = true};
  spec.names = gpt2_names();
}

// Black et al. 2022. Attention and MLP side by side, q, k, v of each head together, a part of each head
// rotates.
void gpt_neox(ConfigFields& fields, DecoderSpec& spec) {
  llama_like(fields,
             {.vocabulary = 50432,
              .hidden = 6144,
              .intermediate = 24576,
              .layers = 44,
              .heads = 64,
              .epsilon = 1e-5,
              .theta = fields.number("rotary_emb_base", 10000.0),
              .partial_rotary = fields.number("rotary_pct", 0.25),
              .activation = "gelu",
              .epsilon_name = "layer_norm_eps"},
             spec);
  spec.norm.kind = NormKind::Layer;
  spec.residual =
      fields.boolean("use_parallel_residual", true) ? Residual::ParallelTwoNorms : Residual::Sequential;
  spec.gated = false;
  spec.biases = {.mlp = true, .norms = true};
  read_attention_bias(fields, spec, "attention_bias", true);
  spec.qkv = QkvLayout::PerHead;
  spec.names = {.embedding = "gpt_neox.embed_in",
                .output_norm = "gpt_neox.final_layer_norm",
                .head = "embed_out",
                .attention_norm = "gpt_neox.layers.{}.input_layernorm",
                .mlp_norm = "gpt_neox.layers.{}.post_attention_layernorm",
                .qkv = "gpt_neox.layers.{}.attention.query_key_value",
                .o = "gpt_neox.layers.{}.attention.dense",
                .up = "gpt_neox.layers.{}.mlp.dense_h_to_4h",
                .down = "gpt_neox.layers.{}.mlp.dense_4h_to_h",
                .activation = "gpt_neox.layers.{}.mlp.act"};
}

// Phi 1 and 2: attention and MLP side by side on one norm, half of each head rotates.
void phi(ConfigFields& fields, DecoderSpec& spec) {
  llama_like(fields,
             {.vocabulary = 51200,
              .hidden = 2048,
              .intermediate = 8192,
              .layers = 24,
              .epsilon = 1e-5,
              .partial_rotary = 0.5,
              .activation = "gelu_new",
              .epsilon_name = "layer_norm_eps"},
             spec);
  spec.norm.kind = NormKind::Layer;
  spec.residual = Residual::Parallel;
  spec.gated = false;
  spec.biases = {.qkv = true, .o = true, .mlp = true, .head = true, .norms = true};
  if (fields.boolean("qk_layernorm", false)) {
    spec.qk_norm = QkNorm::PerHead;
    spec.names.q_norm = "model.layers.{}.self_attn.q_layernorm";
    spec.names.k_norm = "model.layers.{}.self_attn.k_layernorm";
  }
  spec.names.output_norm = "model.final_layernorm";
  spec.names.mlp_norm.clear();
  spec.names.o = "model.layers.{}.self_attn.dense";
  spec.names.up = "model.layers.{}.mlp.fc1";
  spec.names.down = "model.layers.{}.mlp.fc2";
  spec.names.activation = "model.layers.{}.mlp.activation_fn";
}

// Three generations: heads in groups with two norms (new decoder architecture), one kv head (multi-query), or
// as many as heads; with ALiBi instead of rotation where `alibi` says so.
void falcon(ConfigFields& fields, DecoderSpec& spec) {
  const bool grouped = fields.boolean("new_decoder_architecture", false);
  const bool multi_query = fields.boolean("multi_query", true);
  const bool parallel = fields.boolean("parallel_attn", true);
  llama_like(fields,
             {.vocabulary = 65024,
              .hidden = 4544,
              .heads = 71,
              .epsilon = 1e-5,
              .tied = true,
              .activation = "gelu",
              .epsilon_name = "layer_norm_epsilon",
              .activation_name = "activation"},
             spec);
  spec.norm.kind = NormKind::Layer;
  spec.gated = false;
  spec.biases.norms = true;
  spec.biases.qkv = spec.biases.o = spec.biases.mlp = fields.boolean("bias", false);
  spec.kv_heads =
      grouped ? fields.integer("num_kv_heads", spec.heads, 1, kHeadsMax) : (multi_query ? 1 : spec.heads);
  spec.intermediate = fields.integer("ffn_hidden_size", 4 * std::int64_t{spec.hidden}, 1, kWidthMax);
  spec.qkv = grouped || multi_query ? QkvLayout::PerGroup : QkvLayout::PerHead;
  if (fields.boolean("alibi", false)) {
    spec.positions = PositionKind::Alibi;
    spec.alibi_scale = spec.attention_scale;  // added before the scores are scaled
    spec.rotary.clear();
  }
  const bool two_norms = grouped && fields.integer("num_ln_in_parallel_attn", 2) == 2;
  spec.residual = !parallel && !grouped ? Residual::Sequential
                  : two_norms           ? Residual::ParallelTwoNorms
                                        : Residual::Parallel;
  spec.names = {.embedding = "transformer.word_embeddings",
                .output_norm = "transformer.ln_f",
                .head = "lm_head",
                .attention_norm = two_norms ? "transformer.h.{}.ln_attn" : "transformer.h.{}.input_layernorm",
                .mlp_norm = two_norms  ? "transformer.h.{}.ln_mlp"
                            : parallel ? ""
                                       : "transformer.h.{}.post_attention_layernorm",
                .qkv = "transformer.h.{}.self_attention.query_key_value",
                .o = "transformer.h.{}.self_attention.dense",
                .up = "transformer.h.{}.mlp.dense_h_to_4h",
                .down = "transformer.h.{}.mlp.dense_4h_to_h",
                .activation = "transformer.h.{}.mlp.act"};
}

// Llama's shape with LayerNorm, biases and a plain MLP.
void starcoder2(ConfigFields& fields, DecoderSpec& spec) {
  llama_like(fields,
             {.vocabulary = 49152,
              .hidden = 3072,
              .intermediate = 12288,
              .layers = 30,
              .heads = 24,
              .kv_heads = 2,
              .positions = 4096,
              .epsilon = 1e-5,
              .tied = true,
              .activation = "gelu_pytorch_tanh",
              .epsilon_name = "norm_epsilon"},
             spec);
  spec.norm.kind = NormKind::Layer;
  spec.gated = false;
  spec.biases.norms = true;
  spec.biases.qkv = spec.biases.o = spec.biases.mlp = fields.boolean("use_bias", true);
  const int window = fields.window("sliding_window", 0);
  for (LayerSpec& layer : spec.layers) layer.window = window;
  spec.names.up = "model.layers.{}.mlp.c_fc";
  spec.names.down = "model.layers.{}.mlp.c_proj";
  spec.names.activation = "model.layers.{}.mlp.act";
}

// Llama with LayerNorm, and a quarter of each head that rotates.
void stablelm(ConfigFields& fields, DecoderSpec& spec) {
  llama_like(fields,
             {.vocabulary = 50304,
              .hidden = 2560,
              .intermediate = 6912,
              .kv_heads = 32,
              .positions = 4096,
              .epsilon = 1e-5,
              .partial_rotary = 0.25,
              .epsilon_name = "layer_norm_eps"},
             spec);
  spec.norm.kind = NormKind::Layer;
  spec.biases = {.qkv = fields.boolean("use_qkv_bias", false), .norms = true};
  if (fields.boolean("use_parallel_residual", false)) {
    spec.residual = Residual::Parallel;
    spec.names.mlp_norm.clear();
  }
  if (fields.boolean("qk_layernorm", false)) {
    spec.qk_norm = QkNorm::EachHead;
    spec.names.q_norm = "model.layers.{}.self_attn.q_layernorm.norms.{h}";
    spec.names.k_norm = "model.layers.{}.self_attn.k_layernorm.norms.{h}";
  }
}

}  // namespace minerva::native
