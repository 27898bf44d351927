#include "native/gguf/gemma.h"

#include <cmath>

#include "native/gguf/common.h"

namespace minerva::native {
namespace {

// The converter adds the 1 of Gemma's norms, so they are plain ones here.
void gemma_like(GgufFields& fields, DecoderSpec& spec) {
  gguf_llama_like(fields, spec);
  spec.embedding_scale = std::sqrt(static_cast<float>(spec.hidden));
  spec.activation = kernels::Activation::GeluTanh;
}

// Norms before and after each block. The attention's own scale does not stand in the file: `layers_27b` tells
// the one model that does not scale by the head's length, as llama.cpp does.
void sandwich(DecoderSpec& spec, int layers_27b) {
  spec.names.post_attention_norm = "blk.{}.post_attention_norm";
  spec.names.post_mlp_norm = "blk.{}.post_ffw_norm";
  const int divisor = spec.layer_count == layers_27b ? spec.hidden / spec.heads : spec.head_dim;
  spec.attention_scale = 1.0F / std::sqrt(static_cast<float>(divisor));
}

// Rotary 0 for full attention, 1 with a base of its own for windows.
void rotary_of_windows(GgufFields& fields, DecoderSpec& spec, double fallback, bool scaled) {
  if (spec.rotary.empty()) return;
  RotarySpec windowed = spec.rotary.front();
  if (!scaled) {
    windowed.kind = RotaryKind::Default;
    windowed.factor = windowed.attention_factor = 1.0F;
  }
  windowed.theta = fields.number("rope.freq_base_swa", fallback);
  if (!(windowed.theta > 0)) fields.reject("rope.freq_base_swa", "is not above 0");
  spec.rotary.push_back(windowed);
  for (LayerSpec& layer : spec.layers) layer.rotary_index = layer.window > 0 ? 1 : 0;
}

}  // namespace

void gguf_gemma(GgufFields& fields, DecoderSpec& spec) {
  gemma_like(fields, spec);
}

// Soft-caps on attention and logits, a window in every other layer.
void gguf_gemma2(GgufFields& fields, DecoderSpec& spec) {
  gemma_like(fields, spec);
  sandwich(spec, 46);
  spec.attention_softcap = fields.number("attn_logit_softcapping", 50.0);
  spec.logit_softcap = fields.number("final_logit_softcapping", 30.0);
  gguf_windows(fields, spec, fields.integer("attention.sliding_window", 4096, 0), 2);
  if (!spec.rotary.empty()) rotary_of_windows(fields, spec, spec.rotary.front().theta, true);
}

// Norms on the heads of q and k, five windowed layers to one full one, and two rotary bases.
void gguf_gemma3(GgufFields& fields, DecoderSpec& spec) {
  gemma_like(fields, spec);
  sandwich(spec, 62);
  spec.logit_softcap = fields.number("final_logit_softcapping", 0.0);
  spec.qk_norm = QkNorm::PerHead;
  spec.names.q_norm = "blk.{}.attn_q_norm";
  spec.names.k_norm = "blk.{}.attn_k_norm";
  const int window = fields.integer("attention.sliding_window", 0, 0);
  if (window == 0) return;
  gguf_windows(fields, spec, window, 6);
  rotary_of_windows(fields, spec, 10000.0, false);
}

}  // namespace minerva::native
