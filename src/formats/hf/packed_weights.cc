#include "formats/hf/packed_weights.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <unordered_set>

#include "base/file.h"
#include "formats/hf_config/quantisation.h"
#include "formats/quote.h"

namespace minerva::hf {
namespace {

struct Mark {
  std::string_view suffix;  ///< of a tensor's name
  std::string_view method;
};
constexpr std::array kMarks = {
    Mark{".g_idx", "GPTQ"},
    Mark{".qweight", "GPTQ or AWQ"},
    Mark{".weight_packed", "compressed-tensors"},
    Mark{".SCB", "bitsandbytes (8-bit)"},
    Mark{".weight.absmax", "bitsandbytes (NF4 or FP4)"},
    Mark{".weight_scale_2", "NVIDIA ModelOpt"},
    Mark{".W_q", "HQQ"},
    Mark{".codebooks", "AQLM"},
    Mark{".q_weight", "ExLlamaV2"},
    Mark{".trellis", "ExLlamaV3"},
    Mark{".Qidxs", "QuIP#"},
};

struct SideFile {
  const char* name;
  std::string_view method;
};
constexpr std::array kSideFiles = {
    SideFile{"quantize_config.json", "GPTQ"},
    SideFile{"quant_config.json", "AWQ"},
    SideFile{"hf_quant_config.json", "NVIDIA ModelOpt"},
};

/// A scale for a whole matrix of 8-bit floats; null when there is none.
const TensorView* find_fp8_scale(std::span<const TensorView> tensors) {
  std::unordered_set<std::string> scales;
  for (const TensorView& tensor : tensors) {
    if (tensor.dtype == DType::F8_E4M3 && tensor.name.ends_with(".weight"))
      scales.insert(tensor.name + "_scale");
  }
  const auto found =
      std::ranges::find_if(tensors, [&](const auto& tensor) { return scales.contains(tensor.name); });
  return found == tensors.end() ? nullptr : &*found;
}

}  // namespace

Result<void> check_packed_weights(const std::filesystem::path& directory,
                                  std::span<const TensorView> tensors) {
  for (const Mark& mark : kMarks) {
    const auto packed = std::ranges::find_if(
        tensors, [&](const TensorView& tensor) { return tensor.name.ends_with(mark.suffix); });
    if (packed == tensors.end()) continue;
    for (const SideFile& side : kSideFiles) {
      if (path_exists(directory / side.name)) return quantised_with(side.name, side.method);
    }
    return quantised_with(packed->file, mark.method);
  }
  if (const TensorView* scale = find_fp8_scale(tensors)) {
    return quantised_with(scale->file, "fp8, with one scale for a matrix");
  }
  return {};
}

}  // namespace minerva::hf
