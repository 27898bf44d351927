// Gemma 1 to 3.
#include "native/families/gemma.h"

#include <cmath>

#include "native/families/common.h"

namespace minerva::native {
namespace {

// Norm weights stored as w - 1, embeddings scaled by sqrt(hidden).
void gemma_like(ConfigFields& fields, const ClassDefaults& defaults, DecoderSpec& spec) {
  llama_like(fields, defaults, spec);
  spec.norm.plus_one = true;
  read_attention_bias(fields, spec);
  spec.embedding_scale = std::sqrt(static_cast<float>(spec.hidden));
}

// Norms before and after each block; attention scaled by a number of its own; soft-caps.
void sandwich(ConfigFields& fields, DecoderSpec& spec) {
  spec.names.post_attention_norm = "model.layers.{}.post_attention_layernorm";
  spec.names.mlp_norm = "model.layers.{}.pre_feedforward_layernorm";
  spec.names.post_mlp_norm = "model.layers.{}.post_feedforward_layernorm";
  spec.attention_scale = 1.0F / std::sqrt(static_cast<float>(fields.integer("query_pre_attn_scalar", 256)));
}

// A soft cap of logits: null is none, and 0 makes of every logit a 0 (or of 0 no number).
float soft_cap(ConfigFields& fields, const char* name, double otherwise) {
  if (!fields.has(name)) return fields.is_null(name) ? 0.0F : static_cast<float>(otherwise);
  const float cap = fields.number(name);
  if (!(cap > 0)) fields.reject(name, "is not above 0; null means no soft cap");
  return cap;
}

}  // namespace

// Config files of the first releases name the exact GELU in `hidden_act`; the class computes with the tanh
// form that `hidden_activation` names.
void gemma(ConfigFields& fields, DecoderSpec& spec) {
  gemma_like(fields,
             {.vocabulary = 256000,
              .hidden = 3072,
              .intermediate = 24576,
              .layers = 28,
              .heads = 16,
              .kv_heads = 16,
              .head_dim = 256,
              .positions = 8192,
              .tied = true,
              .activation = "gelu_pytorch_tanh"},
             spec);
}

// Sandwich norms, soft-caps on attention and logits, a window in every other layer.
void gemma2(ConfigFields& fields, DecoderSpec& spec) {
  gemma_like(fields,
             {.vocabulary = 256000,
              .hidden = 2304,
              .intermediate = 9216,
              .layers = 26,
              .heads = 8,
              .kv_heads = 4,
              .head_dim = 256,
              .positions = 8192,
              .tied = true,
              .activation = "gelu_pytorch_tanh",
              .activation_name = "hidden_activation"},
             spec);
  sandwich(fields, spec);
  spec.attention_softcap = soft_cap(fields, "attn_logit_softcapping", 50);
  spec.logit_softcap = soft_cap(fields, "final_logit_softcapping", 30);
  set_windows(fields, spec, fields.window("sliding_window", 4096), [](int i) { return (i + 1) % 2 != 0; });
}

// As gemma2, with norms on the heads of q and k instead of soft-caps, five windowed layers to one full one,
// and two rotary bases.
void gemma3_text(ConfigFields& fields, DecoderSpec& spec) {
  const ClassDefaults defaults{.vocabulary = 262208,
                               .hidden = 2304,
                               .intermediate = 9216,
                               .layers = 26,
                               .heads = 8,
                               .kv_heads = 4,
                               .head_dim = 256,
                               .positions = 131072,
                               .theta = 1e6,
                               .tied = true,
                               .activation = "gelu_pytorch_tanh",
                               .activation_name = "hidden_activation"};
  gemma_like(fields, defaults, spec);
  sandwich(fields, spec);
  spec.logit_softcap = soft_cap(fields, "final_logit_softcapping", 0);
  spec.qk_norm = QkNorm::PerHead;
  spec.names.q_norm = "model.layers.{}.self_attn.q_norm";
  spec.names.k_norm = "model.layers.{}.self_attn.k_norm";
  const int pattern = fields.integer("sliding_window_pattern", 6);
  set_windows(fields, spec, fields.window("sliding_window", 4096),
              [&](int i) { return (i + 1) % pattern != 0; });
  add_rotary_per_layer_type(fields, defaults, fields.number("rope_local_base_freq", 10000.0), spec);
}

}  // namespace minerva::native
