// Attention of a tile of query rows of one sequence: their heads that share a kv head are rows here.
// Positions run in blocks of kPositionBlock, softmax is kept up to date from block to block; a chunk's result
// is merged into the total. Each row sees only its own operations, in an order fixed by its positions.
#pragma once

#include "kernels/impl/elementwise.h"
#include "kernels/impl/float_linear.h"

namespace minerva::kernels::MINERVA_ISA {

constexpr int kBlock = static_cast<int>(kPositionBlock);
constexpr int kBlockVectors = kBlock / kLanes;
/// Vectors of positions, or of value dimensions, that a register tile spans.
constexpr int kTileVectors = kLanes == 16 ? 4 : 2;
constexpr float kNone = -__builtin_inff();

/// What a job works on; lives in its scratch.
struct AttendState {
  const AttendJob* job = nullptr;
  const KvView* cache = nullptr;
  int group = 0;  ///< query heads per kv head
  int rows = 0;   ///< row_count * group; row r is query row r / group, head r % group
  int head_dim = 0;
  int value_dim = 0;
  float* keys = nullptr;     ///< [head_dim][kBlock]
  float* values = nullptr;   ///< [kBlock][value_dim]
  float* queries = nullptr;  ///< [rows][head_dim]
  float* scores = nullptr;   ///< [rows][kBlock]
  float* chunk = nullptr;    ///< [rows][2 + value_dim]
  float* total = nullptr;    ///< [rows][2 + value_dim]
};

inline int kv_bytes(ScalarType type) {
  return type == ScalarType::F32 ? 4 : 2;
}
MINERVA_INLINE std::int64_t least(std::int64_t a, std::int64_t b) {
  return a < b ? a : b;
}
MINERVA_INLINE std::int64_t most(std::int64_t a, std::int64_t b) {
  return a > b ? a : b;
}

inline AttendState begin_attend(const AttendJob& job) {
  const AttentionShape& shape = *job.shape;
  AttendState s;
  s.job = &job;
  s.cache = job.rows[0].cache;
  s.group = shape.heads / shape.kv_heads;
  s.rows = job.row_count * s.group;
  s.head_dim = shape.head_dim;
  s.value_dim = shape.value_dim;
  auto* at = static_cast<float*>(static_cast<void*>(job.scratch));
  const auto take = [&at](std::int64_t floats) {
    float* result = at;
    at += (floats + 15) / 16 * 16;
    return result;
  };
  s.keys = take(std::int64_t{s.head_dim} * kBlock);
  s.values = take(std::int64_t{s.value_dim} * kBlock);
  s.queries = take(std::int64_t{s.rows} * s.head_dim);
  s.scores = take(std::int64_t{s.rows} * kBlock);
  s.chunk = take(std::int64_t{s.rows} * (2 + s.value_dim));
  s.total = take(std::int64_t{s.rows} * (2 + s.value_dim));
  for (int r = 0; r < s.rows; ++r) {
    const std::int64_t head = std::int64_t{job.kv_head} * s.group + r % s.group;
    __builtin_memcpy(s.queries + std::int64_t{r} * s.head_dim,
                     job.queries + r / s.group * job.query_stride + head * s.head_dim,
                     static_cast<std::size_t>(s.head_dim) * 4);
  }
  return s;
}

/// First and end of what any row of the job sees.
inline void visible_range(const AttendJob& job, std::int64_t& first, std::int64_t& end) {
  first = 0;
  end = 0;
  bool any = false;
  for (int i = 0; i < job.row_count; ++i) {
    if (job.rows[i].first > job.rows[i].last) continue;
    first = any ? least(first, job.rows[i].first) : job.rows[i].first;
    end = any ? most(end, job.rows[i].last + 1) : job.rows[i].last + 1;
    any = true;
  }
}

MINERVA_INLINE F load_kv(const std::byte* p, ScalarType type) {
  if (type == ScalarType::F32) return FromF32::get(p);
  return type == ScalarType::F16 ? load_f16(p) : load_bf16(p);
}
MINERVA_INLINE F load_kv_n(const std::byte* p, ScalarType type, int n) {
  if (type == ScalarType::F32) return FromF32::get_n(p, n);
  return type == ScalarType::F16 ? load_f16_n(p, n) : load_bf16_n(p, n);
}

/// kLanes neighbouring positions, 16 bytes of each, to keys[d][at ...]; returns how many dimensions that
/// were.
template <ScalarType type>
MINERVA_INLINE void transpose_keys(const std::byte* p, std::int64_t stride, float* keys) {
  I words[4];
  load_columns<4>(p, stride, words);
  for (int i = 0; i < 4; ++i) {
    if constexpr (type == ScalarType::F32) {
      store(keys + i * kBlock, as_float(words[i]));
    } else if constexpr (type == ScalarType::F16) {
      store(keys + 2 * i * kBlock, f16_low(words[i]));
      store(keys + (2 * i + 1) * kBlock, f16_low(shr<16>(words[i])));
    } else {
      store(keys + 2 * i * kBlock, as_float(shl<16>(words[i])));
      store(keys + (2 * i + 1) * kBlock,
            as_float(iand(words[i], iset1(static_cast<std::int32_t>(0xFFFF0000)))));
    }
  }
}

template <ScalarType type>
inline void gather_keys_of(const AttendState& s, const std::byte* p, int lo, int hi) {
  constexpr int kBytes = type == ScalarType::F32 ? 4 : 2;
  constexpr int kDims = 16 / kBytes;
  const std::int64_t stride = s.cache->key_position_stride * kBytes;
  for (int v = 0; v < kBlock; v += kLanes) {
    const bool whole = v >= lo && v + kLanes <= hi;
    int d = 0;
    if (whole) {
      for (; d + kDims <= s.head_dim; d += kDims)
        transpose_keys<type>(p + v * stride + d * kBytes, stride, s.keys + std::int64_t{d} * kBlock + v);
    }
    for (; d < s.head_dim; ++d) {
      for (int j = v; j < v + kLanes; ++j)
        s.keys[std::int64_t{d} * kBlock + j] = j >= lo && j < hi ? scalar_at(p + j * stride, d, type) : 0.0F;
    }
  }
}

/// Positions [block + lo, block + hi) of the keys, transposed; zeros elsewhere.
inline void gather_keys(const AttendState& s, std::int64_t block, int lo, int hi) {
  const KvView& c = *s.cache;
  const std::byte* p =
      as_bytes(c.keys) +
      ((block - c.origin) * c.key_position_stride + s.job->kv_head * c.key_head_stride) * kv_bytes(c.type);
  switch (c.type) {
    case ScalarType::F32:
      gather_keys_of<ScalarType::F32>(s, p, lo, hi);
      return;
    case ScalarType::F16:
      gather_keys_of<ScalarType::F16>(s, p, lo, hi);
      return;
    case ScalarType::BF16:
      gather_keys_of<ScalarType::BF16>(s, p, lo, hi);
      return;
  }
}

inline void gather_values(const AttendState& s, std::int64_t block, int lo, int hi) {
  const KvView& c = *s.cache;
  const int bytes = kv_bytes(c.type);
  const std::byte* p =
      as_bytes(c.values) +
      ((block - c.origin) * c.value_position_stride + s.job->kv_head * c.value_head_stride) * bytes;
  for (int j = lo; j < hi; ++j) {
    const std::byte* from = p + j * c.value_position_stride * bytes;
    float* to = s.values + std::int64_t{j} * s.value_dim;
    if (c.type == ScalarType::F32) {
      __builtin_memcpy(to, from, static_cast<std::size_t>(s.value_dim) * 4);
    } else if (c.type == ScalarType::F16) {
      widen_f16(from, s.value_dim, to);
    } else {
      widen_bf16(from, s.value_dim, to);
    }
  }
}

/// scores[r][...] = queries[r] . keys for `rows` rows and kTileVectors vectors of positions.
template <int rows>
MINERVA_INLINE void score_tile(const AttendState& s, int row, int position) {
  F acc[rows][kTileVectors];
  clear(acc);
  const float* q = s.queries + std::int64_t{row} * s.head_dim;
  for (int d = 0; d < s.head_dim; ++d) {
    F keys[kTileVectors];
    MINERVA_UNROLL for (int v = 0; v < kTileVectors; ++v) keys[v] =
        load(s.keys + std::int64_t{d} * kBlock + position + v * kLanes);
    MINERVA_UNROLL for (int r = 0; r < rows; ++r) {
      const F x = set1(q[r * s.head_dim + d]);
      MINERVA_UNROLL for (int v = 0; v < kTileVectors; ++v) acc[r][v] = fma(x, keys[v], acc[r][v]);
    }
  }
  MINERVA_UNROLL for (int r = 0; r < rows; ++r) {
    MINERVA_UNROLL for (int v = 0; v < kTileVectors; ++v)
        store(s.scores + std::int64_t{row + r} * kBlock + position + v * kLanes, acc[r][v]);
  }
}

inline void score_block(const AttendState& s) {
  for (int row = 0; row < s.rows;) {
    row += with_columns<kQueryTile>(s.rows - row, [&]<int rows>() {
      for (int p = 0; p < kBlock; p += kTileVectors * kLanes) score_tile<rows>(s, row, p);
    });
  }
}

/// What row r sees of the block, as [lo, hi) within it.
inline void row_range(const AttendState& s, int r, std::int64_t block, int& lo, int& hi) {
  const AttentionRow& row = s.job->rows[r / s.group];
  lo = static_cast<int>(most(0, least(kBlock, row.first - block)));
  hi = static_cast<int>(most(lo, least(kBlock, row.last + 1 - block)));
}

MINERVA_INLINE F lane_numbers() {
  alignas(64) float numbers[kLanes];
  for (int i = 0; i < kLanes; ++i) numbers[i] = static_cast<float>(i);
  return load(numbers);
}

/// Scales and masks a row's scores, turns them into weights and brings the row's chunk up to date.
inline void weigh_row(const AttendState& s, int r, std::int64_t block, int lo, int hi) {
  const AttentionShape& shape = *s.job->shape;
  float* scores = s.scores + std::int64_t{r} * kBlock;
  const F factor = set1(shape.scale);
  const F numbers = lane_numbers();
  const float slope = shape.alibi_slopes == nullptr
                          ? 0.0F
                          : shape.alibi_slopes[std::int64_t{s.job->kv_head} * s.group + r % s.group];
  const auto distance = static_cast<float>(block - s.job->rows[r / s.group].last);
  const F from = set1(static_cast<float>(lo) - 0.5F);
  const F until = set1(static_cast<float>(hi) - 0.5F);
  F best = set1(kNone);
  F x[kBlockVectors];
  for (int v = 0; v < kBlockVectors; ++v) {
    x[v] = mul(load(scores + v * kLanes), factor);
    if (shape.soft_cap != 0.0F) x[v] = mul(set1(shape.soft_cap), tanh(div(x[v], set1(shape.soft_cap))));
    const F at = add(numbers, set1(static_cast<float>(v * kLanes)));
    if (shape.alibi_slopes != nullptr) x[v] = fma(set1(slope), add(at, set1(distance)), x[v]);
    x[v] = select_less(from, at, select_less(at, until, x[v], set1(kNone)), set1(kNone));
    best = max(best, x[v]);
  }
  float* state = s.chunk + std::int64_t{r} * (2 + s.value_dim);
  const float block_best = max_of(best);
  const float top = block_best > state[0] ? block_best : state[0];
  F total = zero();
  for (int v = 0; v < kBlockVectors; ++v) {
    const F weight = exp(sub(x[v], set1(top)));
    store(scores + v * kLanes, weight);
    total = add(total, weight);
  }
  alignas(64) float shrink[kLanes];
  store(shrink, exp(set1(state[0] - top)));
  state[0] = top;
  state[1] = state[1] * shrink[0] + sum(total);
  if (shrink[0] != 1.0F) scale_all(state + 2, s.value_dim, shrink[0]);
}

/// chunk[r] += sum over positions [lo, hi) of weight * value, for `rows` rows and one stretch of dimensions.
template <int rows>
MINERVA_INLINE void add_values_tile(const AttendState& s, int row, int lo, int hi, int d) {
  F acc[rows][kTileVectors];
  float* out = s.chunk + std::int64_t{row} * (2 + s.value_dim) + 2 + d;
  const float* weights = s.scores + std::int64_t{row} * kBlock;
  MINERVA_UNROLL for (int r = 0; r < rows; ++r) {
    MINERVA_UNROLL for (int v = 0; v < kTileVectors; ++v) acc[r][v] =
        load(out + std::int64_t{r} * (2 + s.value_dim) + v * kLanes);
  }
  for (int j = lo; j < hi; ++j) {
    F value[kTileVectors];
    MINERVA_UNROLL for (int v = 0; v < kTileVectors; ++v) value[v] =
        load(s.values + std::int64_t{j} * s.value_dim + d + v * kLanes);
    MINERVA_UNROLL for (int r = 0; r < rows; ++r) {
      const F weight = set1(weights[r * kBlock + j]);
      MINERVA_UNROLL for (int v = 0; v < kTileVectors; ++v) acc[r][v] = fma(weight, value[v], acc[r][v]);
    }
  }
  MINERVA_UNROLL for (int r = 0; r < rows; ++r) {
    MINERVA_UNROLL for (int v = 0; v < kTileVectors; ++v)
        store(out + std::int64_t{r} * (2 + s.value_dim) + v * kLanes, acc[r][v]);
  }
}

/// The same for any stretch, a vector at a time.
inline void add_values_rest(const AttendState& s, int row, int rows, int lo, int hi, int d) {
  for (int r = row; r < row + rows; ++r) {
    float* out = s.chunk + std::int64_t{r} * (2 + s.value_dim) + 2;
    for (int at = d; at < s.value_dim; at += kLanes) {
      const int n = static_cast<int>(least(kLanes, s.value_dim - at));
      F acc = load_n(out + at, n);
      for (int j = lo; j < hi; ++j)
        acc = fma(set1(s.scores[std::int64_t{r} * kBlock + j]),
                  load_n(s.values + std::int64_t{j} * s.value_dim + at, n), acc);
      store_n(out + at, acc, n);
    }
  }
}

template <int rows>
inline void add_values(const AttendState& s, int row, int lo, int hi) {
  if (lo >= hi) return;
  int d = 0;
  for (; d + kTileVectors * kLanes <= s.value_dim; d += kTileVectors * kLanes)
    add_values_tile<rows>(s, row, lo, hi, d);
  if (d < s.value_dim) add_values_rest(s, row, rows, lo, hi, d);
}

/// Rows of a tile see different positions: those that all see go together, the others row by row, so that a
/// value that a row must not see never meets its sums.
template <int rows>
inline void add_values_of_rows(const AttendState& s, int row, std::int64_t block) {
  int lo[rows];
  int hi[rows];
  int common_lo = 0;
  int common_hi = kBlock;
  for (int r = 0; r < rows; ++r) {
    row_range(s, row + r, block, lo[r], hi[r]);
    common_lo = lo[r] > common_lo ? lo[r] : common_lo;
    common_hi = hi[r] < common_hi ? hi[r] : common_hi;
  }
  if (common_lo >= common_hi) {
    for (int r = 0; r < rows; ++r) add_values<1>(s, row + r, lo[r], hi[r]);
    return;
  }
  for (int r = 0; r < rows; ++r) add_values<1>(s, row + r, lo[r], common_lo);
  add_values<rows>(s, row, common_lo, common_hi);
  for (int r = 0; r < rows; ++r) add_values<1>(s, row + r, common_hi, hi[r]);
}

inline void clear_partial(float* state, int value_dim) {
  state[0] = kNone;
  __builtin_memset(state + 1, 0, static_cast<std::size_t>(value_dim + 1) * 4);
}

inline void attend_block(const AttendState& s, std::int64_t block, int lo, int hi) {
  gather_keys(s, block, lo, hi);
  gather_values(s, block, lo, hi);
  score_block(s);
  for (int r = 0; r < s.rows; ++r) {
    int row_lo = 0;
    int row_hi = 0;
    row_range(s, r, block, row_lo, row_hi);
    if (row_lo < row_hi) weigh_row(s, r, block, row_lo, row_hi);
  }
  for (int row = 0; row < s.rows;) {
    row +=
        with_columns<kQueryTile>(s.rows - row, [&]<int rows>() { add_values_of_rows<rows>(s, row, block); });
  }
}

/// Positions [first, end) that lie in `chunk`, to s.chunk.
inline void run_chunk(const AttendState& s, std::int64_t chunk, std::int64_t first, std::int64_t end) {
  for (int r = 0; r < s.rows; ++r) clear_partial(s.chunk + std::int64_t{r} * (2 + s.value_dim), s.value_dim);
  const std::int64_t begin = most(first, chunk * kPositionChunk);
  end = least(end, (chunk + 1) * kPositionChunk);
  for (std::int64_t block = begin / kBlock * kBlock; block < end; block += kBlock)
    attend_block(s, block, static_cast<int>(most(0, begin - block)),
                 static_cast<int>(least(kBlock, end - block)));
}

/// Merges a later chunk's partial result into an earlier total.
inline void merge_partial(float* total, const float* chunk, int value_dim) {
  if (chunk[0] == kNone && chunk[1] == 0.0F) return;  // saw nothing
  if (total[0] == kNone && total[1] == 0.0F) {
    __builtin_memcpy(total, chunk, static_cast<std::size_t>(value_dim + 2) * 4);
    return;
  }
  const float top = chunk[0] > total[0] ? chunk[0] : total[0];
  alignas(64) float shrink[2][kLanes];
  store(shrink[0], exp(set1(total[0] - top)));
  store(shrink[1], exp(set1(chunk[0] - top)));
  const F a = set1(shrink[0][0]);
  const F b = set1(shrink[1][0]);
  total[0] = top;
  map(total + 1, chunk + 1, total + 1, value_dim + 1, [&](F x, F y) { return fma(y, b, mul(x, a)); });
}

/// Divides by the sum, with the sink's share, and writes the rows out.
inline void finish_attend(const AttendState& s) {
  const AttendJob& job = *s.job;
  for (int r = 0; r < s.rows; ++r) {
    const float* total = s.total + std::int64_t{r} * (2 + s.value_dim);
    const std::int64_t head = std::int64_t{job.kv_head} * s.group + r % s.group;
    float* out = job.out + r / s.group * job.out_stride + head * s.value_dim;
    if (total[0] == kNone && total[1] == 0.0F) {
      __builtin_memset(out, 0, static_cast<std::size_t>(s.value_dim) * 4);
      continue;
    }
    float factor = 1.0F / total[1];
    if (job.shape->sinks != nullptr) {
      const float sink = job.shape->sinks[head];
      const float top = sink > total[0] ? sink : total[0];
      alignas(64) float share[2][kLanes];
      store(share[0], exp(set1(total[0] - top)));
      store(share[1], exp(set1(sink - top)));
      factor = share[0][0] / (total[1] * share[0][0] + share[1][0]);
    }
    map(total + 2, out, s.value_dim, [&](F x) { return mul(x, set1(factor)); });
  }
}

inline void clear_total(const AttendState& s) {
  for (int r = 0; r < s.rows; ++r) clear_partial(s.total + std::int64_t{r} * (2 + s.value_dim), s.value_dim);
}

inline void merge_chunk(const AttendState& s, const float* chunk) {
  const std::int64_t size = 2 + s.value_dim;
  for (int r = 0; r < s.rows; ++r) merge_partial(s.total + r * size, chunk + r * size, s.value_dim);
}

inline void attend(const AttendJob& job) {
  const AttendState s = begin_attend(job);
  std::int64_t first = 0;
  std::int64_t end = 0;
  visible_range(job, first, end);
  clear_total(s);
  for (std::int64_t chunk = first / kPositionChunk; chunk * kPositionChunk < end; ++chunk) {
    run_chunk(s, chunk, first, end);
    merge_chunk(s, s.chunk);
  }
  finish_attend(s);
}

inline void attend_chunk(const AttendJob& job, std::int64_t chunk, float* partials) {
  const AttendState s = begin_attend(job);
  std::int64_t first = 0;
  std::int64_t end = 0;
  visible_range(job, first, end);
  run_chunk(s, chunk, first, end);
  __builtin_memcpy(partials, s.chunk,
                   static_cast<std::size_t>(s.rows) * static_cast<std::size_t>(2 + s.value_dim) * 4);
}

inline void attend_merge(const AttendJob& job, const float* partials, std::int64_t chunks,
                         std::int64_t chunk_stride) {
  const AttendState s = begin_attend(job);
  clear_total(s);
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) merge_chunk(s, partials + chunk * chunk_stride);
  finish_attend(s);
}

}  // namespace minerva::kernels::MINERVA_ISA
