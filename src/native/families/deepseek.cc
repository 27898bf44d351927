// DeepSeek V2 and V3: latent attention, experts in groups, shared experts, a few dense layers first.
#include "native/families/deepseek.h"

#include <cmath>

#include "native/families/common.h"

namespace minerva::native {
namespace {

// Where the two generations have other class defaults.
struct Generation {
  ClassDefaults llama;
  int moe_intermediate, dense_first, experts, shared;
  double routed_scale;
};

void latent_attention(ConfigFields& fields, const ClassDefaults& defaults, DecoderSpec& spec) {
  const int plain = fields.integer("qk_nope_head_dim", 128, 1, kHeadMax);
  spec.latent = {
      .rank = fields.integer("kv_lora_rank", 512, 1, kWidthMax),
      .query_rank = fields.is_null("q_lora_rank") ? 0 : fields.integer("q_lora_rank", 1536, 1, kWidthMax),
      .rotary_dims = fields.integer("qk_rope_head_dim", 64, 2, kHeadMax)};
  spec.kv_heads = spec.heads;
  spec.head_dim = spec.latent.rotary_dims;  // what the rotation knows of
  add_rotary(fields, defaults, spec);
  spec.head_dim += plain;
  spec.value_dim = fields.integer("v_head_dim", 128, 1, kHeadMax);
  const float yarn = yarn_score_scale(fields);
  spec.attention_scale = yarn * yarn / std::sqrt(static_cast<float>(spec.head_dim));
  spec.names.q_a = "model.layers.{}.self_attn.q_a_proj";
  spec.names.q_a_norm = "model.layers.{}.self_attn.q_a_layernorm";
  spec.names.q_b = "model.layers.{}.self_attn.q_b_proj";
  spec.names.kv_a = "model.layers.{}.self_attn.kv_a_proj_with_mqa";
  spec.names.kv_a_norm = "model.layers.{}.self_attn.kv_a_layernorm";
  spec.names.kv_b = "model.layers.{}.self_attn.kv_b_proj";
  spec.biases.latent = spec.biases.o = fields.boolean("attention_bias", false);
}

void deepseek(ConfigFields& fields, const Generation& generation, DecoderSpec& spec) {
  ClassDefaults defaults = generation.llama;
  defaults.head_dim = fields.integer("qk_rope_head_dim", 64, 2, kHeadMax);
  llama_like(fields, defaults, spec);
  latent_attention(fields, defaults, spec);
  const int dense = fields.integer("first_k_dense_replace", generation.dense_first, 0);
  for (int i = dense; i < spec.layer_count; ++i) spec.layers[static_cast<std::size_t>(i)].experts = true;
  const int width = fields.integer("moe_intermediate_size", generation.moe_intermediate, 1, kWidthMax);
  spec.experts = {
      .count = fields.integer({"n_routed_experts", "num_local_experts"}, generation.experts, 1, kExpertsMax),
      .intermediate = width,
      .scale = fields.number("routed_scaling_factor", generation.routed_scale),
      .shared_intermediate = width * fields.integer("n_shared_experts", generation.shared, 1, kSharedMax)};
  name_experts(spec);
  spec.names.shared_gate = "model.layers.{}.mlp.shared_experts.gate_proj";
  spec.names.shared_up = "model.layers.{}.mlp.shared_experts.up_proj";
  spec.names.shared_down = "model.layers.{}.mlp.shared_experts.down_proj";
}

}  // namespace

// Softmax over all experts, then the best; with "group_limited_greedy" the best of the best groups.
void deepseek_v2(ConfigFields& fields, DecoderSpec& spec) {
  deepseek(fields,
           {.llama = {.vocabulary = 102400},
            .moe_intermediate = 1407,
            .dense_first = 0,
            .experts = 64,
            .shared = 2,
            .routed_scale = 1.0},
           spec);
  rotate_pairs(spec);
  spec.biases.mlp = fields.boolean("mlp_bias", false);
  spec.experts.used = fields.integer("num_experts_per_tok");
  const std::string method = fields.text("topk_method", "greedy");
  if (method == "group_limited_greedy") {
    spec.experts.groups = fields.integer("n_group");
    spec.experts.groups_used = fields.integer("topk_group");
  } else if (method != "greedy") {
    fields.reject("topk_method", "is '" + method + "' where 'greedy' or 'group_limited_greedy' was expected");
  }
}

// Sigmoids, and a correction for each expert that counts for the choice but not for the weight; groups are
// chosen by their two best.
void deepseek_v3(ConfigFields& fields, DecoderSpec& spec) {
  deepseek(fields,
           {.llama = {.vocabulary = 129280,
                      .hidden = 7168,
                      .intermediate = 18432,
                      .layers = 61,
                      .heads = 128,
                      .positions = 4096},
            .moe_intermediate = 2048,
            .dense_first = 3,
            .experts = 256,
            .shared = 1,
            .routed_scale = 2.5},
           spec);
  if (fields.boolean("rope_interleave", true)) rotate_pairs(spec);
  spec.experts.used = fields.integer("num_experts_per_tok", 8);
  spec.experts.groups = fields.integer("n_group", 8);
  spec.experts.groups_used = fields.integer("topk_group", 4);
  spec.experts.group_score_is_top2 = true;
  spec.experts.sigmoid = true;
  spec.experts.normalise = fields.boolean("norm_topk_prob", true);
  spec.names.router_correction = "model.layers.{}.mlp.gate.e_score_correction_bias";
}

}  // namespace minerva::native
