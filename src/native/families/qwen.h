// Family functions (see families.h): Qwen 2 and 3, dense and with experts.
#pragma once

#include "native/config_fields.h"
#include "native/decoder_spec.h"

namespace minerva::native {

/// The class defaults of `num_experts`, `num_experts_per_tok`, `moe_intermediate_size` and `norm_topk_prob`.
struct QwenExperts {
  int count, used, intermediate;
  bool normalise;
};
/// Routed experts, in which layers, and their tensors' names.
void set_qwen_experts(ConfigFields& fields, const QwenExperts& defaults, DecoderSpec& spec);
/// The shared expert with its gate; after set_qwen_experts.
void set_shared_expert(ConfigFields& fields, int intermediate, DecoderSpec& spec);

void qwen2(ConfigFields& fields, DecoderSpec& spec);
void qwen2_moe(ConfigFields& fields, DecoderSpec& spec);
void qwen3(ConfigFields& fields, DecoderSpec& spec);
void qwen3_moe(ConfigFields& fields, DecoderSpec& spec);

}  // namespace minerva::native
