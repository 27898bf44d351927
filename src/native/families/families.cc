#include "native/families/families.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "native/families/cohere.h"
#include "native/families/deepseek.h"
#include "native/families/gemma.h"
#include "native/families/gpt.h"
#include "native/families/gpt_oss.h"
#include "native/families/hybrid.h"
#include "native/families/llama.h"
#include "native/families/olmo.h"
#include "native/families/opt.h"
#include "native/families/qwen.h"

namespace minerva::native {
namespace {

using Entry = std::pair<std::string_view, FamilyFunction>;

constexpr std::array kFamilies = {
    Entry{"apertus", apertus},
    Entry{"bloom", bloom},
    Entry{"cohere", cohere},
    Entry{"cohere2", cohere2},
    Entry{"deepseek_v2", deepseek_v2},
    Entry{"deepseek_v3", deepseek_v3},
    Entry{"ernie4_5", ernie4_5},
    Entry{"exaone4", exaone4},
    Entry{"falcon", falcon},
    Entry{"gemma", gemma},
    Entry{"gemma2", gemma2},
    Entry{"gemma3_text", gemma3_text},
    Entry{"glm4", glm4},
    Entry{"gpt2", gpt2},
    Entry{"gpt_neox", gpt_neox},
    Entry{"gpt_oss", gpt_oss},
    Entry{"granite", granite},
    Entry{"lfm2", lfm2},
    Entry{"llama", llama},
    Entry{"mistral", mistral},
    Entry{"mixtral", mixtral},
    Entry{"nemotron", nemotron},
    Entry{"olmo2", olmo2},
    Entry{"olmo3", olmo3},
    Entry{"olmoe", olmoe},
    Entry{"opt", opt},
    Entry{"phi", phi},
    Entry{"phi3", phi3},
    Entry{"qwen2", qwen2},
    Entry{"qwen2_moe", qwen2_moe},
    Entry{"qwen3", qwen3},
    Entry{"qwen3_moe", qwen3_moe},
    Entry{"qwen3_next", qwen3_next},
    Entry{"seed_oss", seed_oss},
    Entry{"smollm3", smollm3},
    Entry{"stablelm", stablelm},
    Entry{"starcoder2", starcoder2},
};

// `quantization_config` stands at the top, also where the text model has a section of its own.
void read_fp8_blocks(ConfigFields& fields, DecoderSpec& spec) {
  const auto section = fields.object("quantization_config");
  if (!section) return;
  ConfigFields inner(*section);
  const auto blocks = inner.integers("weight_block_size");
  if (!blocks.empty()) {
    const auto sound = [](std::int64_t size) { return size >= 1 && size <= kWidthMax; };
    if (blocks.size() == 2 && std::ranges::all_of(blocks, sound)) {
      spec.fp8_block_rows = static_cast<int>(blocks[0]);
      spec.fp8_block_cols = static_cast<int>(blocks[1]);
    } else {
      inner.reject("weight_block_size", "is not two positive sizes");
    }
  }
  fields.adopt(inner);
}

// What makes of a decoder an encoder. transformers takes any value that Python calls false, null too.
void check_causal(ConfigFields& fields) {
  constexpr const char* kEncoder =
      "a model whose tokens also see what comes after them (an encoder) is not supported";
  if (fields.is_null("is_causal") || !fields.boolean("is_causal", true)) {
    fields.reject("is_causal", fmt::format("is not true: {}", kEncoder));
  }
  if (fields.boolean("use_bidirectional_attention", false)) {
    fields.reject("use_bidirectional_attention", fmt::format("is true: {}", kEncoder));
  }
}

void check_windows_and_activation(ConfigFields& fields, const DecoderSpec& spec) {
  if (std::ranges::any_of(spec.layers, [](const LayerSpec& layer) { return layer.window < 0; })) {
    fields.reject(
        "sliding_window",
        "is not above 0, or off (use_sliding_window), where layers have a window: no token would see "
        "anything; null means no window");
  }
  if (spec.learned_activation && (spec.experts.count > 0 || spec.names.activation.empty())) {
    fields.reject({"hidden_activation", "hidden_act", "activation_function", "activation"},
                  "names an activation with learned parameters, which this family does not have");
  }
}

// Sizes that must fit each other.
void check(ConfigFields& fields, const DecoderSpec& spec) {
  if (spec.head_dim > 2 * kHeadMax) {
    fields.reject("hidden_size", fmt::format("makes heads of {} elements; expected at most {}", spec.head_dim,
                                             2 * kHeadMax));
  }
  if (spec.heads % spec.kv_heads != 0) {
    fields.reject("num_key_value_heads", fmt::format("is {}, which does not divide the {} attention heads",
                                                     spec.kv_heads, spec.heads));
  }
  if (spec.experts.used > spec.experts.count) {
    fields.reject("num_experts_per_tok",
                  fmt::format("is {} of {} experts", spec.experts.used, spec.experts.count));
  }
  const ExpertsSpec& experts = spec.experts;
  if (experts.groups <= 1) return;
  if (experts.count % experts.groups != 0) {
    fields.reject("n_group",
                  fmt::format("is {}, which does not divide the {} experts", experts.groups, experts.count));
  } else if (experts.groups_used > experts.groups) {
    fields.reject("topk_group", fmt::format("is {} of {} groups", experts.groups_used, experts.groups));
  } else if (experts.used > experts.groups_used * (experts.count / experts.groups)) {
    fields.reject("num_experts_per_tok",
                  fmt::format("is {} where {} groups of {} experts are looked at", experts.used,
                              experts.groups_used, experts.count / experts.groups));
  }
}

}  // namespace

FamilyFunction find_family(std::string_view model_type) noexcept {
  const auto found = std::ranges::find(kFamilies, model_type, &Entry::first);
  return found == kFamilies.end() ? nullptr : found->second;
}

std::vector<std::string_view> family_names() {
  std::vector<std::string_view> names;
  for (const Entry& entry : kFamilies) names.push_back(entry.first);
  return names;
}

Result<DecoderSpec> decoder_spec(const HfConfig& config) {
  MINERVA_ASSIGN(const HfConfig text_config, config.text());
  MINERVA_ASSIGN(const std::string model_type, text_config.require_string("model_type"));
  const FamilyFunction family = find_family(model_type);
  if (family == nullptr) {
    return model_loading(
        fmt::format("'{}': the architecture '{}' is not supported by the native backend", config.file(),
                    model_type),
        fmt::format("The native backend runs: {}. A GGUF of the model may run on the llama backend.",
                    fmt::join(family_names(), ", ")));
  }
  return decoder_spec(config, family);
}

Result<DecoderSpec> decoder_spec(const HfConfig& config, FamilyFunction family) {
  MINERVA_ASSIGN(HfConfig text_config, config.text());
  DecoderSpec spec;
  MINERVA_ASSIGN(spec.family, text_config.require_string("model_type"));
  ConfigFields fields(std::move(text_config));
  check_causal(fields);
  family(fields, spec);
  check(fields, spec);
  check_windows_and_activation(fields, spec);
  ConfigFields whole(config);
  read_fp8_blocks(whole, spec);
  fields.adopt(whole);
  if (fields.error()) return std::unexpected(*fields.error());
  return spec;
}

}  // namespace minerva::native
