// Qwen 2 and 3, dense and with experts.
#include "native/families/qwen.h"

#include <algorithm>

#include "native/families/common.h"

namespace minerva::native {
namespace {

// Which layers have experts: every `decoder_sparse_step`-th, but for `mlp_only_layers`.
void choose_expert_layers(ConfigFields& fields, DecoderSpec& spec) {
  const auto dense = fields.integers("mlp_only_layers");
  const int step = fields.integer("decoder_sparse_step", 1);
  for (int i = 0; i < spec.layer_count; ++i) {
    const bool listed = std::ranges::find(dense, i) != dense.end();
    spec.layers[static_cast<std::size_t>(i)].experts = !listed && (i + 1) % step == 0;
  }
}

}  // namespace

void set_qwen_experts(ConfigFields& fields, const QwenExperts& defaults, DecoderSpec& spec) {
  choose_expert_layers(fields, spec);
  spec.experts = {
      .count = fields.integer({"num_experts", "num_local_experts"}, defaults.count, 1, kExpertsMax),
      .used = fields.integer("num_experts_per_tok", defaults.used),
      .intermediate = fields.integer("moe_intermediate_size", defaults.intermediate, 1, kWidthMax),
      .normalise = fields.boolean("norm_topk_prob", defaults.normalise)};
  name_experts(spec);
}

void set_shared_expert(ConfigFields& fields, int intermediate, DecoderSpec& spec) {
  spec.experts.shared_intermediate =
      fields.integer("shared_expert_intermediate_size", intermediate, 1, kWidthMax);
  spec.experts.shared_gate = true;
  spec.names.shared_gate = "model.layers.{}.mlp.shared_expert.gate_proj";
  spec.names.shared_up = "model.layers.{}.mlp.shared_expert.up_proj";
  spec.names.shared_down = "model.layers.{}.mlp.shared_expert.down_proj";
  spec.names.shared_router = "model.layers.{}.mlp.shared_expert_gate";
}

// Biases on q, k and v.
void qwen2(ConfigFields& fields, DecoderSpec& spec) {
  llama_like(fields, {.vocabulary = 151936, .intermediate = 22016, .kv_heads = 32, .positions = 32768}, spec);
  spec.biases.qkv = true;
  set_qwen_windows(fields, spec);
}

// A shared expert with a gate beside the routed ones.
void qwen2_moe(ConfigFields& fields, DecoderSpec& spec) {
  llama_like(fields,
             {.vocabulary = 151936,
              .hidden = 2048,
              .intermediate = 5632,
              .layers = 24,
              .heads = 16,
              .kv_heads = 16,
              .positions = 32768},
             spec);
  spec.biases.qkv = fields.boolean("qkv_bias", true);
  set_qwen_windows(fields, spec);
  set_qwen_experts(fields, {.count = 60, .used = 4, .intermediate = 1408, .normalise = false}, spec);
  set_shared_expert(fields, 5632, spec);
}

// An RMSNorm on each head of q and k; its own head_dim; no biases.
void qwen3(ConfigFields& fields, DecoderSpec& spec) {
  llama_like(
      fields,
      {.vocabulary = 151936, .intermediate = 22016, .kv_heads = 32, .head_dim = 128, .positions = 32768},
      spec);
  read_attention_bias(fields, spec);
  set_qwen_windows(fields, spec);
  name_qk_norms(spec);
}

void qwen3_moe(ConfigFields& fields, DecoderSpec& spec) {
  llama_like(fields,
             {.vocabulary = 151936,
              .hidden = 2048,
              .intermediate = 6144,
              .layers = 24,
              .kv_heads = 4,
              .positions = 32768},
             spec);
  read_attention_bias(fields, spec);
  if (fields.boolean("use_sliding_window", false)) {
    const int window = fields.window("sliding_window", 4096);
    for (LayerSpec& layer : spec.layers) layer.window = window;
  }
  set_qwen_experts(fields, {.count = 128, .used = 8, .intermediate = 768, .normalise = false}, spec);
  name_qk_norms(spec);
}

}  // namespace minerva::native
