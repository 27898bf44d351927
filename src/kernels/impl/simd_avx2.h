// Vectors of eight lanes: AVX2, FMA, F16C. What each function does stands in simd_portable.h.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#define MINERVA_INLINE inline __attribute__((always_inline))

namespace minerva::kernels::MINERVA_ISA {

constexpr int kLanes = 8;
constexpr int kFloatTile = 3;
constexpr int kInt8Tile = 4;
constexpr int kQueryTile = 4;
constexpr bool kHasBf16Dot = false;
constexpr bool kWideIsSigned = true;

using F = __m256;
using I = __m256i;

template <class T>
MINERVA_INLINE T load_as(const void* p) {
  T result;
  __builtin_memcpy(&result, p, sizeof(T));
  return result;
}
MINERVA_INLINE const __m256i* vector_at(const void* p) {
  return static_cast<const __m256i*>(p);
}
MINERVA_INLINE const __m128i* vector_half_at(const void* p) {
  return static_cast<const __m128i*>(p);
}
MINERVA_INLINE __m256i first_lanes(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

MINERVA_INLINE F set1(float x) {
  return _mm256_set1_ps(x);
}
MINERVA_INLINE F zero() {
  return _mm256_setzero_ps();
}
MINERVA_INLINE F load(const float* p) {
  return _mm256_loadu_ps(p);
}
MINERVA_INLINE void store(float* p, F x) {
  _mm256_storeu_ps(p, x);
}
MINERVA_INLINE F load_n(const float* p, int n) {
  return _mm256_maskload_ps(p, first_lanes(n));
}
MINERVA_INLINE void store_n(float* p, F x, int n) {
  _mm256_maskstore_ps(p, first_lanes(n), x);
}
MINERVA_INLINE F add(F a, F b) {
  return _mm256_add_ps(a, b);
}
MINERVA_INLINE F sub(F a, F b) {
  return _mm256_sub_ps(a, b);
}
MINERVA_INLINE F mul(F a, F b) {
  return _mm256_mul_ps(a, b);
}
MINERVA_INLINE F div(F a, F b) {
  return _mm256_div_ps(a, b);
}
MINERVA_INLINE F sqrt(F a) {
  return _mm256_sqrt_ps(a);
}
MINERVA_INLINE F fma(F a, F b, F c) {
  return _mm256_fmadd_ps(a, b, c);
}
MINERVA_INLINE F max(F a, F b) {
  return _mm256_max_ps(a, b);
}
MINERVA_INLINE F min(F a, F b) {
  return _mm256_min_ps(a, b);
}
MINERVA_INLINE F select_less(F a, F b, F x, F y) {
  return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
}
MINERVA_INLINE F abs(F a) {
  return _mm256_andnot_ps(_mm256_set1_ps(-0.0F), a);
}
MINERVA_INLINE F copy_sign(F magnitude, F sign) {
  return _mm256_or_ps(abs(magnitude), _mm256_and_ps(sign, _mm256_set1_ps(-0.0F)));
}
MINERVA_INLINE F round_even(F x) {
  return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
MINERVA_INLINE I to_int(F x) {
  return _mm256_cvtps_epi32(x);
}
MINERVA_INLINE F to_float(I x) {
  return _mm256_cvtepi32_ps(x);
}
MINERVA_INLINE I as_int(F x) {
  return _mm256_castps_si256(x);
}
MINERVA_INLINE F as_float(I x) {
  return _mm256_castsi256_ps(x);
}
MINERVA_INLINE F scale_by_power(F x, F n) {
  const I bias = _mm256_set1_epi32(127);
  const I whole = to_int(n);
  const I half = _mm256_srai_epi32(whole, 1);
  const I rest = _mm256_sub_epi32(whole, half);
  const F low = as_float(_mm256_slli_epi32(_mm256_add_epi32(half, bias), 23));
  const F high = as_float(_mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23));
  return mul(mul(x, low), high);
}
// Lanes i and i+4, then i and i+2, then the last two: the same order in sum and sums4.
MINERVA_INLINE float sum(F x) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
MINERVA_INLINE void sums4(const F* x, float* out) {
  __m128 v[4];
  for (int i = 0; i < 4; ++i) v[i] = _mm_add_ps(_mm256_castps256_ps128(x[i]), _mm256_extractf128_ps(x[i], 1));
  _MM_TRANSPOSE4_PS(v[0], v[1], v[2], v[3]);
  _mm_storeu_ps(out, _mm_add_ps(_mm_add_ps(v[0], v[2]), _mm_add_ps(v[1], v[3])));
}
MINERVA_INLINE float max_of(F x) {
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

MINERVA_INLINE F max_of_all(F x) {
  x = _mm256_max_ps(x, _mm256_permute2f128_ps(x, x, 0x01));
  x = _mm256_max_ps(x, _mm256_permute_ps(x, 0x4E));
  return _mm256_max_ps(x, _mm256_permute_ps(x, 0xB1));
}
MINERVA_INLINE bool differ(F a, F b) {
  return _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_NEQ_UQ)) != 0;
}

MINERVA_INLINE I iset1(std::int32_t x) {
  return _mm256_set1_epi32(x);
}
MINERVA_INLINE I iload(const void* p) {
  return _mm256_loadu_si256(vector_at(p));
}
MINERVA_INLINE void istore(void* p, I x) {
  _mm256_storeu_si256(static_cast<__m256i*>(p), x);
}
MINERVA_INLINE F select_equal(I a, I b, F x, F y) {
  return _mm256_blendv_ps(y, x, _mm256_castsi256_ps(_mm256_cmpeq_epi32(a, b)));
}
MINERVA_INLINE I iadd(I a, I b) {
  return _mm256_add_epi32(a, b);
}
MINERVA_INLINE I imax(I a, I b) {
  return _mm256_max_epi32(a, b);
}
MINERVA_INLINE I iand(I a, I b) {
  return _mm256_and_si256(a, b);
}
MINERVA_INLINE I ior(I a, I b) {
  return _mm256_or_si256(a, b);
}
MINERVA_INLINE I ixor(I a, I b) {
  return _mm256_xor_si256(a, b);
}
template <int n>
MINERVA_INLINE I shl(I a) {
  return _mm256_slli_epi32(a, n);
}
template <int n>
MINERVA_INLINE I shr(I a) {
  return _mm256_srli_epi32(a, n);
}
template <int n>
MINERVA_INLINE I sar(I a) {
  return _mm256_srai_epi32(a, n);
}
MINERVA_INLINE std::int32_t max_of(I x) {
  const __m128i four = _mm_max_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  const __m128i two = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4E));
  return _mm_cvtsi128_si32(_mm_max_epi32(two, _mm_shuffle_epi32(two, 0xB1)));
}

