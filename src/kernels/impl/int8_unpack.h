// Panels of quantised weight rows into WeightTile, for each format: kLanes rows at a time, a row to a lane,
// so that bits are taken apart in 32-bit lanes whatever the instruction set.
#pragma once

#include "kernels/impl/int8_linear.h"

namespace minerva::kernels::MINERVA_ISA {

/// Asks for the memory that is needed next, a little with every block: kLanes stretches of `bytes`.
struct Fetcher {
  const std::byte* row = nullptr;
  std::int64_t stride = 0;
  std::int64_t bytes = 0;
  std::int64_t at = 0;
  int lines = 0;  ///< at each step

  MINERVA_INLINE void step() {
    for (int i = 0; i < lines; ++i) {
      prefetch(row + at);
      at += 64;
      if (at >= bytes) {
        at = 0;
        row += stride;
      }
    }
  }
};

/// kLanes rows from `data` on, and the block of 32 columns to begin with.
struct Panel {
  const WeightMatrix* w = nullptr;
  const std::byte* data = nullptr;  ///< of the panel's first row
  const std::byte* scales = nullptr;
  const std::byte* biases = nullptr;
  std::int64_t block = 0;
  Fetcher* next = nullptr;
};

template <int n>
MINERVA_INLINE void load_words_of_rows(const std::byte* base, std::int64_t stride, I* out) {
  if constexpr (n > 4) {
    load_columns<4>(base, stride, out);
    load_columns<n - 4>(base + 16, stride, out + 4);
  } else {
    load_columns<n>(base, stride, out);
  }
}

MINERVA_INLINE void put(std::int32_t (&to)[kLanes], I x) {
  istore(to, x);
}
MINERVA_INLINE void put(float (&to)[kLanes], F x) {
  store(to, x);
}
MINERVA_INLINE I low_nibbles(I x) {
  return iand(x, iset1(0x0F0F0F0F));
}
MINERVA_INLINE I high_nibbles(I x) {
  return iand(shr<4>(x), iset1(0x0F0F0F0F));
}
/// Byte i of each lane.
template <int i>
MINERVA_INLINE I byte_of(I x) {
  return iand(shr<8 * i>(x), iset1(0xFF));
}
/// Signed byte i of each lane.
template <int i>
MINERVA_INLINE I signed_byte_of(I x) {
  return sar<24>(shl<24 - 8 * i>(x));
}
/// fn.operator()<0>() ... fn.operator()<n - 1>()
template <int n, class Fn>
MINERVA_INLINE void repeat(Fn&& fn) {
  if constexpr (n > 0) {
    repeat<n - 1>(fn);
    fn.template operator()<n - 1>();
  }
}

// Each format: its TileShape and unpack(panel, blocks, tile).

struct UnpackQ4_0 {
  static constexpr TileShape kShape{.groups = 1, .has_min = false, .wide = false, .bias = 8};
  static void unpack(const Panel& p, int blocks, WeightTile& tile) {
    const std::int64_t stride = p.w->row_stride;
    const std::byte* at = p.data + p.block * 18;
    for (int b = 0; b < blocks; ++b, at += 18) {
      p.next->step();
      I q[4];
      load_columns<4>(at + 2, stride, q);
      for (int i = 0; i < 4; ++i) {
        put(tile.q[b][i], low_nibbles(q[i]));
        put(tile.q[b][i + 4], high_nibbles(q[i]));
      }
      I head;  // d, and two bytes of numbers
      load_columns<1>(at, stride, &head);
      put(tile.scale[b][0], f16_low(head));
    }
  }
};

/// Scale and minimum as a pair of F16.
MINERVA_INLINE void put_scale_min(WeightTile& tile, int b, I pair) {
  put(tile.scale[b][0], f16_low(pair));
  put(tile.min[b][0], f16_low(shr<16>(pair)));
}

struct UnpackQ4_1 {
  static constexpr TileShape kShape{.groups = 1, .has_min = true, .wide = false, .bias = 0};
  static void unpack(const Panel& p, int blocks, WeightTile& tile) {
    const std::int64_t stride = p.w->row_stride;
    const std::byte* at = p.data + p.block * 20;
    for (int b = 0; b < blocks; ++b, at += 20) {
      p.next->step();
      I q[4];
      load_columns<4>(at + 4, stride, q);
      for (int i = 0; i < 4; ++i) {
        put(tile.q[b][i], low_nibbles(q[i]));
        put(tile.q[b][i + 4], high_nibbles(q[i]));
      }
      I pair;
      load_columns<1>(at, stride, &pair);
      put_scale_min(tile, b, pair);
    }
  }
};

/// Bits 4i .. 4i+3 of each lane, each as the fifth bit of a byte.
template <int i>
MINERVA_INLINE I fifth_bits(I high) {
  I x = iand(i == 0 ? high : shr<4 * i>(high), iset1(0xF));
  x = iand(ior(x, shl<14>(x)), iset1(0x00030003));  // bits 0, 1 stay; 2, 3 to 16, 17
  x = ior(x, shl<7>(x));                            // and 1, 17 to 8, 24
  return shl<4>(iand(x, iset1(0x01010101)));
}

template <bool has_min>
struct UnpackQ5 {
  static constexpr TileShape kShape{.groups = 1, .has_min = has_min, .wide = false, .bias = has_min ? 0 : 16};
  static void unpack(const Panel& p, int blocks, WeightTile& tile) {
    constexpr int kHead = has_min ? 8 : 6;
    const std::int64_t stride = p.w->row_stride;
    const std::byte* at = p.data + p.block * (kHead + 16);
    for (int b = 0; b < blocks; ++b, at += kHead + 16) {
      p.next->step();
      I head[2];  // d, m and the fifth bits; or d, the fifth bits and two bytes of numbers
      load_columns<2>(at, stride, head);
      const I high = has_min ? head[1] : ior(shr<16>(head[0]), shl<16>(head[1]));
      I q[4];
      load_columns<4>(at + kHead, stride, q);
      repeat<4>([&]<int i>() {
        put(tile.q[b][i], ior(low_nibbles(q[i]), fifth_bits<i>(high)));
        put(tile.q[b][i + 4], ior(high_nibbles(q[i]), fifth_bits<i + 4>(high)));
      });
      if constexpr (has_min) {
        put_scale_min(tile, b, head[0]);
      } else {
        put(tile.scale[b][0], f16_low(head[0]));
      }
    }
  }
};

/// Signed bytes to what a wide tile holds.
MINERVA_INLINE I from_signed(I x) {
  return kWideIsSigned ? x : ixor(x, iset1(static_cast<std::int32_t>(0x80808080)));
}

struct UnpackQ8_0 {
  static constexpr TileShape kShape{
      .groups = 1, .has_min = false, .wide = true, .bias = kWideIsSigned ? 0 : 128};
  static void unpack(const Panel& p, int blocks, WeightTile& tile) {
    const std::int64_t stride = p.w->row_stride;
    const std::byte* at = p.data + p.block * 34;
    for (int b = 0; b < blocks; ++b, at += 34) {
      p.next->step();
      I q[8];
      load_words_of_rows<8>(at + 2, stride, q);
      for (int i = 0; i < 8; ++i) put(tile.q[b][i], from_signed(q[i]));
      I head;  // d, and two of the numbers
      load_columns<1>(at, stride, &head);
      put(tile.scale[b][0], f16_low(head));
    }
  }
};

// Super-blocks of 256: eight blocks at a time.

struct UnpackQ2_K {
  static constexpr TileShape kShape{.groups = 2, .has_min = true, .wide = false, .bias = 0};
  static void unpack(const Panel& p, int blocks, WeightTile& tile) {
    const std::int64_t stride = p.w->row_stride;
    const std::byte* at = p.data + p.block / 8 * 84;
    for (int b = 0; b < blocks; b += 8, at += 84) {
      I scales[4];
      I pair;
      load_columns<4>(at, stride, scales);
      load_columns<1>(at + 80, stride, &pair);
      const F d = f16_low(pair);
      const F dmin = sub(zero(), f16_low(shr<16>(pair)));
      repeat<16>([&]<int i>() {
        const I both = byte_of<i % 4>(scales[i / 4]);
        put(tile.scale[b + i / 2][i % 2], mul(d, to_float(iand(both, iset1(15)))));
        put(tile.min[b + i / 2][i % 2], mul(dmin, to_float(shr<4>(both))));
      });
      for (int half = 0; half < 2; ++half) {
        I q[8];
        load_words_of_rows<8>(at + 16 + 32 * half, stride, q);
        repeat<4>([&]<int j>() {
          p.next->step();
          for (int i = 0; i < 8; ++i)
            put(tile.q[b + 4 * half + j][i], iand(shr<2 * j>(q[i]), iset1(0x03030303)));
        });
      }
    }
  }
};

struct UnpackQ3_K {
  static constexpr TileShape kShape{.groups = 2, .has_min = false, .wide = false, .bias = 4};
  static void unpack(const Panel& p, int blocks, WeightTile& tile) {
    const std::int64_t stride = p.w->row_stride;
    const std::byte* at = p.data + p.block / 8 * 110;
    for (int b = 0; b < blocks; b += 8, at += 110) {
      unpack_scales(at, stride, tile, b);
      I high[8];
      load_words_of_rows<8>(at, stride, high);
      repeat<2>([&]<int half>() {
        I q[8];
        load_words_of_rows<8>(at + 32 + 32 * half, stride, q);
        repeat<4>([&]<int j>() {
          p.next->step();
          for (int i = 0; i < 8; ++i) {
            const I low = iand(shr<2 * j>(q[i]), iset1(0x03030303));
            const I bit = iand(shr<4 * half + j>(high[i]), iset1(0x01010101));
            put(tile.q[b + 4 * half + j][i], ior(low, shl<2>(bit)));
          }
        });
      });
    }
  }
  // The 12 bytes of six-bit scales and d are the block's last 14: read from 2 earlier, as four words.
  static void unpack_scales(const std::byte* at, std::int64_t stride, WeightTile& tile, int b) {
    I word[4];
    load_columns<4>(at + 94, stride, word);
    const I packed[3] = {ior(shr<16>(word[0]), shl<16>(word[1])), ior(shr<16>(word[1]), shl<16>(word[2])),
                         ior(shr<16>(word[2]), shl<16>(word[3]))};
    const F d = f16_low(shr<16>(word[3]));
    repeat<16>([&]<int i>() {
      const I low = iand(shr<8 * (i % 4) + i / 8 * 4>(packed[i % 8 / 4]), iset1(15));
      const I high = iand(shr<8 * (i % 4) + i / 4 * 2>(packed[2]), iset1(3));
      const I scale = iadd(ior(low, shl<4>(high)), iset1(-32));
      put(tile.scale[b + i / 2][i % 2], mul(d, to_float(scale)));
    });
  }
};

/// Scales and minima of a Q4_K or Q5_K block, whose first 16 bytes hold them all.
MINERVA_INLINE void unpack_k4_scales(const std::byte* at, std::int64_t stride, WeightTile& tile, int b) {
  I head[4];
  load_columns<4>(at, stride, head);
  const F d = f16_low(head[0]);
  const F dmin = sub(zero(), f16_low(shr<16>(head[0])));
  const auto put_pair = [&](int j, I scale, I minimum) {
    put(tile.scale[b + j][0], mul(d, to_float(scale)));
    put(tile.min[b + j][0], mul(dmin, to_float(minimum)));
  };
  repeat<4>([&]<int j>() {
    put_pair(j, iand(shr<8 * j>(head[1]), iset1(63)), iand(shr<8 * j>(head[2]), iset1(63)));
    const I low = byte_of<j>(head[3]);
    const I scale = ior(iand(low, iset1(15)), iand(shr<8 * j + 2>(head[1]), iset1(0x30)));
    const I minimum = ior(shr<4>(low), iand(shr<8 * j + 2>(head[2]), iset1(0x30)));
    put_pair(j + 4, scale, minimum);
  });
}

template <bool five>
struct UnpackQ45_K {
  static constexpr TileShape kShape{.groups = 1, .has_min = true, .wide = false, .bias = 0};
  static void unpack(const Panel& p, int blocks, WeightTile& tile) {
    constexpr std::int64_t kBytes = five ? 176 : 144;
    const std::int64_t stride = p.w->row_stride;
    const std::byte* at = p.data + p.block / 8 * kBytes;
    for (int b = 0; b < blocks; b += 8, at += kBytes) {
      unpack_k4_scales(at, stride, tile, b);
      I high[8];
      if constexpr (five) load_words_of_rows<8>(at + 16, stride, high);
      repeat<4>([&]<int j>() {
        p.next->step();
        p.next->step();
        I q[8];
        load_words_of_rows<8>(at + (five ? 48 : 16) + 32 * j, stride, q);
        for (int i = 0; i < 8; ++i) {
          I low = low_nibbles(q[i]);
          I upper = high_nibbles(q[i]);
          if constexpr (five) {
            low = ior(low, shl<4>(iand(shr<2 * j>(high[i]), iset1(0x01010101))));
            upper = ior(upper, shl<4>(iand(shr<2 * j + 1>(high[i]), iset1(0x01010101))));
          }
          put(tile.q[b + 2 * j][i], low);
          put(tile.q[b + 2 * j + 1][i], upper);
        }
      });
    }
  }
};

struct UnpackQ6_K {
  static constexpr TileShape kShape{.groups = 2, .has_min = false, .wide = false, .bias = 32};
  static void unpack(const Panel& p, int blocks, WeightTile& tile) {
    const std::int64_t stride = p.w->row_stride;
    const std::byte* at = p.data + p.block / 8 * 210;
    for (int b = 0; b < blocks; b += 8, at += 210) {
      I scales[4];
      load_columns<4>(at + 192, stride, scales);
      I tail;  // the last two scales, and d
      load_columns<1>(at + 206, stride, &tail);
      const F d = f16_low(shr<16>(tail));
      repeat<16>([&]<int i>() {
        put(tile.scale[b + i / 2][i % 2], mul(d, to_float(signed_byte_of<i % 4>(scales[i / 4]))));
      });
      for (int half = 0; half < 2; ++half) {
        I first[8];
        I second[8];
        I high[8];
        load_words_of_rows<8>(at + 64 * half, stride, first);
        load_words_of_rows<8>(at + 64 * half + 32, stride, second);
        load_words_of_rows<8>(at + 128 + 32 * half, stride, high);
        for (int i = 0; i < 4; ++i) p.next->step();
        const I mask = iset1(0x30303030);
        for (int i = 0; i < 8; ++i) {
          put(tile.q[b + 4 * half][i], ior(low_nibbles(first[i]), iand(shl<4>(high[i]), mask)));
          put(tile.q[b + 4 * half + 1][i], ior(low_nibbles(second[i]), iand(shl<2>(high[i]), mask)));
          put(tile.q[b + 4 * half + 2][i], ior(high_nibbles(first[i]), iand(high[i], mask)));
          put(tile.q[b + 4 * half + 3][i], ior(high_nibbles(second[i]), iand(shr<2>(high[i]), mask)));
        }
      }
    }
  }
};

/// The rows' scalars of one type at `base`, `stride` bytes apart.
MINERVA_INLINE F load_scalar_column(const std::byte* base, std::int64_t stride, ScalarType type) {
  if (type == ScalarType::F32) {
    I words;
    load_columns<1>(base, stride, &words);
    return as_float(words);
  }
  const I words = load_u16_column(base, stride);
  return type == ScalarType::F16 ? f16_low(words) : as_float(shl<16>(words));
}

/// The rows' scalars i = 0 .. count - 1 from `base` on to put(i, values); eight at a time while there are so
/// many.
template <class Put>
MINERVA_INLINE void each_scalar(const std::byte* base, std::int64_t stride, ScalarType type, int count,
                                Put put_one) {
  int i = 0;
  for (; type != ScalarType::F32 && i + 8 <= count; i += 8) {
    I words[4];
    load_columns<4>(base + 2 * i, stride, words);
    for (int j = 0; j < 4; ++j) {
      const bool half = type == ScalarType::F16;
      put_one(i + 2 * j, half ? f16_low(words[j]) : as_float(shl<16>(words[j])));
      put_one(i + 2 * j + 1, half ? f16_low(shr<16>(words[j])) : as_float(shl<16>(shr<16>(words[j]))));
    }
  }
  for (; i < count; ++i)
    put_one(i, load_scalar_column(base + i * (type == ScalarType::F32 ? 4 : 2), stride, type));
}

/// The rows' bytes i = 0 .. count - 1 from `base` on to put(i, values); sixteen at a time while there are so
/// many.
template <class Put>
MINERVA_INLINE void each_byte(const std::byte* base, std::int64_t stride, int count, Put put_one) {
  int i = 0;
  for (; i + 16 <= count; i += 16) {
    I words[4];
    load_columns<4>(base + i, stride, words);
    repeat<16>([&]<int j>() { put_one(i + j, byte_of<j % 4>(words[j / 4])); });
  }
  for (; i < count; ++i) {
    alignas(64) std::int32_t bytes[kLanes];
    for (int r = 0; r < kLanes; ++r) bytes[r] = byte_at(base + i, r * stride);
    put_one(i, iload(bytes));
  }
}

/// Elements 4i .. 4i+3 of a stream of `width`-bit numbers, lowest bits first, as bytes.
template <int width, int i>
MINERVA_INLINE I stream_bytes(const I* words) {
  I result = iset1(0);
  repeat<4>([&]<int e>() {
    constexpr int kBit = (4 * i + e) * width;
    constexpr int kWord = kBit / 32;
    constexpr int kOffset = kBit % 32;
    I x = words[kWord];
    if constexpr (kOffset > 0) x = shr<kOffset>(x);
    if constexpr (kOffset + width > 32) x = ior(x, shl<32 - kOffset>(words[kWord + 1]));
    x = iand(x, iset1((1 << width) - 1));
    if constexpr (e > 0) x = shl<8 * e>(x);
    result = ior(result, x);
  });
  return result;
}

template <int width>
struct UnpackMlx {
  static constexpr TileShape kShape{.groups = 1, .has_min = true, .wide = width == 8, .bias = 0};
  static void unpack(const Panel& p, int blocks, WeightTile& tile) {
    const std::int64_t stride = p.w->row_stride;
    const std::byte* at = p.data + p.block * 4 * width;
    for (int b = 0; b < blocks; ++b, at += 4 * width) {
      p.next->step();
      I words[width];
      load_words_of_rows<width>(at, stride, words);
      repeat<8>([&]<int i>() {
        if constexpr (width == 8) {
          put(tile.q[b][i],
              kWideIsSigned ? ixor(words[i], iset1(static_cast<std::int32_t>(0x80808080))) : words[i]);
        } else if constexpr (width == 4) {
          if constexpr (i % 2 == 0) {
            I first;
            I second;
            spread_nibbles(words[i / 2], first, second);
            put(tile.q[b][i], first);
            put(tile.q[b][i + 1], second);
          }
        } else {
          put(tile.q[b][i], stream_bytes<width, i>(words));
        }
      });
    }
    unpack_scales(p, blocks, tile);
  }
  static void unpack_scales(const Panel& p, int blocks, WeightTile& tile) {
    const int per_group = p.w->group / 32;  // blocks; the first of a tile begins a group
    const int groups = (blocks + per_group - 1) / per_group;
    const std::int64_t offset = p.block / per_group * (p.w->scale_type == ScalarType::F32 ? 4 : 2);
    const auto put_group = [&](float(&to)[kTileBlocks][2][kLanes], int g, F x) {
      for (int b = g * per_group; b < (g + 1) * per_group && b < blocks; ++b) put(to[b][0], x);
    };
    each_scalar(p.scales + offset, p.w->scale_stride, p.w->scale_type, groups,
                [&](int g, F x) { put_group(tile.scale, g, x); });
    each_scalar(p.biases + offset, p.w->scale_stride, p.w->scale_type, groups, [&](int g, F x) {
      if constexpr (width == 8 && kWideIsSigned) x = fma(load(tile.scale[g * per_group][0]), set1(128.0F), x);
      put_group(tile.min, g, x);
    });
  }
};

/// FP8 E4M3 in the low bytes of the lanes.
MINERVA_INLINE F e4m3_low(I bytes) {
  const I magnitude = iand(bytes, iset1(0x7F));
  const F size = mul(as_float(shl<20>(magnitude)), set1(0x1p120F));
  const F value = as_float(ior(as_int(size), shl<24>(iand(bytes, iset1(0x80)))));
  return select_equal(magnitude, iset1(0x7F), set1(__builtin_nanf("")), value);
}
/// E8M0: 2^(byte - 127); 255 is NaN.
MINERVA_INLINE F e8m0_low(I bytes) {
  const F value = as_float(imax(shl<23>(bytes), iset1(0x00400000)));
  return select_equal(bytes, iset1(255), set1(__builtin_nanf("")), value);
}

/// Twice the value of an E2M1 nibble, plus 12.
constexpr std::uint8_t kE2m1Plus12[16] = {12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0};

template <bool nvidia>
struct UnpackFp4 {
  static constexpr TileShape kShape{.groups = nvidia ? 2 : 1, .has_min = false, .wide = false, .bias = 12};
  static void unpack(const Panel& p, int blocks, WeightTile& tile) {
    const std::int64_t stride = p.w->row_stride;
    const std::byte* at = p.data + p.block * 16;
    for (int b = 0; b < blocks; ++b, at += 16) {
      p.next->step();
      I words[4];
      load_columns<4>(at, stride, words);
      for (int i = 0; i < 4; ++i) {
        I first;
        I second;
        spread_nibbles(words[i], first, second);
        put(tile.q[b][2 * i], lookup16(first, kE2m1Plus12));
        put(tile.q[b][2 * i + 1], lookup16(second, kE2m1Plus12));
      }
    }
    constexpr int kGroups = kShape.groups;
    each_byte(p.scales + p.block * kGroups, p.w->scale_stride, blocks * kGroups, [&](int i, I bytes) {
      const F scale =
          nvidia ? mul(e4m3_low(bytes), set1(0.5F * p.w->global_scale)) : mul(e8m0_low(bytes), set1(0.5F));
      put(tile.scale[i / kGroups][i % kGroups], scale);
    });
  }
};

}  // namespace minerva::kernels::MINERVA_ISA
