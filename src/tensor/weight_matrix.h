// A weight matrix as it lies in a model file: a view that says how to read it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "tensor/ggml_type.h"

namespace minerva {

/// Plain numbers. Also the types of scales and of a KV cache.
enum class ScalarType : std::uint8_t { F32, F16, BF16 };

constexpr std::int64_t scalar_bytes(ScalarType type) noexcept {
  return type == ScalarType::F32 ? 4 : 2;
}

/// How the elements of a weight matrix are stored. Layouts: notes in each line; rows are always contiguous.
enum class WeightType : std::uint8_t {
  F32,
  F16,
  BF16,
  Fp8,        ///< E4M3 bytes; a scale (F32, F16 or BF16) for each block_rows x block_cols block
  MlxAffine,  ///< little-endian stream of unsigned `bits`-wide numbers q; w = scale * q + bias by group
  Mxfp4,      ///< E2M1 nibbles, low first; E8M0 byte for each 32 (MLX, and gpt_oss `_blocks`/`_scales`)
  Mxfp8,      ///< E4M3 bytes; E8M0 byte for each 32
  Nvfp4,      ///< E2M1 nibbles, low first; E4M3 byte for each 16; the whole times global_scale
  Q4_0,       ///< from here on: ggml's blocks, scales inside
  Q4_1,
  Q5_0,
  Q5_1,
  Q8_0,
  Q2_K,
  Q3_K,
  Q4_K,
  Q5_K,
  Q6_K,
};

/// A view of N x K weights: y[n] = sum over k of w[n][k] x[k]. Owns nothing; pointers may be misaligned (a
/// file's mapping) and must outlive its use. Nothing before `data` or after the last row is read.
struct WeightMatrix {
  WeightType type = WeightType::F32;
  std::int64_t rows = 0;  ///< N, outputs
  std::int64_t cols = 0;  ///< K, inputs
  const std::byte* data = nullptr;
  std::int64_t row_stride = 0;  ///< bytes from a row to the next

  // Where scales lie apart: Fp8, MlxAffine, Mxfp4, Mxfp8, Nvfp4.
  const std::byte* scales = nullptr;
  const std::byte* biases = nullptr;        ///< MlxAffine only; same type and stride as scales
  ScalarType scale_type = ScalarType::F32;  ///< Fp8 and MlxAffine; the others' scales are bytes
  std::int64_t scale_stride = 0;            ///< bytes from a row of scales to the next
  int group = 0;                            ///< MlxAffine: elements sharing a scale, 32, 64 or 128
  int bits = 0;                             ///< MlxAffine: 2, 3, 4, 5, 6 or 8
  std::int64_t block_rows = 1;              ///< Fp8: weight rows sharing a row of scales
  std::int64_t block_cols = 0;              ///< Fp8: weight columns sharing a scale
  float global_scale = 1.0F;                ///< Nvfp4
};

/// "Q4_K", "MLX 4-bit" ... for messages; bits only matter for MlxAffine.
std::string_view weight_type_name(WeightType type) noexcept;

/// The weight type of a ggml type, or nothing when we have no kernel for it.
std::optional<WeightType> weight_type_of(GgmlType type) noexcept;

/// Elements that must divide K.
int weight_block(const WeightMatrix& w) noexcept;

/// Bytes of one row (without scales that lie apart) of K = `w.cols` elements.
std::int64_t weight_row_bytes(const WeightMatrix& w) noexcept;

/// A dense row-major matrix (or GGUF tensor) with tight rows.
WeightMatrix dense_weight(WeightType type, std::int64_t rows, std::int64_t cols,
                          const std::byte* data) noexcept;

/// Whether shape, group, bits and pointers make sense together. Kernels trust what passed here.
/// `name` is the tensor's, for the message.
Result<void> check_weight(const WeightMatrix& w, std::string_view name);

}  // namespace minerva
