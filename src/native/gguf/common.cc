#include "native/gguf/common.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "native/config_fields.h"

namespace minerva::native {
namespace {

TensorNames gguf_names(const GgufFields& fields) {
  TensorNames names{.embedding = "token_embd",
                    .output_norm = "output_norm",
                    .head = "output",
                    .attention_norm = "blk.{}.attn_norm",
                    .mlp_norm = "blk.{}.ffn_norm",
                    .o = "blk.{}.attn_output",
                    .gate = "blk.{}.ffn_gate",
                    .up = "blk.{}.ffn_up",
                    .down = "blk.{}.ffn_down"};
  if (fields.has_tensor("blk.0.attn_qkv.weight")) {  // any architecture may be converted with them fused
    names.qkv = "blk.{}.attn_qkv";
  } else {
    names.q = "blk.{}.attn_q";
    names.k = "blk.{}.attn_k";
    names.v = "blk.{}.attn_v";
  }
  return names;
}

void read_yarn(GgufFields& fields, RotarySpec& rotary) {
  rotary.kind = RotaryKind::Yarn;
  rotary.beta_fast = fields.number("rope.scaling.yarn_beta_fast", 32.0);
  rotary.beta_slow = fields.number("rope.scaling.yarn_beta_slow", 1.0);
  if (rotary.factor > 1) rotary.attention_factor *= 0.1F * std::log(rotary.factor) + 1.0F;
  for (const char* key : {"rope.scaling.yarn_log_multiplier", "rope.scaling.yarn_ext_factor"}) {
    if (fields.has(key)) fields.reject(key, "is not supported by the native backend");
  }
}

void read_longrope(GgufFields& fields, RotarySpec& rotary) {
  rotary.kind = RotaryKind::LongRope;
  rotary.short_factors = fields.tensor("rope_factors_short.weight", rotary.dims / 2);
  rotary.long_factors = fields.tensor("rope_factors_long.weight", rotary.dims / 2);
}

void read_scaling(GgufFields& fields, RotarySpec& rotary) {
  const char* factor = fields.has("rope.scaling.factor") ? "rope.scaling.factor" : "rope.scale_linear";
  rotary.factor = fields.number(factor, 1.0);
  if (rotary.factor == 0) rotary.factor = 1;  // some converters write 0 for none
  if (rotary.factor < 0) fields.reject(factor, "is below 0");
  rotary.attention_factor = fields.number("rope.scaling.attn_factor", 1.0);
  const std::string type = fields.text("rope.scaling.type", "linear");
  if (fields.has_tensor("rope_factors_long.weight") || type == "longrope") {
    read_longrope(fields, rotary);
  } else if (type == "yarn") {
    read_yarn(fields, rotary);
  } else if (type == "linear") {
    if (rotary.factor != 1) rotary.kind = RotaryKind::Linear;
  } else if (type != "none") {
    fields.reject("rope.scaling.type", fmt::format("is '{}', which Minerva does not know", type));
  }
}

// Frequencies are llama.cpp's: the ones of Llama 3 come as factors in rope_freqs.weight.
RotarySpec read_rotary(GgufFields& fields, const DecoderSpec& spec) {
  RotarySpec rotary{.kind = RotaryKind::Default, .head_dim = spec.head_dim};
  rotary.dims = fields.integer("rope.dimension_count", spec.head_dim, 2, spec.head_dim);
  if (rotary.dims % 2 != 0) {
    fields.reject("rope.dimension_count", fmt::format("is {}, which is odd", rotary.dims));
    rotary.dims = 2;
  }
  rotary.theta = fields.number("rope.freq_base", 10000.0);
  if (!(rotary.theta > 0)) fields.reject("rope.freq_base", "is not above 0");
  rotary.max_positions = spec.context_length;
  rotary.original_positions =
      static_cast<std::uint32_t>(fields.integer("rope.scaling.original_context_length", spec.context_length));
  read_scaling(fields, rotary);
  if (fields.has_tensor("rope_freqs.weight"))
    rotary.factors = fields.tensor("rope_freqs.weight", rotary.dims / 2);
  return rotary;
}

}  // namespace

void gguf_llama_like(GgufFields& fields, DecoderSpec& spec, std::string_view epsilon) {
  spec.vocabulary = fields.vocabulary_size();
  spec.hidden = fields.integer("embedding_length", {}, 1, kWidthMax);
  spec.layer_count = fields.integer("block_count", {}, 1, kLayersMax);
  spec.intermediate = fields.same_in_layers("feed_forward_length", {}, 1, kWidthMax);
  spec.heads = fields.same_in_layers("attention.head_count", {}, 1, kHeadsMax);
  spec.kv_heads = fields.same_in_layers("attention.head_count_kv", spec.heads, 1, kHeadsMax);
  if (spec.heads % spec.kv_heads != 0) {
    fields.reject(
        "attention.head_count_kv",
        fmt::format("is {}, which does not divide the {} attention heads", spec.kv_heads, spec.heads));
  }
  spec.head_dim = fields.integer("attention.key_length", std::max(1, spec.hidden / spec.heads), 1, kHeadMax);
  spec.value_dim =
      fields.integer("attention.value_length", std::max(1, spec.hidden / spec.heads), 1, kHeadMax);
  if (spec.value_dim != spec.head_dim) {
    fields.reject("attention.value_length",
                  fmt::format("is {}, but keys have {} elements", spec.value_dim, spec.head_dim));
  }
  spec.context_length = static_cast<std::uint32_t>(fields.integer("context_length"));
  spec.norm.epsilon = fields.number(epsilon);
  spec.tied_head = !fields.has_tensor("output.weight");
  spec.attention_scale = 1.0F / std::sqrt(static_cast<float>(spec.head_dim));
  spec.layers.assign(static_cast<std::size_t>(spec.layer_count), {});
  spec.names = gguf_names(fields);
  spec.biases = {true, true, true, true, true, true, true, true, true};  // seen from the tensors
  if (!spec.names.qkv.empty()) spec.qkv = QkvLayout::Concatenated;
  if (spec.head_dim >= 2) spec.rotary = {read_rotary(fields, spec)};
  if (spec.head_dim < 2) fields.reject("attention.key_length", "is 1, which can't rotate");
}

void gguf_rows_in_pairs(GgufFields& fields, DecoderSpec& spec) {
  for (RotarySpec& rotary : spec.rotary) {
    rotary.stored_in_pairs = true;
    if (rotary.dims == spec.head_dim && rotary.dims <= kernels::kUnpairedMax) continue;
    fields.reject("rope.dimension_count",
                  fmt::format("is {} of {} elements of a head; the native backend rotates the whole head of "
                              "at most {} in this architecture",
                              rotary.dims, spec.head_dim, kernels::kUnpairedMax));
  }
}

void gguf_windows(GgufFields& fields, DecoderSpec& spec, int window, int pattern) {
  constexpr std::string_view kPattern = "attention.sliding_window_pattern";
  if (const auto flags = fields.layer_flags(kPattern, spec.layer_count)) {
    for (std::size_t i = 0; i < spec.layers.size(); ++i) spec.layers[i].window = (*flags)[i] ? window : 0;
    return;
  }
  pattern = fields.integer(kPattern, pattern, 0);
  for (int i = 0; i < spec.layer_count; ++i) {
    const bool windowed = pattern == 0 || i % pattern < pattern - 1;
    if (windowed) spec.layers[static_cast<std::size_t>(i)].window = window;
  }
}

void gguf_experts(GgufFields& fields, DecoderSpec& spec, bool normalise, bool shared) {
  const int count = fields.integer("expert_count", 0, 0, kExpertsMax);
  if (count == 0) return;
  spec.experts = {
      .count = count,
      .used = fields.same_in_layers("expert_used_count", {}, 1, count),
      .intermediate = fields.same_in_layers("expert_feed_forward_length", spec.intermediate, 1, kWidthMax),
      .normalise = normalise};
  if (shared) {
    spec.experts.shared_intermediate =
        fields.integer("expert_shared_feed_forward_length", spec.intermediate, 1, kWidthMax);
    spec.experts.shared_gate = true;
    spec.names.shared_gate = "blk.{}.ffn_gate_shexp";
    spec.names.shared_up = "blk.{}.ffn_up_shexp";
    spec.names.shared_down = "blk.{}.ffn_down_shexp";
    spec.names.shared_router = "blk.{}.ffn_gate_inp_shexp";
  }
  spec.names.router = "blk.{}.ffn_gate_inp";
  spec.names.stacked_gate = "blk.{}.ffn_gate_exps";
  spec.names.stacked_up = "blk.{}.ffn_up_exps";
  spec.names.stacked_down = "blk.{}.ffn_down_exps";
  for (std::string* dense : {&spec.names.gate, &spec.names.up, &spec.names.down}) dense->clear();
  for (LayerSpec& layer : spec.layers) layer.experts = true;
  for (const char* key :
       {"expert_gating_func", "expert_weights_scale", "expert_group_count", "leading_dense_block_count"}) {
    if (fields.has(key)) fields.reject(key, "is not supported by the native backend in this architecture");
  }
}

}  // namespace minerva::native
