#include "tensor/weight_matrix.h"

#include <fmt/format.h>

#include <array>

namespace minerva {
namespace {

struct BlockLayout {
  std::string_view name;
  int elements;  ///< K is a multiple of it
  int bytes;     ///< of so many elements; 0: depends on bits
};

constexpr std::array kLayouts = {
    BlockLayout{"F32", 1, 4},      BlockLayout{"F16", 1, 2},        BlockLayout{"BF16", 1, 2},
    BlockLayout{"FP8 E4M3", 1, 1}, BlockLayout{"MLX affine", 0, 0}, BlockLayout{"MXFP4", 32, 16},
    BlockLayout{"MXFP8", 32, 32},  BlockLayout{"NVFP4", 16, 8},     BlockLayout{"Q4_0", 32, 18},
    BlockLayout{"Q4_1", 32, 20},   BlockLayout{"Q5_0", 32, 22},     BlockLayout{"Q5_1", 32, 24},
    BlockLayout{"Q8_0", 32, 34},   BlockLayout{"Q2_K", 256, 84},    BlockLayout{"Q3_K", 256, 110},
    BlockLayout{"Q4_K", 256, 144}, BlockLayout{"Q5_K", 256, 176},   BlockLayout{"Q6_K", 256, 210},
};
static_assert(kLayouts.size() == static_cast<std::size_t>(WeightType::Q6_K) + 1);

const BlockLayout& layout_of(WeightType type) {
  return kLayouts[static_cast<std::size_t>(type)];
}

constexpr const char* kWrongLayout =
    "Check the quantisation fields of config.json against the tensors, or download the model again.";

std::unexpected<Error> wrong(std::string_view name, const std::string& what) {
  return model_loading(fmt::format("Tensor '{}': {}.", name, what), kWrongLayout);
}

bool has_scales(WeightType type) {
  using enum WeightType;
  return type == Fp8 || type == MlxAffine || type == Mxfp4 || type == Mxfp8 || type == Nvfp4;
}

/// Scales in one row of them.
std::int64_t scale_columns(const WeightMatrix& w) {
  if (w.type == WeightType::Fp8) return (w.cols + w.block_cols - 1) / w.block_cols;
  return w.cols / weight_block(w);
}

std::int64_t scale_row_bytes(const WeightMatrix& w) {
  const bool numbers = w.type == WeightType::Fp8 || w.type == WeightType::MlxAffine;
  return scale_columns(w) * (numbers ? scalar_bytes(w.scale_type) : 1);
}

Result<void> check_mlx(const WeightMatrix& w, std::string_view name) {
  if (w.group != 32 && w.group != 64 && w.group != 128)
    return wrong(name, fmt::format("group size {}; expected 32, 64 or 128", w.group));
  if (w.bits < 2 || w.bits > 8 || w.bits == 7)
    return wrong(name, fmt::format("{} bits for each weight; expected 2, 3, 4, 5, 6 or 8", w.bits));
  if (w.biases == nullptr) return wrong(name, "its quantisation biases are missing");
  return {};
}

}  // namespace

std::string_view weight_type_name(WeightType type) noexcept {
  return layout_of(type).name;
}

std::optional<WeightType> weight_type_of(GgmlType type) noexcept {
  switch (type) {
    case GgmlType::F32:
      return WeightType::F32;
    case GgmlType::F16:
      return WeightType::F16;
    case GgmlType::BF16:
      return WeightType::BF16;
    case GgmlType::Q4_0:
      return WeightType::Q4_0;
    case GgmlType::Q4_1:
      return WeightType::Q4_1;
    case GgmlType::Q5_0:
      return WeightType::Q5_0;
    case GgmlType::Q5_1:
      return WeightType::Q5_1;
    case GgmlType::Q8_0:
      return WeightType::Q8_0;
    case GgmlType::Q2_K:
      return WeightType::Q2_K;
    case GgmlType::Q3_K:
      return WeightType::Q3_K;
    case GgmlType::Q4_K:
      return WeightType::Q4_K;
    case GgmlType::Q5_K:
      return WeightType::Q5_K;
    case GgmlType::Q6_K:
      return WeightType::Q6_K;
    default:
      return std::nullopt;
  }
}

int weight_block(const WeightMatrix& w) noexcept {
  return w.type == WeightType::MlxAffine ? w.group : layout_of(w.type).elements;
}

std::int64_t weight_row_bytes(const WeightMatrix& w) noexcept {
  if (w.type == WeightType::MlxAffine) return w.cols * w.bits / 8;
  const auto& layout = layout_of(w.type);
  return w.cols / layout.elements * layout.bytes;
}

WeightMatrix dense_weight(WeightType type, std::int64_t rows, std::int64_t cols,
                          const std::byte* data) noexcept {
  WeightMatrix w;
  w.type = type;
  w.rows = rows;
  w.cols = cols;
  w.data = data;
  w.row_stride = weight_row_bytes(w);
  return w;
}

Result<void> check_weight(const WeightMatrix& w, std::string_view name) {
  constexpr std::int64_t kSideMax = std::int64_t{1} << 31;
  if (w.rows < 1 || w.cols < 1 || w.rows > kSideMax || w.cols > kSideMax)
    return wrong(name, fmt::format("a weight matrix of {} x {}; expected 1 to 2^31 each", w.rows, w.cols));
  if (w.type == WeightType::MlxAffine) MINERVA_TRY(check_mlx(w, name));
  if (w.type == WeightType::Fp8 && (w.block_rows < 1 || w.block_cols < 1))
    return wrong(name,
                 fmt::format("FP8 blocks of {} x {}; expected at least 1 x 1", w.block_rows, w.block_cols));
  if (w.cols % weight_block(w) != 0)
    return wrong(name, fmt::format("rows of {} elements in {}; expected a multiple of {}", w.cols,
                                   weight_type_name(w.type), weight_block(w)));
  if (w.data == nullptr || w.row_stride < weight_row_bytes(w))
    return wrong(name, fmt::format("rows lie {} bytes apart; expected at least {}", w.row_stride,
                                   weight_row_bytes(w)));
  if (!has_scales(w.type)) return {};
  if (w.scales == nullptr) return wrong(name, "its scales are missing");
  if (w.scale_stride < scale_row_bytes(w))
    return wrong(name, fmt::format("rows of scales lie {} bytes apart; expected at least {}", w.scale_stride,
                                   scale_row_bytes(w)));
  return {};
}

}  // namespace minerva
