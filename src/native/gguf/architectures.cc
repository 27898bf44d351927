#include "native/gguf/architectures.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <unordered_set>
#include <utility>

#include "formats/quote.h"
#include "native/gguf/gemma.h"
#include "native/gguf/gpt.h"
#include "native/gguf/llama.h"
#include "tensor/weight_matrix.h"

namespace minerva::native {
namespace {

using Entry = std::pair<std::string_view, GgufArchitectureFunction>;

constexpr std::array kArchitectures = {
    Entry{"falcon", gguf_falcon},     Entry{"gemma", gguf_gemma},       Entry{"gemma2", gguf_gemma2},
    Entry{"gemma3", gguf_gemma3},     Entry{"gpt2", gguf_gpt2},         Entry{"gptneox", gguf_gptneox},
    Entry{"granite", gguf_granite},   Entry{"llama", gguf_llama},       Entry{"olmo2", gguf_olmo2},
    Entry{"phi2", gguf_phi2},         Entry{"phi3", gguf_phi3},         Entry{"qwen2", gguf_qwen2},
    Entry{"qwen2moe", gguf_qwen2moe}, Entry{"qwen3", gguf_qwen3},       Entry{"qwen3moe", gguf_qwen3moe},
    Entry{"smollm3", gguf_smollm3},   Entry{"stablelm", gguf_stablelm}, Entry{"starcoder2", gguf_starcoder2},
};

constexpr const char* kUseLlama = "Leave out --backend: the llama backend may run this file.";

// "blk.7.attn_q.weight" -> "blk.{}.attn_q", 7; without a layer: 0.
std::pair<std::string, int> pattern_of(std::string_view name) {
  for (const std::string_view suffix : {".weight", ".bias"}) {
    if (!name.ends_with(suffix)) continue;
    name.remove_suffix(suffix.size());
    break;
  }
  constexpr std::string_view kBlock = "blk.";
  int layer = 0;
  if (!name.starts_with(kBlock)) return {std::string(name), layer};
  const auto [end, error] = std::from_chars(name.data() + kBlock.size(), name.data() + name.size(), layer);
  if (error != std::errc{}) return {std::string(name), 0};
  return {fmt::format("blk.{{}}{}", std::string_view(end, name.data() + name.size())), layer};
}

std::unordered_set<std::string> known_patterns(const TensorNames& n) {
  std::unordered_set<std::string> known = {"rope_freqs", "rope_factors_long", "rope_factors_short"};
  for (const std::string* name : {&n.embedding,
                                  &n.position_embedding,
                                  &n.output_norm,
                                  &n.head,
                                  &n.attention_norm,
                                  &n.mlp_norm,
                                  &n.post_attention_norm,
                                  &n.post_mlp_norm,
                                  &n.q,
                                  &n.k,
                                  &n.v,
                                  &n.qkv,
                                  &n.o,
                                  &n.q_norm,
                                  &n.k_norm,
                                  &n.gate,
                                  &n.up,
                                  &n.gate_up,
                                  &n.down,
                                  &n.router,
                                  &n.stacked_gate,
                                  &n.stacked_up,
                                  &n.stacked_down,
                                  &n.shared_gate,
                                  &n.shared_up,
                                  &n.shared_down,
                                  &n.shared_router}) {
    if (!name->empty()) known.insert(*name);
  }
  return known;
}

Result<void> check_type(const gguf::File& file, const gguf::TensorInfo& tensor) {
  const auto type = weight_type_of(tensor.type);
  const bool plain = type == WeightType::F32 || type == WeightType::F16 || type == WeightType::BF16;
  if (tensor.dim_count > 1 ? type.has_value() : plain) return {};
  return model_loading(
      fmt::format("'{}': tensor {} is stored as {}, which the native backend does not compute", file.name(),
                  quoted(tensor.name), ggml_type_traits(tensor.type).name),
      fmt::format("It computes F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 and Q2_K to Q6_K. {}",
                  kUseLlama));
}

// A tensor we do not know may change what the model computes: it is not passed over.
Result<void> check_tensors(const gguf::Model& model, const DecoderSpec& spec) {
  const auto known = known_patterns(spec.names);
  for (const gguf::File& file : model.files) {
    for (const gguf::TensorInfo& tensor : file.tensors()) {
      const auto [pattern, layer] = pattern_of(tensor.name);
      if (!known.contains(pattern) || layer < 0 || layer >= spec.layer_count) {
        return model_loading(fmt::format("'{}': tensor {} is none of those that the native backend knows in "
                                         "a model of the architecture '{}' with {} layers",
                                         file.name(), quoted(tensor.name), spec.family, spec.layer_count),
                             kUseLlama);
      }
      MINERVA_TRY(check_type(file, tensor));
    }
  }
  return {};
}

}  // namespace

GgufArchitectureFunction find_gguf_architecture(std::string_view name) noexcept {
  const auto found = std::ranges::find(kArchitectures, name, &Entry::first);
  return found == kArchitectures.end() ? nullptr : found->second;
}

std::vector<std::string_view> gguf_architecture_names() {
  std::vector<std::string_view> names;
  for (const Entry& entry : kArchitectures) names.push_back(entry.first);
  return names;
}

Result<DecoderSpec> decoder_spec(const gguf::Model& model) {
  MINERVA_ASSIGN(const std::string name, model.metadata().require_string("general.architecture", 128));
  const GgufArchitectureFunction architecture = find_gguf_architecture(name);
  if (architecture == nullptr) {
    return model_loading(
        fmt::format("'{}': the native backend does not know the architecture {}", model.first().name(),
                    quoted(name)),
        fmt::format("As GGUF it runs: {}. {}", fmt::join(gguf_architecture_names(), ", "), kUseLlama));
  }
  GgufFields fields(model, name);
  DecoderSpec spec{.family = name};
  architecture(fields, spec);
  if (spec.experts.count == 0 && fields.integer("expert_count", 0, 0) > 0)
    fields.reject("expert_count", "is not 0: the native backend knows no experts in this architecture");
  if (fields.error()) return std::unexpected(*fields.error());
  MINERVA_TRY(check_tensors(model, spec));
  return spec;
}

}  // namespace minerva::native
