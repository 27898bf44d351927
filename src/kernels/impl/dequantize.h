// One row of any weight type as float32. The reference for every other kernel, and the exact mode's path for
// quantised weights. GGUF blocks round as ggml's own functions do: bit for bit.
#pragma once

#include "kernels/impl/numbers.h"

namespace minerva::kernels::MINERVA_ISA {

MINERVA_INLINE void dequantize_q4_0(const std::byte* b, float* out) {
  const float d = half_at(b);
  for (int i = 0; i < 16; ++i) {
    const int q = byte_at(b, 2 + i);
    out[i] = static_cast<float>((q & 15) - 8) * d;
    out[i + 16] = static_cast<float>((q >> 4) - 8) * d;
  }
}

MINERVA_INLINE void dequantize_q4_1(const std::byte* b, float* out) {
  const float d = half_at(b);
  const float m = half_at(b + 2);
  for (int i = 0; i < 16; ++i) {
    const int q = byte_at(b, 4 + i);
    out[i] = static_cast<float>(q & 15) * d + m;
    out[i + 16] = static_cast<float>(q >> 4) * d + m;
  }
}

/// Element i and i + 16 of a five-bit block whose high bits are `high`.
MINERVA_INLINE int five_low(int q, std::uint32_t high, int i) {
  return (q & 15) | static_cast<int>(((high >> i) & 1U) << 4);
}
MINERVA_INLINE int five_high(int q, std::uint32_t high, int i) {
  return (q >> 4) | static_cast<int>(((high >> (i + 16)) & 1U) << 4);
}

MINERVA_INLINE void dequantize_q5_0(const std::byte* b, float* out) {
  const float d = half_at(b);
  const auto high = load_as<std::uint32_t>(b + 2);
  for (int i = 0; i < 16; ++i) {
    const int q = byte_at(b, 6 + i);
    out[i] = static_cast<float>(five_low(q, high, i) - 16) * d;
    out[i + 16] = static_cast<float>(five_high(q, high, i) - 16) * d;
  }
}

MINERVA_INLINE void dequantize_q5_1(const std::byte* b, float* out) {
  const float d = half_at(b);
  const float m = half_at(b + 2);
  const auto high = load_as<std::uint32_t>(b + 4);
  for (int i = 0; i < 16; ++i) {
    const int q = byte_at(b, 8 + i);
    out[i] = static_cast<float>(five_low(q, high, i)) * d + m;
    out[i + 16] = static_cast<float>(five_high(q, high, i)) * d + m;
  }
}

MINERVA_INLINE void dequantize_q8_0(const std::byte* b, float* out) {
  const float d = half_at(b);
  for (int i = 0; i < 32; ++i) out[i] = static_cast<float>(static_cast<std::int8_t>(b[2 + i])) * d;
}

MINERVA_INLINE void dequantize_q2_k(const std::byte* b, float* out) {
  const float d = half_at(b + 80);
  const float dmin = half_at(b + 82);
  for (int i = 0; i < 256; i += 16) {  // sixteen elements share a scale
    const int scale = byte_at(b, i / 16);
    const float dl = d * static_cast<float>(scale & 15);
    const float ml = dmin * static_cast<float>(scale >> 4);
    const std::byte* q = b + 16 + i / 128 * 32 + i % 32;
    const int shift = i % 128 / 32 * 2;
    for (int l = 0; l < 16; ++l) out[i + l] = dl * static_cast<float>((byte_at(q, l) >> shift) & 3) - ml;
  }
}

/// The sixteen six-bit scales of a Q3_K block, not yet less 32.
MINERVA_INLINE void q3_k_scales(const std::byte* packed, std::uint8_t* scales) {
  for (int i = 0; i < 16; ++i) {
    const int low = (byte_at(packed, i % 8) >> (i / 8 * 4)) & 15;
    const int high = (byte_at(packed, 8 + i % 4) >> (i / 4 * 2)) & 3;
    scales[i] = static_cast<std::uint8_t>(low | (high << 4));
  }
}

MINERVA_INLINE void dequantize_q3_k(const std::byte* b, float* out) {
  const float d = half_at(b + 108);
  std::uint8_t scales[16];
  q3_k_scales(b + 96, scales);
  for (int i = 0; i < 256; i += 16) {
    const float dl = d * static_cast<float>(scales[i / 16] - 32);
    const std::byte* q = b + 32 + i / 128 * 32 + i % 32;
    const std::byte* high = b + i % 32;
    const int shift = i % 128 / 32 * 2;
    const int bit = i / 32;
    for (int l = 0; l < 16; ++l) {
      const int value = ((byte_at(q, l) >> shift) & 3) - (((byte_at(high, l) >> bit) & 1) != 0 ? 0 : 4);
      out[i + l] = dl * static_cast<float>(value);
    }
  }
}

/// Scale and minimum of the j-th 32 elements of a Q4_K or Q5_K block, six bits each.
MINERVA_INLINE void k4_scale_min(int j, const std::byte* packed, int& scale, int& minimum) {
  if (j < 4) {
    scale = byte_at(packed, j) & 63;
    minimum = byte_at(packed, j + 4) & 63;
  } else {
    scale = (byte_at(packed, j + 4) & 15) | ((byte_at(packed, j - 4) >> 6) << 4);
    minimum = (byte_at(packed, j + 4) >> 4) | ((byte_at(packed, j) >> 6) << 4);
  }
}

template <bool five>
MINERVA_INLINE void dequantize_q45_k(const std::byte* b, float* out) {
  const float d = half_at(b);
  const float dmin = half_at(b + 2);
  for (int j = 0; j < 8; ++j) {
    int scale = 0;
    int minimum = 0;
    k4_scale_min(j, b + 4, scale, minimum);
    const float dl = d * static_cast<float>(scale);
    const float ml = dmin * static_cast<float>(minimum);
    const std::byte* q = b + (five ? 48 : 16) + j / 2 * 32;
    for (int l = 0; l < 32; ++l) {
      int value = (byte_at(q, l) >> (j % 2 * 4)) & 15;
      if constexpr (five) value |= ((byte_at(b, 16 + l) >> j) & 1) << 4;
      out[32 * j + l] = dl * static_cast<float>(value) - ml;
    }
  }
}

MINERVA_INLINE void dequantize_q6_k(const std::byte* b, float* out) {
  const float d = half_at(b + 208);
  for (int i = 0; i < 256; i += 16) {
    const float dl = d * static_cast<float>(static_cast<std::int8_t>(b[192 + i / 16]));
    const int part = i % 128 / 32;
    const std::byte* low = b + i / 128 * 64 + part % 2 * 32 + i % 32;
    const std::byte* high = b + 128 + i / 128 * 32 + i % 32;
    for (int l = 0; l < 16; ++l) {
      const int value =
          ((byte_at(low, l) >> (part / 2 * 4)) & 15) | (((byte_at(high, l) >> (part * 2)) & 3) << 4);
      out[i + l] = dl * static_cast<float>(value - 32);
    }
  }
}

template <int elements, int bytes, class Block>
MINERVA_INLINE void dequantize_blocks(const std::byte* row, std::int64_t cols, float* out, Block block) {
  for (std::int64_t i = 0; i < cols; i += elements, row += bytes) block(row, out + i);
}

/// Eight numbers are `bits` bytes.
template <int bits>
inline void dequantize_mlx_row(const WeightMatrix& w, std::int64_t row, float* out) {
  const std::byte* stream = w.data + row * w.row_stride;
  for (std::int64_t group = 0; group < w.cols / w.group; ++group) {
    const float scale = scalar_at(w.scales + row * w.scale_stride, group, w.scale_type);
    const float bias = scalar_at(w.biases + row * w.scale_stride, group, w.scale_type);
    for (int i = 0; i < w.group; i += 8, stream += bits, out += 8) {
      std::uint64_t word = 0;
      __builtin_memcpy(&word, stream, bits);
      for (int j = 0; j < 8; ++j) {
        const auto q = static_cast<std::int32_t>((word >> (j * bits)) & ((1U << bits) - 1U));
        out[j] = scale * static_cast<float>(q) + bias;
      }
    }
  }
}

inline void dequantize_mlx(const WeightMatrix& w, std::int64_t row, float* out) {
  switch (w.bits) {
    case 2:
      dequantize_mlx_row<2>(w, row, out);
      return;
    case 3:
      dequantize_mlx_row<3>(w, row, out);
      return;
    case 4:
      dequantize_mlx_row<4>(w, row, out);
      return;
    case 5:
      dequantize_mlx_row<5>(w, row, out);
      return;
    case 6:
      dequantize_mlx_row<6>(w, row, out);
      return;
    case 8:
      dequantize_mlx_row<8>(w, row, out);
      return;
    default:
      return;
  }
}

/// fn(scale's index, first element, end) for stretches of `step` columns.
template <class Fn>
MINERVA_INLINE void for_stretches(std::int64_t cols, std::int64_t step, Fn fn) {
  for (std::int64_t begin = 0, index = 0; begin < cols; begin += step, ++index)
    fn(index, begin, begin + step < cols ? begin + step : cols);
}

inline void dequantize_fp8(const WeightMatrix& w, std::int64_t row, float* out) {
  const std::byte* bytes = w.data + row * w.row_stride;
  const std::byte* scales = w.scales + row / w.block_rows * w.scale_stride;
  for_stretches(w.cols, w.block_cols, [&](std::int64_t block, std::int64_t begin, std::int64_t end) {
    const float scale = scalar_at(scales, block, w.scale_type);
    for (std::int64_t i = begin; i < end; ++i) out[i] = e4m3_to_float(byte_at(bytes, i)) * scale;
  });
}

inline void dequantize_mxfp8(const WeightMatrix& w, std::int64_t row, float* out) {
  const std::byte* bytes = w.data + row * w.row_stride;
  for_stretches(w.cols, 32, [&](std::int64_t block, std::int64_t begin, std::int64_t end) {
    const float scale = e8m0_to_float(byte_at(w.scales + row * w.scale_stride, block));
    for (std::int64_t i = begin; i < end; ++i) out[i] = e4m3_to_float(byte_at(bytes, i)) * scale;
  });
}

template <bool nvidia>
inline void dequantize_fp4(const WeightMatrix& w, std::int64_t row, float* out) {
  const std::byte* bytes = w.data + row * w.row_stride;
  const std::byte* scales = w.scales + row * w.scale_stride;
  for_stretches(w.cols, nvidia ? 16 : 32, [&](std::int64_t block, std::int64_t begin, std::int64_t end) {
    const std::uint8_t byte = byte_at(scales, block);
    const float scale = nvidia ? e4m3_to_float(byte) * w.global_scale : e8m0_to_float(byte);
    for (std::int64_t i = begin; i < end; i += 2) {
      const int pair = byte_at(bytes, i / 2);
      out[i] = static_cast<float>(kTwiceE2m1[pair & 15]) * 0.5F * scale;
      out[i + 1] = static_cast<float>(kTwiceE2m1[pair >> 4]) * 0.5F * scale;
    }
  });
}

/// Any row-major array of plain numbers.
template <class Load, class LoadN>
MINERVA_INLINE void widen(const std::byte* p, int bytes, std::int64_t n, float* out, Load load_all,
                          LoadN load_some) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(out + i, load_all(p + i * bytes));
  if (i < n) store_n(out + i, load_some(p + i * bytes, static_cast<int>(n - i)), static_cast<int>(n - i));
}
inline void widen_f16(const std::byte* p, std::int64_t n, float* out) {
  widen(
      p, 2, n, out, [](const std::byte* q) { return load_f16(q); },
      [](const std::byte* q, int some) { return load_f16_n(q, some); });
}
inline void widen_bf16(const std::byte* p, std::int64_t n, float* out) {
  widen(
      p, 2, n, out, [](const std::byte* q) { return load_bf16(q); },
      [](const std::byte* q, int some) { return load_bf16_n(q, some); });
}

