// Vectors of four lanes in GCC's and Clang's portable vector extension: the layer that every processor has.
// Each simd_*.h defines the same names; the kernels above are written once and compiled on each.
#pragma once

#include <cstddef>
#include <cstdint>

#define MINERVA_INLINE inline __attribute__((always_inline))

namespace minerva::kernels::MINERVA_ISA {

constexpr int kLanes = 4;
/// Largest register tiles: rows of x in a float product, in an int8 product, and of queries in attention.
constexpr int kFloatTile = 2;
constexpr int kInt8Tile = 4;
constexpr int kQueryTile = 2;
constexpr bool kHasBf16Dot = false;
/// dot4 takes its first factor as signed bytes when it may exceed 127; see int8_linear.h.
constexpr bool kWideIsSigned = false;

using F = float __attribute__((vector_size(16)));
using I = std::int32_t __attribute__((vector_size(16)));
using U = std::uint32_t __attribute__((vector_size(16)));

template <class To, class From>
MINERVA_INLINE To bits(From value) {
  static_assert(sizeof(To) == sizeof(From));
  To result;
  __builtin_memcpy(&result, &value, sizeof(To));
  return result;
}
template <class T>
MINERVA_INLINE T load_as(const void* p) {
  T result;
  __builtin_memcpy(&result, p, sizeof(T));
  return result;
}

MINERVA_INLINE F set1(float x) {
  return F{x, x, x, x};
}
MINERVA_INLINE F zero() {
  return set1(0.0F);
}
MINERVA_INLINE F load(const float* p) {
  return load_as<F>(p);
}
MINERVA_INLINE void store(float* p, F x) {
  __builtin_memcpy(p, &x, sizeof(x));
}
/// The first n < kLanes; the other lanes are zero.
MINERVA_INLINE F load_n(const float* p, int n) {
  F result = zero();
  for (int i = 0; i < n; ++i) result[i] = load_as<float>(p + i);
  return result;
}
MINERVA_INLINE void store_n(float* p, F x, int n) {
  for (int i = 0; i < n; ++i) p[i] = x[i];
}
MINERVA_INLINE F add(F a, F b) {
  return a + b;
}
MINERVA_INLINE F sub(F a, F b) {
  return a - b;
}
MINERVA_INLINE F mul(F a, F b) {
  return a * b;
}
MINERVA_INLINE F div(F a, F b) {
  return a / b;
}
MINERVA_INLINE F sqrt(F a) {
  return F{__builtin_sqrtf(a[0]), __builtin_sqrtf(a[1]), __builtin_sqrtf(a[2]), __builtin_sqrtf(a[3])};
}
/// a * b + c; rounded once where the processor can.
MINERVA_INLINE F fma(F a, F b, F c) {
  return a * b + c;
}
/// b where either is NaN.
MINERVA_INLINE F max(F a, F b) {
  return a > b ? a : b;
}
MINERVA_INLINE F min(F a, F b) {
  return a < b ? a : b;
}
MINERVA_INLINE F select_less(F a, F b, F x, F y) {
  return a < b ? x : y;
}
MINERVA_INLINE F abs(F a) {
  return bits<F>(bits<I>(a) & 0x7FFFFFFF);
}
MINERVA_INLINE F copy_sign(F magnitude, F sign) {
  return bits<F>((bits<I>(magnitude) & 0x7FFFFFFF) | (bits<U>(sign) & 0x80000000U));
}
/// To the nearest integer, ties to even, of numbers below 2^22.
MINERVA_INLINE F round_even(F x) {
  const F magic = set1(12582912.0F);
  return (x + magic) - magic;
}
MINERVA_INLINE I to_int(F x) {
  return __builtin_convertvector(round_even(x), I);
}
MINERVA_INLINE F to_float(I x) {
  return __builtin_convertvector(x, F);
}
MINERVA_INLINE I as_int(F x) {
  return bits<I>(x);
}
MINERVA_INLINE F as_float(I x) {
  return bits<F>(x);
}
/// x * 2^n for integral n of at most 250 in size.
MINERVA_INLINE F scale_by_power(F x, F n) {
  const I whole = to_int(n);
  const I half = whole >> 1;
  return x * bits<F>((half + 127) << 23) * bits<F>((whole - half + 127) << 23);
}
MINERVA_INLINE float sum(F x) {
  return (x[0] + x[2]) + (x[1] + x[3]);
}
MINERVA_INLINE float max_of(F x) {
  float result = x[0];
  for (int i = 1; i < kLanes; ++i) result = x[i] > result ? x[i] : result;
  return result;
}
MINERVA_INLINE void sums4(const F* x, float* out) {
  for (int i = 0; i < 4; ++i) out[i] = sum(x[i]);
}

/// The largest lane, in all lanes.
MINERVA_INLINE F max_of_all(F x) {
  return set1(max_of(x));
}
MINERVA_INLINE bool differ(F a, F b) {
  for (int i = 0; i < kLanes; ++i) {
    if (!(a[i] == b[i])) return true;
  }
  return false;
}

MINERVA_INLINE I iset1(std::int32_t x) {
  return I{x, x, x, x};
}
MINERVA_INLINE I iload(const void* p) {
  return load_as<I>(p);
}
MINERVA_INLINE void istore(void* p, I x) {
  __builtin_memcpy(p, &x, sizeof(x));
}
/// Lanes of x where a == b, else of y.
MINERVA_INLINE F select_equal(I a, I b, F x, F y) {
  return a == b ? x : y;
}
MINERVA_INLINE I iadd(I a, I b) {
  return a + b;
}
MINERVA_INLINE I imax(I a, I b) {
  return a > b ? a : b;
}
MINERVA_INLINE I iand(I a, I b) {
  return a & b;
}
MINERVA_INLINE I ior(I a, I b) {
  return a | b;
}
MINERVA_INLINE I ixor(I a, I b) {
  return a ^ b;
}
template <int n>
MINERVA_INLINE I shl(I a) {
  return bits<I>(bits<U>(a) << n);
}
template <int n>
MINERVA_INLINE I shr(I a) {
  return bits<I>(bits<U>(a) >> n);
}
template <int n>
MINERVA_INLINE I sar(I a) {
  return a >> n;
}
MINERVA_INLINE std::int32_t max_of(I x) {
  std::int32_t result = x[0];
  for (int i = 1; i < kLanes; ++i) result = x[i] > result ? x[i] : result;
  return result;
}

MINERVA_INLINE std::int32_t sum_of(I x) {
  return (x[0] + x[1]) + (x[2] + x[3]);
}
/// The lanes, within [-128, 127], as bytes.
MINERVA_INLINE void store_i8(void* p, I x) {
  for (int i = 0; i < kLanes; ++i) static_cast<std::int8_t*>(p)[i] = static_cast<std::int8_t>(x[i]);
}

MINERVA_INLINE F load_bf16(const void* p) {
  F result = zero();
  for (int i = 0; i < kLanes; ++i)
    result[i] = bits<float>(
        static_cast<std::uint32_t>(load_as<std::uint16_t>(static_cast<const std::byte*>(p) + 2 * i)) << 16);
  return result;
}
MINERVA_INLINE F load_bf16_n(const void* p, int n) {
  std::uint16_t copy[kLanes] = {};
  __builtin_memcpy(copy, p, 2 * static_cast<std::size_t>(n));
  return load_bf16(copy);
}
/// The low halves of the lanes as F16. Exact, subnormals and infinities included.
MINERVA_INLINE F f16_low(I x) {
  const U magnitude = (bits<U>(x) & 0x7FFF) << 13;
  const U sign = (bits<U>(x) & 0x8000) << 16;
  const F scaled = bits<F>(magnitude) * set1(0x1p112F);
  const U special = bits<U>(scaled >= set1(0x1p16F)) & 0x7F800000;
  return bits<F>(bits<U>(scaled) | special | sign);
}
MINERVA_INLINE F load_f16(const void* p) {
  I x = iset1(0);
  for (int i = 0; i < kLanes; ++i) x[i] = load_as<std::uint16_t>(static_cast<const std::byte*>(p) + 2 * i);
  return f16_low(x);
}
MINERVA_INLINE F load_f16_n(const void* p, int n) {
  std::uint16_t copy[kLanes] = {};
  __builtin_memcpy(copy, p, 2 * static_cast<std::size_t>(n));
  return load_f16(copy);
}
/// To F16, nearest even; overflow gives infinity, NaN a quiet NaN.
MINERVA_INLINE void store_f16(void* p, F x) {
  for (int i = 0; i < kLanes; ++i) {
    const auto word = bits<std::uint32_t>(static_cast<float>(x[i]));
    const std::uint32_t magnitude = word & 0x7FFFFFFFU;
    std::uint32_t half = 0;
    if (magnitude > 0x7F800000U) {
      half = 0x7E00U | ((magnitude >> 13) & 0x3FFU);
    } else if (magnitude >= 0x477FF000U) {
      half = 0x7C00U;
    } else if (magnitude < 0x38800000U) {  // subnormal: add so that the unit of rounding is 2^-24
      half = bits<std::uint32_t>(bits<float>(magnitude) + 0.5F) - bits<std::uint32_t>(0.5F);
    } else {
      half = (magnitude + 0xC8000FFFU + ((magnitude >> 13) & 1U)) >> 13;
    }
    const auto result = static_cast<std::uint16_t>(half | ((word >> 16) & 0x8000U));
    __builtin_memcpy(static_cast<std::byte*>(p) + 2 * i, &result, 2);
  }
}

/// acc + the four products of unsigned bytes of a with signed bytes of b, in each lane.
template <bool wide>
MINERVA_INLINE I dot4(I acc, I a, I b) {
  const I mask = iset1(0xFF);
  acc += (a & mask) * ((b << 24) >> 24);
  acc += ((a >> 8) & mask) * ((b << 16) >> 24);
  acc += ((a >> 16) & mask) * ((b << 8) >> 24);
  acc += ((a >> 24) & mask) * (b >> 24);
  return acc;
}

/// out[i], lane r: the i-th 32-bit word at base + r * stride, i < n <= 4. Reads nothing else.
template <int n>
MINERVA_INLINE void load_columns(const std::byte* base, std::int64_t stride, I* out) {
  for (int r = 0; r < kLanes; ++r) {
    for (int i = 0; i < n; ++i) out[i][r] = load_as<std::int32_t>(base + r * stride + 4 * i);
  }
}
/// Lane r: the 16-bit word at base + r * stride, zero-extended.
MINERVA_INLINE I load_u16_column(const std::byte* base, std::int64_t stride) {
  I result = iset1(0);
  for (int r = 0; r < kLanes; ++r) result[r] = load_as<std::uint16_t>(base + r * stride);
  return result;
}
/// The eight nibbles of each lane, lowest first, as bytes: four in `first`, four in `second`.
MINERVA_INLINE void spread_nibbles(I x, I& first, I& second) {
  const auto spread = [](I half) {
    half = (half | (half << 8)) & 0x00FF00FF;
    return (half | (half << 4)) & 0x0F0F0F0F;
  };
  first = spread(x & 0xFFFF);
  second = spread(shr<16>(x));
}
/// Each byte (below 16) replaced by the table's entry.
MINERVA_INLINE I lookup16(I index, const std::uint8_t* table) {
  std::uint8_t bytes[16];
  __builtin_memcpy(bytes, &index, sizeof(bytes));
  for (auto& byte : bytes) byte = table[byte & 15];
  return load_as<I>(bytes);
}
MINERVA_INLINE void prefetch(const void* p) {
  __builtin_prefetch(p);
}

}  // namespace minerva::kernels::MINERVA_ISA
