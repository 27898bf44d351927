// Products with float accumulation. An output is kLanes partial sums along K, each in order, then a fixed
// tree: the same whatever tile computes it. Tiles: kRows weight rows x up to kFloatTile rows of x in
// registers.
#pragma once

#include "kernels/impl/dequantize.h"
#include "kernels/impl/table.h"

#if defined(__clang__)
#define MINERVA_UNROLL _Pragma("clang loop unroll(full)")
#else
#define MINERVA_UNROLL _Pragma("GCC unroll 16")
#endif

namespace minerva::kernels::MINERVA_ISA {

constexpr int kRows = 4;
/// A single row of x leaves registers for more weight rows, and needs more loads under way.
constexpr int kRowsOfOne = 8;
/// From so many rows of x on, half-width weights are widened once instead of in every tile.
constexpr std::int64_t kWidenFrom = 12;

struct FromF32 {
  static constexpr int kBytes = 4;
  static MINERVA_INLINE F get(const std::byte* p) {
    return load(static_cast<const float*>(static_cast<const void*>(p)));
  }
  static MINERVA_INLINE F get_n(const std::byte* p, int n) {
    return load_n(static_cast<const float*>(static_cast<const void*>(p)), n);
  }
};
struct FromF16 {
  static constexpr int kBytes = 2;
  static MINERVA_INLINE F get(const std::byte* p) { return load_f16(p); }
  static MINERVA_INLINE F get_n(const std::byte* p, int n) { return load_f16_n(p, n); }
};
struct FromBf16 {
  static constexpr int kBytes = 2;
  static MINERVA_INLINE F get(const std::byte* p) { return load_bf16(p); }
  static MINERVA_INLINE F get_n(const std::byte* p, int n) { return load_bf16_n(p, n); }
};

/// Float weights of some type times float x.
template <class From>
struct FloatProduct {
  using Weight = F;
  using X = F;
  static constexpr std::int64_t kStep = kLanes;
  static constexpr std::int64_t kWeightBytes = From::kBytes;
  static constexpr std::int64_t kXBytes = 4;
  static MINERVA_INLINE F weight(const std::byte* p) { return From::get(p); }
  static MINERVA_INLINE F weight_n(const std::byte* p, std::int64_t n) {
    return From::get_n(p, static_cast<int>(n));
  }
  static MINERVA_INLINE F x(const std::byte* p) { return FromF32::get(p); }
  static MINERVA_INLINE F x_n(const std::byte* p, std::int64_t n) {
    return FromF32::get_n(p, static_cast<int>(n));
  }
  static MINERVA_INLINE F multiply_add(F acc, F w, F v) { return fma(w, v, acc); }
};

/// `count` <= rows valid weight rows from `w` on; the others are not read.
struct DotTile {
  const std::byte* w = nullptr;
  std::int64_t w_stride = 0;  ///< bytes
  int count = 0;
  const std::byte* x = nullptr;
  std::int64_t x_stride = 0;  ///< bytes
  float* y = nullptr;
  std::int64_t y_stride = 0;
  const float* bias = nullptr;
};

/// Weights come from memory once: so many bytes of each row ahead, then the rows that come next.
constexpr std::int64_t kPrefetchBytes = 2048;

template <class P, int rows, int columns, bool fetch>
MINERVA_INLINE void accumulate(const DotTile& t, std::int64_t begin, std::int64_t end,
                               F (&acc)[rows][columns]) {
  const std::byte* w[rows];
  for (int r = 0; r < rows; ++r) w[r] = t.w + (r < t.count ? r : 0) * t.w_stride;
  const std::int64_t ahead = t.w_stride < kPrefetchBytes ? t.w_stride : kPrefetchBytes;
  std::int64_t k = begin;
  for (; k + P::kStep <= end; k += P::kStep) {
    if constexpr (fetch) {
      std::int64_t at = k * P::kWeightBytes + ahead;
      if (at >= t.w_stride) at += (rows - 1) * t.w_stride;
      MINERVA_UNROLL for (int r = 0; r < rows; ++r) prefetch(w[r] + at);
    }
    typename P::Weight weights[rows];
    MINERVA_UNROLL for (int r = 0; r < rows; ++r) weights[r] = P::weight(w[r] + k * P::kWeightBytes);
    MINERVA_UNROLL for (int c = 0; c < columns; ++c) {
      const typename P::X x = P::x(t.x + c * t.x_stride + k * P::kXBytes);
      MINERVA_UNROLL for (int r = 0; r < rows; ++r) acc[r][c] = P::multiply_add(acc[r][c], weights[r], x);
    }
  }
  if (k == end) return;
  typename P::Weight weights[rows];
  MINERVA_UNROLL for (int r = 0; r < rows; ++r) weights[r] = P::weight_n(w[r] + k * P::kWeightBytes, end - k);
  MINERVA_UNROLL for (int c = 0; c < columns; ++c) {
    const typename P::X x = P::x_n(t.x + c * t.x_stride + k * P::kXBytes, end - k);
    MINERVA_UNROLL for (int r = 0; r < rows; ++r) acc[r][c] = P::multiply_add(acc[r][c], weights[r], x);
  }
}

template <int rows, int columns>
MINERVA_INLINE void clear(F (&acc)[rows][columns]) {
  MINERVA_UNROLL for (int r = 0; r < rows; ++r) {
    MINERVA_UNROLL for (int c = 0; c < columns; ++c) acc[r][c] = zero();
  }
}

template <int rows, int columns>
MINERVA_INLINE void finish(const DotTile& t, F (&acc)[rows][columns]) {
  static_assert(rows % 4 == 0);
  MINERVA_UNROLL for (int c = 0; c < columns; ++c) {
    float out[rows];
    MINERVA_UNROLL for (int r = 0; r < rows; r += 4) {
      const F four[4] = {acc[r][c], acc[r + 1][c], acc[r + 2][c], acc[r + 3][c]};
      sums4(four, out + r);
    }
    float* y = t.y + c * t.y_stride;
    for (int r = 0; r < t.count; ++r) y[r] = t.bias == nullptr ? out[r] : out[r] + t.bias[r];
  }
}

template <class P, int rows, int columns, bool fetch>
inline void dot_tile(const DotTile& t, std::int64_t k) {
  F acc[rows][columns];
  clear(acc);
  accumulate<P, rows, columns, fetch>(t, 0, k, acc);
  finish(t, acc);
}

/// Calls `fn` with the number of columns as a compile-time constant: as many as fit `left`, at most `max`.
template <int columns, class Fn>
MINERVA_INLINE int with_columns(std::int64_t left, Fn&& fn) {
  if constexpr (columns > 1) {
    if (left < columns) return with_columns<columns - 1>(left, fn);
  }
  fn.template operator()<columns>();
  return columns;
}

/// Part `at` of the rows of a slab.
MINERVA_INLINE DotTile part_of(const DotTile& slab, int at) {
  DotTile t = slab;
  t.w += at * t.w_stride;
  t.y += at;
  t.count = slab.count - at < kRows ? slab.count - at : kRows;
  if (t.bias != nullptr) t.bias += at;
  return t;
}

/// All the job's rows of x times a slab of weight rows, tile(part, m, number of columns as a constant) each:
/// x is read from the second-level cache once for a slab, which stays in the first.
template <int columns_max, class Tile>
MINERVA_INLINE void for_tiles(DotTile slab, const LinearJob& job, const std::byte* x, Tile tile) {
  float* const y = slab.y;
  for (std::int64_t m = job.x_begin; m < job.x_end;) {
    slab.x = x + m * slab.x_stride;
    slab.y = y + m * slab.y_stride;
    m += with_columns<columns_max>(job.x_end - m, [&]<int columns>() {
      for (int at = 0; at < slab.count; at += kRows)
        tile.template operator()<columns>(part_of(slab, at), m, at);
    });
  }
}

/// The first tile fetches the next weights if `fetch`.
template <class P, bool fetch>
inline void dot_rows(const DotTile& slab, std::int64_t k, const LinearJob& job, const std::byte* x) {
  for_tiles<kFloatTile>(slab, job, x, [&]<int columns>(const DotTile& t, std::int64_t m, int) {
    if (fetch && m == job.x_begin) {
      dot_tile<P, kRows, columns, fetch>(t, k);
    } else {
      dot_tile<P, kRows, columns, false>(t, k);
    }
  });
}

/// Rows of weights that a first-level cache holds beside a tile of x.
inline int slab_rows(std::int64_t row_bytes) {
  constexpr std::int64_t kSlabBytes = 20480;
  const std::int64_t rows = kSlabBytes / row_bytes / kRows * kRows;
  return static_cast<int>(rows < kRows ? kRows : rows > kWidenedRows ? kWidenedRows : rows);
}

inline DotTile float_tile(const LinearJob& job, std::int64_t n, int rows) {
  DotTile t;
  t.w = job.weight->data + n * job.weight->row_stride;
  t.w_stride = job.weight->row_stride;
  t.count = static_cast<int>(job.row_end - n < rows ? job.row_end - n : rows);
  t.x_stride = job.x.float_stride * 4;
  t.y = job.y + n;
  t.y_stride = job.y_stride;
  t.bias = job.bias == nullptr ? nullptr : job.bias + n;
  return t;
}
MINERVA_INLINE const std::byte* as_bytes(const void* p) {
  return static_cast<const std::byte*>(p);
}

/// Weights read where they lie.
template <class P>
inline void linear_direct(const LinearJob& job, const std::byte* x, std::int64_t x_stride, std::int64_t k) {
  if (job.x_end - job.x_begin == 1) {
    for (std::int64_t n = job.row_begin; n < job.row_end; n += kRowsOfOne) {
      DotTile t = float_tile(job, n, kRowsOfOne);
      t.x = x + job.x_begin * x_stride;
      t.y += job.x_begin * job.y_stride;
      dot_tile<P, kRowsOfOne, 1, true>(t, k);
    }
    return;
  }
  const int rows = slab_rows(k * P::kWeightBytes);
  for (std::int64_t n = job.row_begin; n < job.row_end; n += rows) {
    DotTile t = float_tile(job, n, rows);
    t.x_stride = x_stride;
    dot_rows<P, true>(t, k, job, x);
  }
}

/// Weights widened to float32 in scratch memory, a slab at a time.
inline void linear_widened(const LinearJob& job) {
  const std::int64_t k = job.weight->cols;
  const std::int64_t padded = (k + 15) / 16 * 16;
  auto* wide = static_cast<float*>(static_cast<void*>(job.scratch));
  const int rows = slab_rows(k * 4);
  for (std::int64_t n = job.row_begin; n < job.row_end; n += rows) {
    DotTile t = float_tile(job, n, rows);
    for (int r = 0; r < t.count; ++r) dequantize_row(*job.weight, n + r, wide + r * padded);
    t.w = job.scratch;
    t.w_stride = padded * 4;
    dot_rows<FloatProduct<FromF32>, false>(t, k, job, as_bytes(job.x.floats));
  }
}

inline void linear_float(const LinearJob& job) {
  const std::byte* x = as_bytes(job.x.floats);
  const std::int64_t x_stride = job.x.float_stride * 4;
  const std::int64_t k = job.weight->cols;
  const bool few = job.x_end - job.x_begin < kWidenFrom;
  if (job.weight->type == WeightType::F32) {
    linear_direct<FloatProduct<FromF32>>(job, x, x_stride, k);
  } else if (job.weight->type == WeightType::F16 && few) {
    linear_direct<FloatProduct<FromF16>>(job, x, x_stride, k);
  } else if (job.weight->type == WeightType::BF16 && few) {
    linear_direct<FloatProduct<FromBf16>>(job, x, x_stride, k);
  } else {
    linear_widened(job);
  }
}

}  // namespace minerva::kernels::MINERVA_ISA
