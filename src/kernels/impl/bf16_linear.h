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

/// 32 E4M3 bytes as bf16 times `power` (a power of two): through F16, whose exponent has the room, exactly.
MINERVA_INLINE __m512bh e4m3_to_bf16(__m256i bytes, F power) {
  const __m512i words = _mm512_cvtepu8_epi16(bytes);
  const __m512i sign = _mm512_slli_epi16(_mm512_and_si512(words, _mm512_set1_epi16(0x80)), 8);
  const __m512i magnitude = _mm512_and_si512(words, _mm512_set1_epi16(0x7F));
  const __mmask32 nan = _mm512_cmpeq_epi16_mask(magnitude, _mm512_set1_epi16(0x7F));
  __m512i half = _mm512_or_si512(sign, _mm512_slli_epi16(magnitude, 7));
  half = _mm512_mask_mov_epi16(half, nan, _mm512_set1_epi16(0x7E00));
  const F factor = mul(power, set1(256.0F));
  const F low = mul(_mm512_cvtph_ps(_mm512_castsi512_si256(half)), factor);
  const F high = mul(_mm512_cvtph_ps(_mm512_extracti64x4_epi64(half, 1)), factor);
  return _mm512_cvtne2ps_pbh(high, low);
}

/// A row of FP8 (without its scales) or MXFP8 (with) as bf16, padded with zeros.
inline void widen_e4m3(const WeightMatrix& w, std::int64_t row, std::uint16_t* out) {
  const std::byte* bytes = w.data + row * w.row_stride;
  const std::byte* scales = w.type == WeightType::Mxfp8 ? w.scales + row * w.scale_stride : nullptr;
  for (std::int64_t k = 0; k < w.cols; k += 32) {
    const std::int64_t left = w.cols - k;
    const __mmask32 mask = left >= 32 ? 0xFFFFFFFFU : static_cast<__mmask32>((1U << left) - 1U);
    const F power = set1(scales == nullptr ? 1.0F : e8m0_to_float(byte_at(scales, k / 32)));
    const __m512bh value = e4m3_to_bf16(_mm256_maskz_loadu_epi8(mask, bytes + k), power);
    __builtin_memcpy(out + k, &value, 64);
  }
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
  const std::int64_t padded = job.x.bf16_stride;
  auto* wide = static_cast<std::uint16_t*>(static_cast<void*>(job.scratch));
  for (std::int64_t n = job.row_begin; n < job.row_end; n += kRows) {
    DotTile t = float_tile(job, n, kRows);
    for (int r = 0; r < t.count; ++r) widen_e4m3(w, n + r, wide + r * padded);
    t.w = job.scratch;
    t.w_stride = padded * 2;
    t.x_stride = padded * 2;
    if (w.type == WeightType::Mxfp8) {
      dot_rows<Bf16Product, false>(t, padded, job, as_bytes(job.x.bf16));
      continue;
    }
    float* const y = t.y;
    for (std::int64_t m = job.x_begin; m < job.x_end;) {
      t.x = as_bytes(job.x.bf16 + m * padded);
      t.y = y + m * job.y_stride;
      m += with_columns<3>(job.x_end - m, [&]<int columns>() { scaled_dot_tile<kRows, columns>(t, w, n); });
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
