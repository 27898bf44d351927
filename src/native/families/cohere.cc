// Cohere's Command R and R7B.
#include "native/families/cohere.h"

#include "native/families/common.h"

namespace minerva::native {
namespace {

// Attention and MLP side by side behind one LayerNorm without bias; neighbours rotate together; logits
// scaled.
void cohere_like(ConfigFields& fields, double theta, DecoderSpec& spec) {
  llama_like(fields,
             {.vocabulary = 256000,
              .hidden = 8192,
              .intermediate = 22528,
              .layers = 40,
              .heads = 64,
              .positions = 8192,
              .epsilon = 1e-5,
              .theta = theta,
              .tied = true,
              .epsilon_name = "layer_norm_eps"},
             spec);
  rotate_pairs(spec);
  spec.norm.kind = NormKind::Layer;
  spec.residual = Residual::Parallel;
  spec.names.mlp_norm.clear();
  read_attention_bias(fields, spec);
  spec.logit_scale = fields.number("logit_scale", 0.0625);
}

}  // namespace

// Command R; Command R+ has a norm for each head of q and k.
void cohere(ConfigFields& fields, DecoderSpec& spec) {
  cohere_like(fields, 500000.0, spec);
  if (!fields.boolean("use_qk_norm", false)) return;
  name_qk_norms(spec);
  spec.qk_norm = QkNorm::EachHead;
}

// Command R7B: a window in three of four layers, and no rotation in the others.
void cohere2(ConfigFields& fields, DecoderSpec& spec) {
  cohere_like(fields, 10000.0, spec);
  const int pattern = fields.integer("sliding_window_pattern", 4);
  set_windows(fields, spec, fields.window("sliding_window", 4096),
              [&](int i) { return (i + 1) % pattern != 0; });
  for (LayerSpec& layer : spec.layers) layer.rotary = layer.window > 0;
}

}  // namespace minerva::native
