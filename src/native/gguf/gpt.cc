#include "native/gguf/gpt.h"

#include "native/gguf/common.h"

namespace minerva::native {
namespace {

// LayerNorm, and an MLP without a gate.
void gpt_like(GgufFields& fields, DecoderSpec& spec) {
  gguf_llama_like(fields, spec, "attention.layer_norm_epsilon");
  spec.norm.kind = NormKind::Layer;
  spec.gated = false;
  spec.activation = kernels::Activation::GeluTanh;
  spec.names.gate.clear();
}

}  // namespace

// Learned positions. The converter has turned the linear weights round.
void gguf_gpt2(GgufFields& fields, DecoderSpec& spec) {
  gpt_like(fields, spec);
  spec.positions = PositionKind::Learned;
  spec.rotary.clear();
  spec.names.position_embedding = "position_embd";
}

void gguf_starcoder2(GgufFields& fields, DecoderSpec& spec) {
  gpt_like(fields, spec);
}

// Attention and MLP side by side. The converter has put q, k and v one after the other.
void gguf_gptneox(GgufFields& fields, DecoderSpec& spec) {
  gpt_like(fields, spec);
  spec.activation = kernels::Activation::Gelu;
  if (fields.boolean("use_parallel_residual")) spec.residual = Residual::ParallelTwoNorms;
}

// As gptneox; the larger ones have a norm for each block, the others one for both.
void gguf_falcon(GgufFields& fields, DecoderSpec& spec) {
  gpt_like(fields, spec);
  spec.activation = kernels::Activation::Gelu;
  const bool two_norms = fields.has_tensor("blk.0.attn_norm_2.weight");
  spec.residual = two_norms ? Residual::ParallelTwoNorms : Residual::Parallel;
  spec.names.mlp_norm = two_norms ? spec.names.attention_norm : "";
  if (two_norms) spec.names.attention_norm = "blk.{}.attn_norm_2";
}

// Phi 1 and 2: one norm for both blocks.
void gguf_phi2(GgufFields& fields, DecoderSpec& spec) {
  gpt_like(fields, spec);
  spec.residual = Residual::Parallel;
  spec.names.mlp_norm.clear();
}

// Llama with LayerNorm, and a part of each head that rotates.
void gguf_stablelm(GgufFields& fields, DecoderSpec& spec) {
  gguf_llama_like(fields, spec, "attention.layer_norm_epsilon");
  spec.norm.kind = NormKind::Layer;
  if (fields.has_tensor("blk.0.ffn_norm.weight")) return;
  spec.residual = Residual::Parallel;
  spec.names.mlp_norm.clear();
}

}  // namespace minerva::native
