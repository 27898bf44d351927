// What one instruction set provides to the drivers, which know of threads and scratch memory. Plain data
// only: the files compiled with wide instructions must not instantiate inline functions that others share.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"

namespace minerva::kernels {

/// The activations of a product, converted once for all its weights.
struct PreparedRows {
  const float* floats = nullptr;
  std::int64_t float_stride = 0;        ///< floats
  const std::uint16_t* bf16 = nullptr;  ///< rows padded with zeros to a multiple of kBf16Step
  std::int64_t bf16_stride = 0;         ///< elements
  const std::byte* int8 = nullptr;      ///< see Int8Layout
};

inline constexpr std::int64_t kBf16Step = 32;

/// Rows quantised in blocks of 32, laid out for register tiles: tiles of `tile` rows (the last may have
/// fewer), in each tile block after block, and of a block for c rows: c x 32 int8, c float scales, then c
/// int32 sums of the first 16 elements and c of the last 16.
struct Int8Layout {
  static constexpr std::int64_t kBlock = 32;
  static constexpr std::int64_t kBytes = kBlock + 4 + 8;  ///< for each row and block
};

/// Weight rows [row_begin, row_end) times x rows [x_begin, x_end).
struct LinearJob {
  const WeightMatrix* weight = nullptr;
  PreparedRows x;
  float* y = nullptr;
  std::int64_t y_stride = 0;
  const float* bias = nullptr;
  std::int64_t row_begin = 0;
  std::int64_t row_end = 0;
  std::int64_t x_begin = 0;  ///< a multiple of the int8 tile; so many rows as fit a cache well
  std::int64_t x_end = 0;
  std::byte* scratch = nullptr;  ///< see linear_scratch_bytes in linear.cc; 64-byte aligned
};

/// A tile of query rows of one sequence times one kv head.
struct AttendJob {
  const AttentionShape* shape = nullptr;
  const AttentionRow* rows = nullptr;
  int row_count = 0;
  int kv_head = 0;
  const float* queries = nullptr;  ///< of rows[0]
  std::int64_t query_stride = 0;
  float* out = nullptr;
  std::int64_t out_stride = 0;
  std::byte* scratch = nullptr;  ///< AttendSizes::scratch_bytes, 64-byte aligned
};

/// Memory that a job takes.
struct AttendSizes {
  std::int64_t scratch_bytes = 0;
  std::int64_t partial_floats = 0;  ///< of one chunk's results
};

/// Attention is a fixed tree: blocks of positions are reduced one after the other within a chunk, then chunks
/// one after the other; both are aligned to position 0.
inline constexpr std::int64_t kPositionBlock = 64;
inline constexpr std::int64_t kPositionChunk = 512;
/// Rows x heads of a group that a job should have at most (more only when one row has more heads).
inline constexpr int kAttendRows = 48;

struct NormRow {
  const float* x = nullptr;
  float* y = nullptr;
  std::int64_t width = 0;
  const float* weight = nullptr;
  const float* bias = nullptr;
  float epsilon = 0;
  bool plus_one = false;
};

struct IsaTable {
  int lanes = 0;
  int int8_tile = 0;
  bool bf16_dot = false;

  void (*linear_float)(const LinearJob&) = nullptr;
  void (*linear_bf16)(const LinearJob&) = nullptr;  ///< null without bf16_dot
  void (*linear_int8)(const LinearJob&) = nullptr;
  /// x [n] to bf16, padded with zeros.
  void (*prepare_bf16)(const float* x, std::int64_t n, std::uint16_t* out) = nullptr;
  /// `count` <= int8_tile rows to one tile of Int8Layout.
  void (*prepare_int8)(const float* x, std::int64_t stride, int count, std::int64_t n,
                       std::byte* out) = nullptr;
  void (*dequantize_row)(const WeightMatrix& w, std::int64_t row, float* out) = nullptr;

  void (*rms_norm)(const NormRow&) = nullptr;
  void (*layer_norm)(const NormRow&) = nullptr;
  void (*activate)(Activation, float* x, std::int64_t n, const ActivationParameters&) = nullptr;
  void (*activate_gated)(Activation, const float* gate, const float* up, float* y, std::int64_t n,
                         const ActivationParameters&) = nullptr;
  void (*softmax)(float* x, std::int64_t n, float scale) = nullptr;
  void (*add)(float* y, const float* x, std::int64_t n, float factor) = nullptr;
  void (*scale)(float* x, std::int64_t n, float factor) = nullptr;
  void (*soft_cap)(float* x, std::int64_t n, float cap) = nullptr;
  void (*clamp)(float* x, std::int64_t n, float limit) = nullptr;
  void (*rotate)(float* x, int heads, int head_dim, const RotaryTable& table, const float* cosines,
                 const float* sines) = nullptr;
  void (*convert)(const float* x, std::int64_t n, ScalarType type, void* out) = nullptr;

  /// For jobs of at most `query_rows` rows.
  AttendSizes (*attend_sizes)(const AttentionShape&, int query_rows) = nullptr;
  /// The whole of a job, to `out`.
  void (*attend)(const AttendJob&) = nullptr;
  /// One chunk of a job, to `partials` [partial_floats].
  void (*attend_chunk)(const AttendJob&, std::int64_t chunk, float* partials) = nullptr;
  /// Merges the partials of chunks [0, chunks), `chunk_stride` floats apart, to `out`.
  void (*attend_merge)(const AttendJob&, const float* partials, std::int64_t chunks,
                       std::int64_t chunk_stride) = nullptr;
};

// Sizes below hold for the widest instruction set.
inline constexpr std::int64_t kLanesMax = 16;
inline constexpr int kWidenedRows = 16;                                    ///< see float_linear.h
inline constexpr std::int64_t kWeightTileBytes = std::int64_t{24} * 1024;  ///< see int8_linear.h

const IsaTable* portable_table() noexcept;
const IsaTable* avx2_table() noexcept;    ///< null where it was not built
const IsaTable* avx512_table() noexcept;  ///< null where it was not built

}  // namespace minerva::kernels
