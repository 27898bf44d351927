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

}  // namespace minerva::native
