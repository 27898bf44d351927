#include "formats/hf/weight_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <unordered_set>

#include "base/checked.h"
#include "formats/hf_config/quantisation.h"

namespace minerva::hf {
namespace {

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return text;
}

/// What goes with packed weights and is no parameter of its own. `_scales` beside `_blocks`: gpt_oss.
constexpr std::array<std::string_view, 17> kAuxiliary = {
    ".scales",     ".biases",    ".global_scale",  ".qzeros",
    ".g_idx",      "_scales",    "_scale",         "_scale_inv",
    "_zero_point", "_shape",     "_g_idx",         "_global_scale",
    ".absmax",     ".quant_map", ".nested_absmax", ".nested_quant_map",
    ".SCB"};

bool is_auxiliary(std::string_view name) {
  return std::ranges::any_of(kAuxiliary, [&](std::string_view suffix) { return name.ends_with(suffix); }) ||
         name.find(".quant_state.") != std::string_view::npos;
}

/// Elements packed into one stored element of `tensor`, by what quantisers call their weights.
std::uint64_t packed(const safetensors::TensorInfo& tensor, const Quantisation& quantisation) {
  const std::string_view name = tensor.name;
  const unsigned stored_bits = dtype_bits(tensor.type);
  const bool named = name.ends_with(".qweight") || name.ends_with("_packed") || name.ends_with("_blocks");
  const bool bitsandbytes = quantisation.method == "bitsandbytes" && tensor.type == DType::U8;
  if (!named && !bitsandbytes) return 1;
  const unsigned bits = quantisation.bits != 0 ? quantisation.bits : 4;
  return std::max(1U, stored_bits / bits);
}

std::string module_of(std::string_view name, std::string_view suffix) {
  return std::string(name.substr(0, name.size() - suffix.size()));
}

/// Sums with saturation: shapes come from files, and labels are no place for errors.
void add(std::uint64_t& sum, std::uint64_t count, std::uint64_t factor) {
  const auto product = checked_multiply(count, factor);
  const auto total = product ? checked_add(sum, *product) : std::nullopt;
  sum = total.value_or(~std::uint64_t{0});
}

/// MLX: a module is quantised iff it has scales; each scale stands for a group of weights.
class MlxCounter {
 public:
  MlxCounter(std::span<const safetensors::Header> headers, const Quantisation& quantisation) {
    for (const auto& header : headers) {
      for (const auto& tensor : header.tensors()) {
        if (!tensor.name.ends_with(".scales")) continue;
        const std::string module = module_of(tensor.name, ".scales");
        quantised_.emplace(module, tensor.elements);
      }
    }
    group_ = quantisation.group != 0 ? quantisation.group : 64;
    bits_ = quantisation.bits;
  }

  /// Parameters in `weight`, or nothing when its module is not quantised.
  std::optional<std::uint64_t> count(const safetensors::TensorInfo& weight) const {
    if (!weight.name.ends_with(".weight") || weight.type != DType::U32) return std::nullopt;
    const auto module = quantised_.find(module_of(weight.name, ".weight"));
    if (module == quantised_.end()) return std::nullopt;
    // Layers may have their own bits and group: of the two ways to count, believe the one that gives a
    // whole number of bits a weight.
    const auto by_groups = checked_multiply<std::uint64_t>(module->second, group_);
    const auto stored_bits = checked_multiply<std::uint64_t>(weight.elements, 32);
    if (!stored_bits) return std::nullopt;
    if (by_groups && *by_groups > 0 && *stored_bits % *by_groups == 0) return by_groups;
    return bits_ == 0 ? by_groups : std::optional(*stored_bits / bits_);
  }

 private:
  std::map<std::string, std::uint64_t, std::less<>> quantised_;  // module -> scales
  std::uint64_t group_ = 64;
  std::uint64_t bits_ = 0;
};

}  // namespace

Result<Quantisation> read_quantisation(const HfConfig& config) {
  Quantisation out;
  constexpr std::int64_t kBitsMax = 64;
  constexpr std::int64_t kGroupMax = 1 << 20;
  MINERVA_ASSIGN(out.method, quantisation_method(config));
  MINERVA_ASSIGN(auto settings, config.object("quantization"));
  if (!settings) {
    MINERVA_ASSIGN(settings, config.object("quantization_config"));
  }
  if (out.method.empty() || !settings) return out;
  // gptq writes -1 for one group a row.
  MINERVA_ASSIGN(const auto bits, settings->int_or("bits", 0, 0, kBitsMax));
  MINERVA_ASSIGN(const auto group, settings->int_or("group_size", 0, -1, kGroupMax));
  out.bits = static_cast<unsigned>(bits);
  out.group = static_cast<unsigned>(std::max<std::int64_t>(group, 0));
  if (out.method == "mlx") {
    MINERVA_ASSIGN(out.mode, settings->string_or("mode", "affine"));
  }
  if (out.method == "bitsandbytes") {
    MINERVA_ASSIGN(const bool four_bits, settings->bool_or("load_in_4bit", false));
    out.bits = four_bits ? 4 : 8;
  }
  return out;
}

std::string label(const Quantisation& quantisation) {
  if (quantisation.method.empty()) return "";
  if (quantisation.method == "mlx" && quantisation.mode != "affine") return "MLX " + upper(quantisation.mode);
  const std::string name = upper(quantisation.method);
  return quantisation.bits == 0 ? name : fmt::format("{} {}-bit", name, quantisation.bits);
}

WeightSummary summarise(std::span<const safetensors::Header> headers, const Quantisation& quantisation) {
  WeightSummary out;
  std::map<DType, std::uint64_t> elements;
  const bool mlx = quantisation.method == "mlx";
  const MlxCounter counter(mlx ? headers : std::span<const safetensors::Header>(), quantisation);
  for (const auto& header : headers) {
    out.tensor_bytes += header.data_bytes();
    out.tensor_count += header.tensors().size();
    for (const auto& tensor : header.tensors()) {
      elements[tensor.type] += tensor.elements;
      if (!quantisation.method.empty() && is_auxiliary(tensor.name)) continue;
      const auto unpacked = mlx ? counter.count(tensor) : std::nullopt;
      if (unpacked) {
        add(out.parameter_count, *unpacked, 1);
      } else {
        add(out.parameter_count, tensor.elements,
            quantisation.method.empty() ? 1 : packed(tensor, quantisation));
      }
    }
  }
  const auto most = std::ranges::max_element(elements, {}, [](const auto& entry) { return entry.second; });
  if (most != elements.end()) out.dtype = dtype_name(most->first);
  return out;
}

}  // namespace minerva::hf
