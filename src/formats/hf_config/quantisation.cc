#include "formats/hf_config/quantisation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "formats/quote.h"

namespace minerva {
namespace {

struct Method {
  std::string_view name;
  std::string_view people_say;
};

// transformers' quantisation methods whose packing is not read here.
constexpr std::array kRefused = {
    Method{"gptq", "GPTQ"},
    Method{"awq", "AWQ"},
    Method{"bitsandbytes", "bitsandbytes (8-bit, NF4 or FP4)"},
    Method{"compressed-tensors", "compressed-tensors"},
    Method{"hqq", "HQQ"},
    Method{"aqlm", "AQLM"},
    Method{"vptq", "VPTQ"},
    Method{"eetq", "EETQ"},
    Method{"quanto", "Quanto"},
    Method{"torchao", "torchao"},
    Method{"higgs", "HIGGS"},
    Method{"spqr", "SpQR"},
    Method{"quark", "AMD Quark"},
    Method{"fbgemm_fp8", "FBGEMM fp8"},
    Method{"fp_quant", "FP-Quant"},
    Method{"auto-round", "AutoRound"},
    Method{"auto_round", "AutoRound"},
    Method{"intel/auto-round", "AutoRound"},
    Method{"bitnet", "BitNet"},
    Method{"modelopt", "NVIDIA ModelOpt"},
    Method{"quip", "QuIP#"},
    Method{"exl2", "ExLlamaV2"},
    Method{"exl3", "ExLlamaV3"},
    Method{"marlin", "Marlin"},
    Method{"squeezellm", "SqueezeLLM"},
    Method{"sinq", "SINQ"},
    Method{"four_over_six", "Four Over Six"},
};

// compressed-tensors had the second name before transformers took it up.
constexpr const char* kSection = "quantization_config";
constexpr const char* kOldSection = "compression_config";

/// `quantization_config` of this object or of its text section.
Result<std::optional<HfConfig>> quantisation_section(const HfConfig& config) {
  const FieldNames names = {kSection, kOldSection};
  MINERVA_ASSIGN(auto section, config.object(names));
  if (section) return section;
  MINERVA_ASSIGN(const HfConfig text, config.text());
  return text.object(names);
}

Result<bool> any_true(const HfConfig& section, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    MINERVA_ASSIGN(const bool value, section.bool_or(name, false));
    if (value) return true;
  }
  return false;
}

Result<void> check_fp8(const HfConfig& section) {
  if (section.has("weight_block_size")) return {};
  return model_loading(
      fmt::format("'{}': fp8 weights without 'quantization_config.weight_block_size' are not supported",
                  section.file()),
      "Take a version of the model with a scale for each block, a GGUF file, or the original weights.");
}

}  // namespace

Result<std::string> quantisation_method(const HfConfig& config) {
  MINERVA_ASSIGN(const auto section, quantisation_section(config));
  if (!section) return config.is_object("quantization") ? "mlx" : "";
  MINERVA_ASSIGN(std::string method, section->string_or("quant_method", ""));
  std::ranges::transform(method, method.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (method == "sparseml") return "compressed-tensors";
  if (!method.empty()) return method;
  if (!config.has(kSection) && config.has(kOldSection)) return "compressed-tensors";
  // Early bitsandbytes files did not name it.
  MINERVA_ASSIGN(const bool bitsandbytes, any_true(*section, {"load_in_4bit", "load_in_8bit"}));
  if (bitsandbytes) return "bitsandbytes";
  if (config.is_object("quantization") || (section->has("group_size") && section->has("bits"))) return "mlx";
  return "";
}

Result<void> check_quantisation(const HfConfig& config) {
  MINERVA_ASSIGN(const std::string method, quantisation_method(config));
  if (method.empty() || method == "mlx" || method == "mxfp4") return {};
  if (method == "fp8") {
    MINERVA_ASSIGN(const auto section, quantisation_section(config));
    return check_fp8(*section);
  }
  const auto known = std::ranges::find(kRefused, method, &Method::name);
  return quantised_with(config.file(),
                        known == kRefused.end() ? minerva::quoted(method) : std::string(known->people_say));
}

std::unexpected<Error> quantised_with(std::string_view file, std::string_view people_say) {
  return model_loading(
      fmt::format("'{}': the weights are quantised with {}, which Minerva does not read", file, people_say),
      "Take another version of the model: a GGUF file (Q4_K_M is about as large), an MLX "
      "4-bit directory, or the "
      "original weights in bfloat16 or float16.");
}

}  // namespace minerva
