#include "native/gguf/llama.h"

#include "native/gguf/common.h"

namespace minerva::native {

// Llama, Mistral, Mixtral, SmolLM2 and all that the converter calls "llama".
void gguf_llama(GgufFields& fields, DecoderSpec& spec) {
  gguf_llama_like(fields, spec);
  gguf_rows_in_pairs(fields, spec);
  gguf_experts(fields, spec, true);
}

// Four multipliers.
void gguf_granite(GgufFields& fields, DecoderSpec& spec) {
  gguf_llama(fields, spec);
  spec.embedding_scale = fields.number("embedding_scale", 1.0);
  spec.residual_scale = fields.number("residual_scale", 1.0);
  spec.attention_scale = fields.number("attention.scale", spec.attention_scale);
  const float divisor = fields.number("logit_scale");
  if (divisor == 0) fields.reject("logit_scale", "is zero");
  spec.logit_scale = 1.0F / divisor;
  if (fields.has("deepstack_mapping"))
    fields.reject("deepstack_mapping", "is of a vision model, which the native backend does not run");
}

// No rotation in every fourth layer: the file does not say which.
void gguf_smollm3(GgufFields& fields, DecoderSpec& spec) {
  gguf_llama(fields, spec);
  for (std::size_t i = 3; i < spec.layers.size(); i += 4) spec.layers[i].rotary = false;
}

// Norms after the blocks only, and over the full width of q and k.
void gguf_olmo2(GgufFields& fields, DecoderSpec& spec) {
  gguf_llama_like(fields, spec);
  spec.qk_norm = QkNorm::FullWidth;
  spec.names.q_norm = "blk.{}.attn_q_norm";
  spec.names.k_norm = "blk.{}.attn_k_norm";
  spec.names.attention_norm.clear();
  spec.names.mlp_norm.clear();
  spec.names.post_attention_norm = "blk.{}.post_attention_norm";
  spec.names.post_mlp_norm = "blk.{}.post_ffw_norm";
  if (fields.integer("attention.sliding_window", 0, 0) > 0)
    fields.reject("attention.sliding_window", "is set: OLMo 3 is not run by the native backend yet");
}

// Gate and up in one tensor. The window is computed, as transformers does; llama.cpp leaves it out.
void gguf_phi3(GgufFields& fields, DecoderSpec& spec) {
  gguf_llama_like(fields, spec);
  spec.names.gate.clear();
  spec.names.up.clear();
  spec.names.gate_up = "blk.{}.ffn_up";
  const int window = fields.integer("attention.sliding_window", 0, 0);
  for (LayerSpec& layer : spec.layers) layer.window = window;
}

// Biases on q, k and v (seen from the tensors).
void gguf_qwen2(GgufFields& fields, DecoderSpec& spec) {
  gguf_llama_like(fields, spec);
}

// A shared expert with a gate beside the routed ones.
void gguf_qwen2moe(GgufFields& fields, DecoderSpec& spec) {
  gguf_qwen2(fields, spec);
  gguf_experts(fields, spec, false, true);
}

void gguf_qwen3moe(GgufFields& fields, DecoderSpec& spec) {
  gguf_qwen3(fields, spec);
  gguf_experts(fields, spec, true);
}

// A norm on each head of q and k.
void gguf_qwen3(GgufFields& fields, DecoderSpec& spec) {
  gguf_llama_like(fields, spec);
  spec.qk_norm = QkNorm::PerHead;
  spec.names.q_norm = "blk.{}.attn_q_norm";
  spec.names.k_norm = "blk.{}.attn_k_norm";
}

}  // namespace minerva::native
