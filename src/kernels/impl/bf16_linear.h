// Products of bf16 pairs (VDPBF16PS): BF16 weights as they lie, FP8 and MXFP8 widened to bf16, which is
// exact.
#pragma once

#include "kernels/impl/float_linear.h"

namespace minerva::kernels::MINERVA_ISA {

struct Bf16Product {
  using Weight = __m512bh;
  using X = __m512bh;
  static constexpr std::int64_t kStep = kBf16Step;
  static constexpr std::int64_t kWeightBytes = 2;
  static constexpr std::int64_t kXBytes = 2;
  static MINERVA_INLINE __m512bh weight(const std::byte* p) { return load_as<__m512bh>(p); }
  static MINERVA_INLINE __m512bh weight_n(const std::byte* p, std::int64_t n) {
    const auto mask = static_cast<__mmask32>((1ULL << n) - 1ULL);
    return reinterpret_cast<__m512bh>(_mm512_maskz_loadu_epi16(mask, p));
  }
  static MINERVA_INLINE __m512bh x(const std::byte* p) { return load_as<__m512bh>(p); }
  static MINERVA_INLINE __m512bh x_n(const std::byte* p, std::int64_t) {
    return load_as<__m512bh>(p);
  }  // padded
  static MINERVA_INLINE F multiply_add(F acc, __m512bh w, __m512bh v) { return _mm512_dpbf16_ps(acc, w, v); }
};

inline void prepare_bf16(const float* x, std::int64_t n, std::uint16_t* out) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const __m256bh value = _mm512_cvtneps_pbh(load(x + i));
    __builtin_memcpy(out + i, &value, 32);
  }
  const std::int64_t padded = (n + kBf16Step - 1) / kBf16Step * kBf16Step;
  for (; i < padded; i += kLanes) {
    const int rest = i < n ? static_cast<int>(n - i) : 0;
    const __m256bh value = _mm512_cvtneps_pbh(load_n(x + i, rest));
    __builtin_memcpy(out + i, &value, 32);
  }
}

/// bf16 bits of the E4M3 numbers 0x00 .. 0x7F: all are exact, the last is NaN.
struct E4m3Table {
  alignas(64) std::uint8_t low[128];
  alignas(64) std::uint8_t high[128];
};
constexpr E4m3Table make_e4m3_table() {
  E4m3Table table{};
  for (int i = 0; i < 128; ++i) {
    int exponent = i >> 3;
    int fraction = i & 7;
    if (exponent == 0 && fraction != 0) {  // subnormal: until the leading one is in place
      exponent = 1;
      for (; fraction < 8; fraction *= 2) --exponent;
      fraction -= 8;
    }
    const bool zero = exponent == 0 && fraction == 0 && i == 0;
    const int bits = i == 127 ? 0x7FC0 : zero ? 0 : ((exponent + 120) << 7) | (fraction << 4);
    table.low[i] = static_cast<std::uint8_t>(bits & 0xFF);
    table.high[i] = static_cast<std::uint8_t>(bits >> 8);
  }
  return table;
}
constexpr E4m3Table kE4m3 = make_e4m3_table();

/// 64 E4M3 bytes as bf16 to `out`.
MINERVA_INLINE void e4m3_to_bf16(I bytes, std::uint16_t* out) {
  // Unpacking takes 8 bytes of each quarter: put first those that shall come first.
  const I ordered = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7), bytes);
  const I low = _mm512_permutex2var_epi8(iload(kE4m3.low), ordered, iload(kE4m3.low + 64));
  const I size = _mm512_permutex2var_epi8(iload(kE4m3.high), ordered, iload(kE4m3.high + 64));
  const I high = ior(size, iand(ordered, _mm512_set1_epi8(static_cast<char>(0x80))));
  istore(out, _mm512_unpacklo_epi8(low, high));
  istore(out + 32, _mm512_unpackhi_epi8(low, high));
}

