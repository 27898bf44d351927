// OPT, BLOOM and Nemotron: LayerNorm and an MLP without a gate, as in GPT-2, but positions of their own.
#include "native/families/opt.h"

#include <algorithm>
#include <cmath>

#include "native/families/common.h"

namespace minerva::native {

// Zhang et al. 2022. Learned positions that start at 2. The 350M model has narrower embeddings, and its norms
// stand after what a block adds.
void opt(ConfigFields& fields, DecoderSpec& spec) {
  spec.vocabulary = fields.integer("vocab_size", 50272, 1, kWidthMax);
  spec.hidden = fields.integer("hidden_size", 768, 1, kWidthMax);
  spec.embedding_width = fields.integer("word_embed_proj_dim", spec.hidden, 1, kWidthMax);
  spec.layer_count = fields.integer("num_hidden_layers", 12, 1, kLayersMax);
  spec.heads = spec.kv_heads = fields.integer("num_attention_heads", 12, 1, kHeadsMax);
  spec.head_dim = spec.value_dim = std::max(1, spec.hidden / spec.heads);
  spec.intermediate = fields.integer("ffn_dim", 3072, 1, kWidthMax);
  spec.context_length = static_cast<std::uint32_t>(fields.integer("max_position_embeddings", 2048));
  spec.positions = PositionKind::Learned;
  spec.position_offset = 2;
  spec.layers.assign(static_cast<std::size_t>(spec.layer_count), {});
  spec.norm = {.kind = NormKind::Layer, .epsilon = 1e-5F};
  spec.norm_after_residual = !fields.boolean("do_layer_norm_before", true);
  if (!fields.boolean("layer_norm_elementwise_affine", true)) {
    fields.reject("layer_norm_elementwise_affine", "is false, which is not supported");
  }
  read_activation(fields, "activation_function", "relu", spec);
  spec.biases.norms = true;
  spec.biases.qkv = spec.biases.o = spec.biases.mlp = fields.boolean("enable_bias", true);
  spec.gated = false;
  spec.tied_head = fields.boolean("tie_word_embeddings", true);
  spec.attention_scale = 1.0F / std::sqrt(static_cast<float>(spec.head_dim));
  const bool final_norm = !spec.norm_after_residual && !fields.boolean("_remove_final_layer_norm", false);
  spec.names = {.embedding = "model.decoder.embed_tokens",
                .position_embedding = "model.decoder.embed_positions",
                .output_norm = final_norm ? "model.decoder.final_layer_norm" : "",
                .head = "lm_head",
                .attention_norm = "model.decoder.layers.{}.self_attn_layer_norm",
                .mlp_norm = "model.decoder.layers.{}.final_layer_norm",
                .q = "model.decoder.layers.{}.self_attn.q_proj",
                .k = "model.decoder.layers.{}.self_attn.k_proj",
                .v = "model.decoder.layers.{}.self_attn.v_proj",
                .o = "model.decoder.layers.{}.self_attn.out_proj",
                .up = "model.decoder.layers.{}.fc1",
                .down = "model.decoder.layers.{}.fc2",
                .activation = "model.decoder.layers.{}.activation_fn"};
  if (spec.embedding_width != spec.hidden) {
    spec.names.project_in = "model.decoder.project_in";
    spec.names.project_out = "model.decoder.project_out";
  }
}

// Le Scao et al. 2022. ALiBi, a norm on the embeddings, q, k and v of each head together.
void bloom(ConfigFields& fields, DecoderSpec& spec) {
  spec.vocabulary = fields.integer("vocab_size", 250880, 1, kWidthMax);
  spec.hidden = fields.integer({"n_embed", "hidden_size"}, 64, 1, kWidthMax);
  spec.layer_count = fields.integer({"num_hidden_layers", "n_layer"}, 2, 1, kLayersMax);
  spec.heads = spec.kv_heads = fields.integer({"num_attention_heads", "n_head"}, 8, 1, kHeadsMax);
  spec.head_dim = spec.value_dim = std::max(1, spec.hidden / spec.heads);
  spec.intermediate = 4 * spec.hidden;
  spec.context_length =
      static_cast<std::uint32_t>(fields.integer("seq_length", 2048));  // ALiBi sets no bound
  spec.positions = PositionKind::Alibi;
  spec.layers.assign(static_cast<std::size_t>(spec.layer_count), {});
  spec.norm = {.kind = NormKind::Layer, .epsilon = fields.number("layer_norm_epsilon", 1e-5)};
  spec.residual_after_norm = fields.boolean("apply_residual_connection_post_layernorm", false);
  spec.activation = kernels::Activation::GeluTanh;
  spec.gated = false;
  spec.tied_head = fields.boolean("tie_word_embeddings", true);
  spec.attention_scale = 1.0F / std::sqrt(static_cast<float>(spec.head_dim));
  spec.qkv = QkvLayout::PerHead;
  spec.biases = {.qkv = true, .o = true, .mlp = true, .norms = true};
  spec.names = {.embedding = "transformer.word_embeddings",
                .embedding_norm = "transformer.word_embeddings_layernorm",
                .output_norm = "transformer.ln_f",
                .head = "lm_head",
                .attention_norm = "transformer.h.{}.input_layernorm",
                .mlp_norm = "transformer.h.{}.post_attention_layernorm",
                .qkv = "transformer.h.{}.self_attention.query_key_value",
                .o = "transformer.h.{}.self_attention.dense",
                .up = "transformer.h.{}.mlp.dense_h_to_4h",
                .down = "transformer.h.{}.mlp.dense_4h_to_h"};
}

// Llama with LayerNorm whose weights are stored as w - 1, squared ReLU, half of each head rotating.
void nemotron(ConfigFields& fields, DecoderSpec& spec) {
  llama_like(fields,
             {.vocabulary = 256000,
              .hidden = 6144,
              .intermediate = 24576,
              .heads = 48,
              .positions = 4096,
              .epsilon = 1e-5,
              .partial_rotary = 0.5,
              .activation = "relu2",
              .epsilon_name = "norm_eps"},
             spec);
  spec.norm.kind = NormKind::Layer;
  spec.norm.plus_one = true;
  spec.gated = false;
  read_attention_bias(fields, spec);
  spec.biases.mlp = fields.boolean("mlp_bias", false);
  spec.biases.norms = true;
}

}  // namespace minerva::native
