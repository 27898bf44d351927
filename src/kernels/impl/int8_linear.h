// Products of quantised weights with x as int8 in blocks of 32. A panel of kLanes weight rows, one to a lane,
// is unpacked into a tile of unsigned bytes and float scales (int8_unpack.h); rows of x then run over it.
// Within a block the sum is an exact integer, and blocks follow each other in order: every path gives the
// same bits.
#pragma once

#include "kernels/impl/numbers.h"
#include "kernels/impl/table.h"

namespace minerva::kernels::MINERVA_ISA {

/// Blocks of 32 columns unpacked at a time: with the scales, what a first-level cache holds.
constexpr int kTileBlocks = 32;

/// A block is 8 vectors, each with 4 neighbouring elements of every row, as unsigned bytes u (or u - 128 when
/// `wide` and kWideIsSigned). An element is scale * (u - bias) or, when `has_min`, scale * u + min, with
/// `groups` = 1 or 2 scales in a block.
struct alignas(64) WeightTile {
  std::int32_t q[kTileBlocks][8][kLanes];
  float scale[kTileBlocks][2][kLanes];
  float min[kTileBlocks][2][kLanes];
};

static_assert(sizeof(WeightTile) <= kWeightTileBytes);

struct TileShape {
  int groups = 1;
  bool has_min = false;
  bool wide = false;  ///< u may exceed 127
  int bias = 0;       ///< in terms of what the tile holds
};

/// `count` rows of x to one tile of Int8Layout.
inline void prepare_int8(const float* x, std::int64_t stride, int count, std::int64_t n, std::byte* out) {
  constexpr int kVectors = 32 / kLanes;
  const std::int64_t block_bytes = count * Int8Layout::kBytes;
  for (int c = 0; c < count; ++c) {
    for (std::int64_t b = 0; b < n / 32; ++b) {
      const float* from = x + c * stride + b * 32;
      F v[kVectors];
      I top = iset1(0);
      for (int j = 0; j < kVectors; ++j) {
        v[j] = load(from + j * kLanes);
        top = imax(top, as_int(abs(v[j])));  // as integers, NaN is the largest
      }
      float largest;
      const std::int32_t largest_bits = max_of(top);
      __builtin_memcpy(&largest, &largest_bits, 4);
      // A block this small counts as zero: the inverse of its scale would overflow. One with an infinity or a
      // NaN has a scale that makes every product NaN.
      const bool tiny = largest < 0x1p-100F;
      const bool usable = !tiny && largest < __builtin_inff();
      const F inverse = set1(usable ? 127.0F / largest : 0.0F);
      std::byte* block = out + b * block_bytes;
      std::int32_t sums[2] = {0, 0};
      for (int j = 0; j < kVectors; ++j) {
        const I q = usable ? to_int(mul(v[j], inverse)) : iset1(0);
        store_i8(block + c * 32 + j * kLanes, q);
        sums[j * kLanes / 16] += sum_of(q);
      }
      const float d = tiny ? 0.0F : largest / 127.0F;
      __builtin_memcpy(block + count * 32 + c * 4, &d, 4);
      __builtin_memcpy(block + count * 36 + c * 4, &sums[0], 4);
      __builtin_memcpy(block + count * 40 + c * 4, &sums[1], 4);
    }
  }
}

/// What the sums of x contribute, derived once for a job: for each block, group and row -bias * sum (int32)
/// or, when has_min, d * sum (float). `out` has the words of a block together: groups x count.
inline void derive_corrections(const TileShape& shape, const std::byte* x, int count, std::int64_t blocks,
                               std::byte* out) {
  for (std::int64_t b = 0; b < blocks; ++b, x += count * Int8Layout::kBytes) {
    for (int g = 0; g < shape.groups; ++g) {
      for (int c = 0; c < count; ++c, out += 4) {
        std::int32_t sum = load_as<std::int32_t>(x + count * (36 + 4 * g) + c * 4);
        if (shape.groups == 1) sum += load_as<std::int32_t>(x + count * 40 + c * 4);
        const float scaled = load_as<float>(x + count * 32 + c * 4) * static_cast<float>(sum);
        const std::int32_t shift = -shape.bias * sum;
        __builtin_memcpy(out, shape.has_min ? static_cast<const void*>(&scaled) : &shift, 4);
      }
    }
  }
}

/// Adds `blocks` blocks of the tile times `columns` rows of x to acc [columns][kLanes].
template <int groups, bool has_min, bool wide, int columns>
inline void multiply_tile(const WeightTile& tile, int blocks, const std::byte* x,
                          const std::byte* corrections, float* acc) {
  F total[columns];
  MINERVA_UNROLL for (int c = 0; c < columns; ++c) total[c] = load(acc + c * kLanes);
  for (int b = 0; b < blocks; ++b, x += columns * Int8Layout::kBytes, corrections += 4 * groups * columns) {
    I sum[groups][columns];
    MINERVA_UNROLL for (int g = 0; g < groups; ++g) {
      MINERVA_UNROLL for (int c = 0; c < columns; ++c) sum[g][c] =
          has_min ? iset1(0) : iset1(load_as<std::int32_t>(corrections + 4 * (g * columns + c)));
      MINERVA_UNROLL for (int i = 0; i < 8 / groups; ++i) {
        const int at = g * 8 / groups + i;
        const I w = iload(tile.q[b][at]);
        MINERVA_UNROLL for (int c = 0; c < columns; ++c) sum[g][c] =
            dot4<wide>(sum[g][c], w, iset1(load_as<std::int32_t>(x + c * 32 + 4 * at)));
      }
    }
    MINERVA_UNROLL for (int c = 0; c < columns; ++c) {
      const F d = set1(load_as<float>(x + columns * 32 + c * 4));
      if constexpr (groups == 1) {
        total[c] = fma(to_float(sum[0][c]), mul(load(tile.scale[b][0]), d), total[c]);
      } else {
        const F both = fma(to_float(sum[1][c]), load(tile.scale[b][1]),
                           mul(to_float(sum[0][c]), load(tile.scale[b][0])));
        total[c] = fma(both, d, total[c]);
      }
      if constexpr (has_min) {
        MINERVA_UNROLL for (int g = 0; g < groups; ++g) total[c] =
            fma(load(tile.min[b][g]), set1(load_as<float>(corrections + 4 * (g * columns + c))), total[c]);
      }
    }
  }
  MINERVA_UNROLL for (int c = 0; c < columns; ++c) store(acc + c * kLanes, total[c]);
}

}  // namespace minerva::kernels::MINERVA_ISA
