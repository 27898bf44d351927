// Vectors of sixteen lanes: AVX-512 F, BW, DQ, VL, VNNI, BF16, VBMI. What each function does stands in
// simd_portable.h.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#define MINERVA_INLINE inline __attribute__((always_inline))

namespace minerva::kernels::MINERVA_ISA {

constexpr int kLanes = 16;
constexpr int kFloatTile = 6;
constexpr int kInt8Tile = 8;
constexpr int kQueryTile = 6;
constexpr bool kHasBf16Dot = true;
constexpr bool kWideIsSigned = false;

using F = __m512;
using I = __m512i;

template <class T>
MINERVA_INLINE T load_as(const void* p) {
  T result;
  __builtin_memcpy(&result, p, sizeof(T));
  return result;
}
MINERVA_INLINE const __m128i* quarter_at(const void* p) {
  return static_cast<const __m128i*>(p);
}
MINERVA_INLINE const __m256i* vector_half_at(const void* p) {
  return static_cast<const __m256i*>(p);
}
MINERVA_INLINE __mmask16 first_lanes(int n) {
  return static_cast<__mmask16>((1U << n) - 1U);
}

MINERVA_INLINE F set1(float x) {
  return _mm512_set1_ps(x);
}
MINERVA_INLINE F zero() {
  return _mm512_setzero_ps();
}
MINERVA_INLINE F load(const float* p) {
  return _mm512_loadu_ps(p);
}
MINERVA_INLINE void store(float* p, F x) {
  _mm512_storeu_ps(p, x);
}
MINERVA_INLINE F load_n(const float* p, int n) {
  return _mm512_maskz_loadu_ps(first_lanes(n), p);
}
MINERVA_INLINE void store_n(float* p, F x, int n) {
  _mm512_mask_storeu_ps(p, first_lanes(n), x);
}
MINERVA_INLINE F add(F a, F b) {
  return _mm512_add_ps(a, b);
}
MINERVA_INLINE F sub(F a, F b) {
  return _mm512_sub_ps(a, b);
}
MINERVA_INLINE F mul(F a, F b) {
  return _mm512_mul_ps(a, b);
}
MINERVA_INLINE F div(F a, F b) {
  return _mm512_div_ps(a, b);
}
MINERVA_INLINE F sqrt(F a) {
  return _mm512_sqrt_ps(a);
}
MINERVA_INLINE F fma(F a, F b, F c) {
  return _mm512_fmadd_ps(a, b, c);
}
MINERVA_INLINE F max(F a, F b) {
  return _mm512_max_ps(a, b);
}
MINERVA_INLINE F min(F a, F b) {
  return _mm512_min_ps(a, b);
}
MINERVA_INLINE F select_less(F a, F b, F x, F y) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x);
}
MINERVA_INLINE F abs(F a) {
  return _mm512_abs_ps(a);
}
MINERVA_INLINE F copy_sign(F magnitude, F sign) {
  return _mm512_or_ps(abs(magnitude), _mm512_and_ps(sign, _mm512_set1_ps(-0.0F)));
}
MINERVA_INLINE F round_even(F x) {
  return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
MINERVA_INLINE I to_int(F x) {
  return _mm512_cvtps_epi32(x);
}
MINERVA_INLINE F to_float(I x) {
  return _mm512_cvtepi32_ps(x);
}
MINERVA_INLINE I as_int(F x) {
  return _mm512_castps_si512(x);
}
MINERVA_INLINE F as_float(I x) {
  return _mm512_castsi512_ps(x);
}
MINERVA_INLINE F scale_by_power(F x, F n) {
  return _mm512_scalef_ps(x, n);
}

// Lanes i and i+8, i and i+4, i and i+2, then the last two: the same order in sum and sums4.
MINERVA_INLINE float sum(F x) {
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
MINERVA_INLINE void sums4(const F* x, float* out) {
  const F ab = add(_mm512_shuffle_f32x4(x[0], x[1], 0x44), _mm512_shuffle_f32x4(x[0], x[1], 0xEE));
  const F cd = add(_mm512_shuffle_f32x4(x[2], x[3], 0x44), _mm512_shuffle_f32x4(x[2], x[3], 0xEE));
  F four = add(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xDD));
  four = add(four, _mm512_permute_ps(four, 0x4E));
  four = add(four, _mm512_permute_ps(four, 0xB1));
  const __m512i pick = _mm512_setr_epi32(0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12);
  _mm_storeu_ps(out, _mm512_castps512_ps128(_mm512_permutexvar_ps(pick, four)));
}
MINERVA_INLINE float max_of(F x) {
  return _mm512_reduce_max_ps(x);
}

MINERVA_INLINE F max_of_all(F x) {
  x = _mm512_max_ps(x, _mm512_shuffle_f32x4(x, x, 0x4E));
  x = _mm512_max_ps(x, _mm512_shuffle_f32x4(x, x, 0xB1));
  x = _mm512_max_ps(x, _mm512_permute_ps(x, 0x4E));
  return _mm512_max_ps(x, _mm512_permute_ps(x, 0xB1));
}
MINERVA_INLINE bool differ(F a, F b) {
  return _mm512_cmp_ps_mask(a, b, _CMP_NEQ_UQ) != 0;
}

MINERVA_INLINE I iset1(std::int32_t x) {
  return _mm512_set1_epi32(x);
}
MINERVA_INLINE I iload(const void* p) {
  return _mm512_loadu_si512(p);
}
MINERVA_INLINE void istore(void* p, I x) {
  _mm512_storeu_si512(p, x);
}
MINERVA_INLINE F select_equal(I a, I b, F x, F y) {
  return _mm512_mask_blend_ps(_mm512_cmpeq_epi32_mask(a, b), y, x);
}
MINERVA_INLINE I iadd(I a, I b) {
  return _mm512_add_epi32(a, b);
}
MINERVA_INLINE I imax(I a, I b) {
  return _mm512_max_epi32(a, b);
}
MINERVA_INLINE I iand(I a, I b) {
  return _mm512_and_si512(a, b);
}
MINERVA_INLINE I ior(I a, I b) {
  return _mm512_or_si512(a, b);
}
MINERVA_INLINE I ixor(I a, I b) {
  return _mm512_xor_si512(a, b);
}
template <int n>
MINERVA_INLINE I shl(I a) {
  return _mm512_slli_epi32(a, n);
}
template <int n>
MINERVA_INLINE I shr(I a) {
  return _mm512_srli_epi32(a, n);
}
template <int n>
MINERVA_INLINE I sar(I a) {
  return _mm512_srai_epi32(a, n);
}
MINERVA_INLINE std::int32_t max_of(I x) {
  return _mm512_reduce_max_epi32(x);
}

MINERVA_INLINE std::int32_t sum_of(I x) {
  return _mm512_reduce_add_epi32(x);
}
MINERVA_INLINE void store_i8(void* p, I x) {
  _mm_storeu_si128(static_cast<__m128i*>(p), _mm512_cvtepi32_epi8(x));
}

MINERVA_INLINE F load_bf16(const void* p) {
  return as_float(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(vector_half_at(p))), 16));
}
MINERVA_INLINE F load_bf16_n(const void* p, int n) {
  return as_float(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(first_lanes(n), p)), 16));
}
MINERVA_INLINE F f16_low(I x) {
  return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(x));
}
MINERVA_INLINE F load_f16(const void* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(vector_half_at(p)));
}
MINERVA_INLINE F load_f16_n(const void* p, int n) {
  return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first_lanes(n), p));
}
MINERVA_INLINE void store_f16(void* p, F x) {
  _mm256_storeu_si256(static_cast<__m256i*>(p), _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}

template <bool wide>
MINERVA_INLINE I dot4(I acc, I a, I b) {
  return _mm512_dpbusd_epi32(acc, a, b);
}

template <int n>
MINERVA_INLINE __m128i load_words(const std::byte* p) {
  if constexpr (n == 4) return _mm_loadu_si128(quarter_at(p));
  return _mm_maskz_loadu_epi32(static_cast<__mmask8>((1U << n) - 1U), p);
}
/// Lanes first .. first + 3 from the words of four rows. Masked loads go to any port, inserting goes to one.
template <int first>
MINERVA_INLINE I four_words(const std::byte* base, std::int64_t stride) {
  const auto word = [&](int r) { return _mm_loadu_si32(base + r * stride); };
  I x = _mm512_maskz_broadcastd_epi32(1U << first, word(first));
  x = _mm512_mask_broadcastd_epi32(x, 2U << first, word(first + 1));
  x = _mm512_mask_broadcastd_epi32(x, 4U << first, word(first + 2));
  return _mm512_mask_broadcastd_epi32(x, 8U << first, word(first + 3));
}
/// The 64-bit words of rows first .. first + 7.
template <int first>
MINERVA_INLINE I eight_pairs(const std::byte* base, std::int64_t stride) {
  const auto pair = [&](int r) { return _mm_loadl_epi64(quarter_at(base + (first + r) * stride)); };
  I x = _mm512_maskz_broadcastq_epi64(0x01, pair(0));
  I y = _mm512_maskz_broadcastq_epi64(0x02, pair(1));
  x = _mm512_mask_broadcastq_epi64(x, 0x04, pair(2));
  y = _mm512_mask_broadcastq_epi64(y, 0x08, pair(3));
  x = _mm512_mask_broadcastq_epi64(x, 0x10, pair(4));
  y = _mm512_mask_broadcastq_epi64(y, 0x20, pair(5));
  x = _mm512_mask_broadcastq_epi64(x, 0x40, pair(6));
  y = _mm512_mask_broadcastq_epi64(y, 0x80, pair(7));
  return ior(x, y);
}
template <int n>
MINERVA_INLINE void load_columns(const std::byte* base, std::int64_t stride, I* out) {
  if constexpr (n == 1) {
    out[0] = ior(ior(four_words<0>(base, stride), four_words<4>(base, stride)),
                 ior(four_words<8>(base, stride), four_words<12>(base, stride)));
  } else if constexpr (n == 2) {
    const I low = eight_pairs<0>(base, stride);
    const I high = eight_pairs<8>(base, stride);
    const I even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    out[0] = _mm512_permutex2var_epi32(low, even, high);
    out[1] = _mm512_permutex2var_epi32(low, ior(even, iset1(1)), high);
  } else {
    I row[4];  // rows j, j + 4, j + 8, j + 12
    for (int j = 0; j < 4; ++j) {
      row[j] = _mm512_castsi128_si512(load_words<n>(base + j * stride));
      row[j] = _mm512_inserti32x4(row[j], load_words<n>(base + (j + 4) * stride), 1);
      row[j] = _mm512_inserti32x4(row[j], load_words<n>(base + (j + 8) * stride), 2);
      row[j] = _mm512_inserti32x4(row[j], load_words<n>(base + (j + 12) * stride), 3);
    }
    const I low01 = _mm512_unpacklo_epi32(row[0], row[1]);
    const I low23 = _mm512_unpacklo_epi32(row[2], row[3]);
    const I high01 = _mm512_unpackhi_epi32(row[0], row[1]);
    const I high23 = _mm512_unpackhi_epi32(row[2], row[3]);
    out[0] = _mm512_unpacklo_epi64(low01, low23);
    out[1] = _mm512_unpackhi_epi64(low01, low23);
    out[2] = _mm512_unpacklo_epi64(high01, high23);
    if constexpr (n > 3) out[3] = _mm512_unpackhi_epi64(high01, high23);
  }
}
MINERVA_INLINE I load_u16_column(const std::byte* base, std::int64_t stride) {
  std::int16_t w[kLanes];
  for (int r = 0; r < kLanes; ++r) w[r] = load_as<std::int16_t>(base + r * stride);
  return _mm512_cvtepu16_epi32(_mm256_setr_epi16(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8], w[9],
                                                 w[10], w[11], w[12], w[13], w[14], w[15]));
}
MINERVA_INLINE void spread_nibbles(I x, I& first, I& second) {
  // Bit positions in each 64-bit half: four nibbles of its lower lane, four of its upper.
  const I offsets = _mm512_set1_epi64(0x2C2824200C080400);
  const I later = _mm512_set1_epi64(0x3C3834301C181410);
  const I mask = _mm512_set1_epi8(0x0F);
  first = iand(_mm512_multishift_epi64_epi8(offsets, x), mask);
  second = iand(_mm512_multishift_epi64_epi8(later, x), mask);
}
MINERVA_INLINE I lookup16(I index, const std::uint8_t* table) {
  return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_loadu_si128(quarter_at(table))), index);
}
MINERVA_INLINE void prefetch(const void* p) {
  _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0);
}

}  // namespace minerva::kernels::MINERVA_ISA