MINERVA_INLINE std::int32_t sum_of(I x) {
  const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xB1)));
}
MINERVA_INLINE void store_i8(void* p, I x) {
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  _mm_storel_epi64(static_cast<__m128i*>(p), _mm_packs_epi16(words, words));
}

MINERVA_INLINE F load_bf16(const void* p) {
  return as_float(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(vector_half_at(p))), 16));
}
MINERVA_INLINE F load_bf16_n(const void* p, int n) {
  std::uint16_t copy[kLanes] = {};
  __builtin_memcpy(copy, p, 2 * static_cast<std::size_t>(n));
  return load_bf16(copy);
}
MINERVA_INLINE F f16_low(I x) {
  const __m256i masked = _mm256_and_si256(x, _mm256_set1_epi32(0xFFFF));
  const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(masked, masked), 0x08);
  return _mm256_cvtph_ps(_mm256_castsi256_si128(packed));
}
MINERVA_INLINE F load_f16(const void* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(vector_half_at(p)));
}
MINERVA_INLINE F load_f16_n(const void* p, int n) {
  std::uint16_t copy[kLanes] = {};
  __builtin_memcpy(copy, p, 2 * static_cast<std::size_t>(n));
  return load_f16(copy);
}
MINERVA_INLINE void store_f16(void* p, F x) {
  _mm_storeu_si128(static_cast<__m128i*>(p), _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}

/// When wide, a's bytes are signed: VPMADDUBSW saturates above 2 * 128 * 127, so |a| takes the unsigned
/// place.
template <bool wide>
MINERVA_INLINE I dot4(I acc, I a, I b) {
  const I pairs =
      wide ? _mm256_maddubs_epi16(_mm256_abs_epi8(a), _mm256_sign_epi8(b, a)) : _mm256_maddubs_epi16(a, b);
  return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

template <int n>
MINERVA_INLINE __m128i load_words(const std::byte* p) {
  if constexpr (n == 4) return _mm_loadu_si128(vector_half_at(p));
  if constexpr (n == 2) return _mm_loadl_epi64(vector_half_at(p));
  return _mm_maskload_epi32(static_cast<const int*>(static_cast<const void*>(p)),
                            _mm_cmpgt_epi32(_mm_set1_epi32(n), _mm_setr_epi32(0, 1, 2, 3)));
}
template <int n>
MINERVA_INLINE void load_columns(const std::byte* base, std::int64_t stride, I* out) {
  if constexpr (n == 1) {
    std::int32_t words[kLanes];
    for (int r = 0; r < kLanes; ++r) words[r] = load_as<std::int32_t>(base + r * stride);
    out[0] =
        _mm256_setr_epi32(words[0], words[1], words[2], words[3], words[4], words[5], words[6], words[7]);
    return;
  }
  __m256i row[4];  // rows j and j + 4
  for (int j = 0; j < 4; ++j)
    row[j] = _mm256_inserti128_si256(_mm256_castsi128_si256(load_words<n>(base + j * stride)),
                                     load_words<n>(base + (j + 4) * stride), 1);
  const __m256i low01 = _mm256_unpacklo_epi32(row[0], row[1]);
  const __m256i low23 = _mm256_unpacklo_epi32(row[2], row[3]);
  out[0] = _mm256_unpacklo_epi64(low01, low23);
  if constexpr (n > 1) out[1] = _mm256_unpackhi_epi64(low01, low23);
  if constexpr (n > 2) {
    const __m256i high01 = _mm256_unpackhi_epi32(row[0], row[1]);
    const __m256i high23 = _mm256_unpackhi_epi32(row[2], row[3]);
    out[2] = _mm256_unpacklo_epi64(high01, high23);
    if constexpr (n > 3) out[3] = _mm256_unpackhi_epi64(high01, high23);
  }
}
MINERVA_INLINE I load_u16_column(const std::byte* base, std::int64_t stride) {
  std::int16_t w[kLanes];
  for (int r = 0; r < kLanes; ++r) w[r] = load_as<std::int16_t>(base + r * stride);
  return _mm256_cvtepu16_epi32(_mm_setr_epi16(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]));
}
MINERVA_INLINE void spread_nibbles(I x, I& first, I& second) {
  const I low = _mm256_set1_epi16(0x000F);
  const I high = _mm256_set1_epi16(0x0F00);
  const auto spread = [&](I twice) { return ior(iand(twice, low), iand(_mm256_srli_epi16(twice, 4), high)); };
  const auto pattern = [](int a) {  // bytes 4d + a, twice, then 4d + a + 1, twice
    const __m128i p = _mm_setr_epi32(a * 0x00000101 + (a + 1) * 0x01010000,
                                     0x04040404 + a * 0x00000101 + (a + 1) * 0x01010000,
                                     0x08080808 + a * 0x00000101 + (a + 1) * 0x01010000,
                                     0x0C0C0C0C + a * 0x00000101 + (a + 1) * 0x01010000);
    return _mm256_broadcastsi128_si256(p);
  };
  first = spread(_mm256_shuffle_epi8(x, pattern(0)));
  second = spread(_mm256_shuffle_epi8(x, pattern(2)));
}
MINERVA_INLINE I lookup16(I index, const std::uint8_t* table) {
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128(vector_half_at(table))), index);
}
MINERVA_INLINE void prefetch(const void* p) {
  _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0);
}

}  // namespace minerva::kernels::MINERVA_ISA