/// 32 bf16 numbers times a power of two, rounded where they become subnormal.
MINERVA_INLINE void scale_bf16(std::uint16_t* x, float power) {
  const F low = mul(load_bf16(x), set1(power));
  const F high = mul(load_bf16(x + kLanes), set1(power));
  const __m512bh value = _mm512_cvtne2ps_pbh(high, low);
  __builtin_memcpy(x, &value, 64);
}

/// A row of FP8 (without its scales) or MXFP8 (with) as bf16, padded with zeros to a multiple of kE4m3Step.
/// Fetches the row `ahead` rows further on.
constexpr std::int64_t kE4m3Step = 64;
inline void widen_e4m3(const WeightMatrix& w, std::int64_t row, std::int64_t ahead, std::uint16_t* out) {
  const std::byte* bytes = w.data + row * w.row_stride;
  std::int64_t k = 0;
  for (; k + kE4m3Step <= w.cols; k += kE4m3Step) {
    prefetch(bytes + k + ahead * w.row_stride);
    e4m3_to_bf16(iload(bytes + k), out + k);
  }
  if (k < w.cols)
    e4m3_to_bf16(_mm512_maskz_loadu_epi8((__mmask64{1} << (w.cols - k)) - 1, bytes + k), out + k);
  if (w.type != WeightType::Mxfp8) return;
  for (k = 0; k < w.cols; k += 32)
    scale_bf16(out + k, e8m0_to_float(byte_at(w.scales + row * w.scale_stride, k / 32)));
}

/// FP8's blocks of columns: a sum each, times its scale.
template <int rows, int columns>
inline void scaled_dot_tile(const DotTile& t, const WeightMatrix& w, std::int64_t row) {
  F total[rows][columns];
  clear(total);
  for (std::int64_t begin = 0, block = 0; begin < w.cols; begin += w.block_cols, ++block) {
    const std::int64_t end = begin + w.block_cols < w.cols ? begin + w.block_cols : w.cols;
    F acc[rows][columns];
    clear(acc);
    accumulate<Bf16Product, rows, columns, false>(t, begin, (end + kBf16Step - 1) / kBf16Step * kBf16Step,
                                                  acc);
    MINERVA_UNROLL for (int r = 0; r < rows; ++r) {
      const std::int64_t at = row + (r < t.count ? r : 0);
      const F scale = set1(scalar_at(w.scales + at / w.block_rows * w.scale_stride, block, w.scale_type));
      MINERVA_UNROLL for (int c = 0; c < columns; ++c) total[r][c] = fma(acc[r][c], scale, total[r][c]);
    }
  }
  finish(t, total);
}

inline void linear_e4m3(const LinearJob& job) {
  const WeightMatrix& w = *job.weight;
  const std::int64_t padded = (w.cols + kE4m3Step - 1) / kE4m3Step * kE4m3Step;
  auto* wide = static_cast<std::uint16_t*>(static_cast<void*>(job.scratch));
  const int rows = slab_rows(padded * 2);
  for (std::int64_t n = job.row_begin; n < job.row_end; n += rows) {
    DotTile t = float_tile(job, n, rows);
    for (int r = 0; r < t.count; ++r) widen_e4m3(w, n + r, rows, wide + r * padded);
    t.w = job.scratch;
    t.w_stride = padded * 2;
    t.x_stride = job.x.bf16_stride * 2;
    const std::byte* x = as_bytes(job.x.bf16);
    if (w.type == WeightType::Mxfp8) {
      dot_rows<Bf16Product, false>(t, job.x.bf16_stride, job, x);
    } else {
      for_tiles<3>(t, job, x, [&]<int columns>(const DotTile& part, std::int64_t, int at) {
        scaled_dot_tile<kRows, columns>(part, w, n + at);
      });
    }
  }
}

inline void linear_bf16(const LinearJob& job) {
  if (job.weight->type == WeightType::BF16) {
    linear_direct<Bf16Product>(job, as_bytes(job.x.bf16), job.x.bf16_stride * 2, job.weight->cols);
  } else {
    linear_e4m3(job);
  }
}

}  // namespace minerva::kernels::MINERVA_ISA