inline void dequantize_row(const WeightMatrix& w, std::int64_t row, float* out) {
  const std::byte* p = w.data + row * w.row_stride;
  switch (w.type) {
    case WeightType::F32:
      __builtin_memcpy(out, p, static_cast<std::size_t>(w.cols) * 4);
      return;
    case WeightType::F16:
      widen_f16(p, w.cols, out);
      return;
    case WeightType::BF16:
      widen_bf16(p, w.cols, out);
      return;
    case WeightType::Fp8:
      dequantize_fp8(w, row, out);
      return;
    case WeightType::MlxAffine:
      dequantize_mlx(w, row, out);
      return;
    case WeightType::Mxfp4:
      dequantize_fp4<false>(w, row, out);
      return;
    case WeightType::Mxfp8:
      dequantize_mxfp8(w, row, out);
      return;
    case WeightType::Nvfp4:
      dequantize_fp4<true>(w, row, out);
      return;
    case WeightType::Q4_0:
      dequantize_blocks<32, 18>(p, w.cols, out, dequantize_q4_0);
      return;
    case WeightType::Q4_1:
      dequantize_blocks<32, 20>(p, w.cols, out, dequantize_q4_1);
      return;
    case WeightType::Q5_0:
      dequantize_blocks<32, 22>(p, w.cols, out, dequantize_q5_0);
      return;
    case WeightType::Q5_1:
      dequantize_blocks<32, 24>(p, w.cols, out, dequantize_q5_1);
      return;
    case WeightType::Q8_0:
      dequantize_blocks<32, 34>(p, w.cols, out, dequantize_q8_0);
      return;
    case WeightType::Q2_K:
      dequantize_blocks<256, 84>(p, w.cols, out, dequantize_q2_k);
      return;
    case WeightType::Q3_K:
      dequantize_blocks<256, 110>(p, w.cols, out, dequantize_q3_k);
      return;
    case WeightType::Q4_K:
      dequantize_blocks<256, 144>(p, w.cols, out, dequantize_q45_k<false>);
      return;
    case WeightType::Q5_K:
      dequantize_blocks<256, 176>(p, w.cols, out, dequantize_q45_k<true>);
      return;
    case WeightType::Q6_K:
      dequantize_blocks<256, 210>(p, w.cols, out, dequantize_q6_k);
      return;
  }
}

}  // namespace minerva::kernels::MINERVA_ISA
