// Runs a job of quantised weights: panel after panel, unpacked piece by piece along K.
#pragma once

#include "kernels/impl/float_linear.h"
#include "kernels/impl/int8_unpack.h"

namespace minerva::kernels::MINERVA_ISA {

/// A job's scratch: one tile, the corrections of all its rows, the sums of one panel.
struct Int8Scratch {
  WeightTile* tile = nullptr;
  std::byte* corrections = nullptr;
  float* acc = nullptr;
};

inline Int8Scratch divide_scratch(const LinearJob& job) {
  const std::int64_t rows = job.x_end - job.x_begin;
  Int8Scratch s;
  s.tile = static_cast<WeightTile*>(static_cast<void*>(job.scratch));
  s.acc = static_cast<float*>(static_cast<void*>(job.scratch + kWeightTileBytes));
  s.corrections = job.scratch + kWeightTileBytes + rows * kLanes * 4;
  return s;
}

/// Calls fn(first row, rows) for the job's x tiles.
template <class Fn>
MINERVA_INLINE void for_x_tiles(const LinearJob& job, Fn fn) {
  for (std::int64_t m = job.x_begin; m < job.x_end; m += kInt8Tile)
    fn(m, static_cast<int>(job.x_end - m < kInt8Tile ? job.x_end - m : kInt8Tile));
}

template <class Unpack>
inline void multiply_piece(const LinearJob& job, const Int8Scratch& s, std::int64_t block, int blocks) {
  constexpr TileShape kShape = Unpack::kShape;
  const std::int64_t all = job.weight->cols / 32;
  for_x_tiles(job, [&](std::int64_t m, int count) {
    const std::byte* x = job.x.int8 + (m * all + block * count) * Int8Layout::kBytes;
    const std::byte* corrections =
        s.corrections + ((m - job.x_begin) * all + block * count) * kShape.groups * 4;
    float* acc = s.acc + (m - job.x_begin) * kLanes;
    with_columns<kInt8Tile>(count, [&]<int columns>() {
      multiply_tile<kShape.groups, kShape.has_min, kShape.wide, columns>(*s.tile, blocks, x, corrections,
                                                                         acc);
    });
  });
}

/// What comes after `panel`'s tile of `blocks` blocks: the next tile of its rows, or the first of the next
/// rows.
inline Fetcher fetch_after(const LinearJob& job, const Panel& panel, int blocks, std::int64_t rows_left) {
  const WeightMatrix& w = *job.weight;
  const std::int64_t all = w.cols / 32;
  const std::int64_t done = panel.block + blocks;
  Fetcher f;
  f.stride = w.row_stride;
  std::int64_t next = all - done;
  if (next > 0) {
    f.row = panel.data + done * w.row_stride / all;
  } else {
    f.row = panel.data + kLanes * w.row_stride;
    next = rows_left > kLanes ? all : 0;
  }
  if (next > kTileBlocks) next = kTileBlocks;
  f.bytes = next * w.row_stride / all;
  f.lines = static_cast<int>((f.bytes * kLanes / 64 + blocks - 1) / blocks);
  return f;
}

/// y of `count` rows of weights from n on, whose sums are lanes [skip, skip + count).
inline void store_panel(const LinearJob& job, const float* acc, std::int64_t n, int skip, int count) {
  for (std::int64_t m = job.x_begin; m < job.x_end; ++m, acc += kLanes) {
    F value = load_n(acc + skip, count);
    if (job.bias != nullptr) value = add(value, load_n(job.bias + n, count));
    store_n(job.y + m * job.y_stride + n, value, count);
  }
}

template <class Unpack>
inline void run_int8(const LinearJob& job) {
  const WeightMatrix& w = *job.weight;
  const std::int64_t all = w.cols / 32;
  const Int8Scratch s = divide_scratch(job);
  for_x_tiles(job, [&](std::int64_t m, int count) {
    derive_corrections(Unpack::kShape, job.x.int8 + m * all * Int8Layout::kBytes, count, all,
                       s.corrections + (m - job.x_begin) * all * Unpack::kShape.groups * 4);
  });
  for (std::int64_t n = job.row_begin; n < job.row_end; n += kLanes) {
    // The last panel is moved up to be full; what it computes again is not stored again.
    const std::int64_t first = n + kLanes <= w.rows ? n : w.rows - kLanes;
    Fetcher next;
    Panel panel{&w, w.data + first * w.row_stride, nullptr, nullptr, 0, &next};
    if (w.scales != nullptr) panel.scales = w.scales + first * w.scale_stride;
    if (w.biases != nullptr) panel.biases = w.biases + first * w.scale_stride;
    __builtin_memset(s.acc, 0, static_cast<std::size_t>(job.x_end - job.x_begin) * kLanes * 4);
    for (; panel.block < all; panel.block += kTileBlocks) {
      const int blocks = static_cast<int>(all - panel.block < kTileBlocks ? all - panel.block : kTileBlocks);
      next = fetch_after(job, panel, blocks, job.row_end - n);
      Unpack::unpack(panel, blocks, *s.tile);
      multiply_piece<Unpack>(job, s, panel.block, blocks);
    }
    const std::int64_t end = n + kLanes < job.row_end ? n + kLanes : job.row_end;
    store_panel(job, s.acc, n, static_cast<int>(n - first), static_cast<int>(end - n));
  }
}

inline void run_mlx(const LinearJob& job) {
  switch (job.weight->bits) {
    case 2:
      run_int8<UnpackMlx<2>>(job);
      return;
    case 3:
      run_int8<UnpackMlx<3>>(job);
      return;
    case 4:
      run_int8<UnpackMlx<4>>(job);
      return;
    case 5:
      run_int8<UnpackMlx<5>>(job);
      return;
    case 6:
      run_int8<UnpackMlx<6>>(job);
      return;
    case 8:
      run_int8<UnpackMlx<8>>(job);
      return;
    default:
      return;
  }
}

inline void linear_int8(const LinearJob& job) {
  switch (job.weight->type) {
    case WeightType::MlxAffine:
      run_mlx(job);
      return;
    case WeightType::Mxfp4:
      run_int8<UnpackFp4<false>>(job);
      return;
    case WeightType::Nvfp4:
      run_int8<UnpackFp4<true>>(job);
      return;
    case WeightType::Q4_0:
      run_int8<UnpackQ4_0>(job);
      return;
    case WeightType::Q4_1:
      run_int8<UnpackQ4_1>(job);
      return;
    case WeightType::Q5_0:
      run_int8<UnpackQ5<false>>(job);
      return;
    case WeightType::Q5_1:
      run_int8<UnpackQ5<true>>(job);
      return;
    case WeightType::Q8_0:
      run_int8<UnpackQ8_0>(job);
      return;
    case WeightType::Q2_K:
      run_int8<UnpackQ2_K>(job);
      return;
    case WeightType::Q3_K:
      run_int8<UnpackQ3_K>(job);
      return;
    case WeightType::Q4_K:
      run_int8<UnpackQ45_K<false>>(job);
      return;
    case WeightType::Q5_K:
      run_int8<UnpackQ45_K<true>>(job);
      return;
    case WeightType::Q6_K:
      run_int8<UnpackQ6_K>(job);
      return;
    case WeightType::F32:
    case WeightType::F16:
    case WeightType::BF16:
    case WeightType::Fp8:
    case WeightType::Mxfp8:
      return;  // never asked for: see path_of in linear.cc
  }
}

}  // namespace minerva::kernels::MINERVA_ISA
