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

/// A row's partial result: its largest score in all lanes, sums of weights by lane, weighted values.
constexpr int kSums = kLanes;
constexpr int kValues = 2 * kLanes;

/// What a job works on; lives in its scratch.
struct AttendState {
  const AttendJob* job = nullptr;
  const KvView* cache = nullptr;
  int group = 0;  ///< query heads per kv head
  int rows = 0;   ///< row_count * group; row r is query row r / group, head r % group
  int head_dim = 0;
  int value_dim = 0;
  float* keys = nullptr;       ///< [head_dim][kBlock]
  float* values = nullptr;     ///< [kBlock][value_dim]
  float* queries = nullptr;    ///< [rows][head_dim]
  float* scores = nullptr;     ///< [rows][kBlock]
  float* chunk = nullptr;      ///< [rows][partial]
  float* total = nullptr;      ///< [rows][partial]
  std::int64_t partial = 0;    ///< floats of a partial result
  std::int32_t* lo = nullptr;  ///< [rows]: the positions of a block that a row sees
  std::int32_t* hi = nullptr;
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

/// Divides `memory` among the pointers of `s`, whose sizes are set; returns how many floats that takes. (All
/// of it is multiples of a cache line, on from its beginning.)
inline std::int64_t divide_memory(AttendState& s, float* memory) {
  std::int64_t used = 0;
  const auto take = [&](std::int64_t floats) {
    float* result = memory == nullptr ? nullptr : memory + used;
    used += (floats + 15) / 16 * 16;
    return result;
  };
  s.partial = kValues + s.value_dim;
  s.keys = take(std::int64_t{s.head_dim} * kBlock);
  s.values = take(std::int64_t{s.value_dim} * kBlock);
  s.queries = take(std::int64_t{s.rows} * s.head_dim);
  s.scores = take(std::int64_t{s.rows} * kBlock);
  s.chunk = take(s.rows * s.partial);
  s.total = take(s.rows * s.partial);
  s.lo = static_cast<std::int32_t*>(static_cast<void*>(take(s.rows)));
  s.hi = static_cast<std::int32_t*>(static_cast<void*>(take(s.rows)));
  return used;
}

inline AttendSizes attend_sizes(const AttentionShape& shape, int query_rows) {
  AttendState s;
  s.group = shape.heads / shape.kv_heads;
  s.rows = query_rows * s.group;
  s.head_dim = shape.head_dim;
  s.value_dim = shape.value_dim;
  AttendSizes sizes;
  sizes.scratch_bytes = divide_memory(s, nullptr) * 4;
  sizes.partial_floats = s.rows * s.partial;
  return sizes;
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
  divide_memory(s, static_cast<float*>(static_cast<void*>(job.scratch)));
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

/// What the rows see of the block, as [lo, hi) within it.
inline void find_ranges(const AttendState& s, std::int64_t block) {
  for (int i = 0; i < s.job->row_count; ++i) {
    const AttentionRow& row = s.job->rows[i];
    const auto lo = static_cast<std::int32_t>(most(0, least(kBlock, row.first - block)));
    const auto hi = static_cast<std::int32_t>(most(lo, least(kBlock, row.last + 1 - block)));
    for (int r = i * s.group; r < (i + 1) * s.group; ++r) {
      s.lo[r] = lo;
      s.hi[r] = hi;
    }
  }
}

MINERVA_INLINE F lane_numbers() {
  alignas(64) float numbers[kLanes];
  for (int i = 0; i < kLanes; ++i) numbers[i] = static_cast<float>(i);
  return load(numbers);
}

/// Scores with soft-cap and slope.
inline void shape_scores(const AttendState& s, int r, std::int64_t block, F (&x)[kBlockVectors]) {
  const AttentionShape& shape = *s.job->shape;
  if (shape.soft_cap != 0.0F) {
    const F cap = set1(shape.soft_cap);
    for (F& v : x) v = mul(cap, tanh(div(v, cap)));
  }
  if (shape.alibi_slopes == nullptr) return;
  const F slope = set1(shape.alibi_slopes[std::int64_t{s.job->kv_head} * s.group + r % s.group]);
  F distance = add(lane_numbers(), set1(static_cast<float>(block - s.job->rows[r / s.group].last)));
  for (F& v : x) {
    v = fma(slope, distance, v);
    distance = add(distance, set1(static_cast<float>(kLanes)));
  }
}

/// Minus infinity outside of [lo, hi).
inline void mask_scores(int lo, int hi, F (&x)[kBlockVectors]) {
  const F from = set1(static_cast<float>(lo) - 0.5F);
  const F until = set1(static_cast<float>(hi) - 0.5F);
  F at = lane_numbers();
  for (F& v : x) {
    v = select_less(from, at, select_less(at, until, v, set1(kNone)), set1(kNone));
    at = add(at, set1(static_cast<float>(kLanes)));
  }
}

/// Turns a row's scores into weights and brings the row's partial result up to date.
inline void weigh_row(const AttendState& s, int r, std::int64_t block) {
  const AttentionShape& shape = *s.job->shape;
  float* scores = s.scores + std::int64_t{r} * kBlock;
  const F factor = set1(shape.scale);
  F x[kBlockVectors];
  MINERVA_UNROLL for (int v = 0; v < kBlockVectors; ++v) x[v] = mul(load(scores + v * kLanes), factor);
  if (shape.soft_cap != 0.0F || shape.alibi_slopes != nullptr) shape_scores(s, r, block, x);
  if (s.hi[r] - s.lo[r] < kBlock) mask_scores(s.lo[r], s.hi[r], x);
  F best = x[0];
  MINERVA_UNROLL for (int v = 1; v < kBlockVectors; ++v) best = max(best, x[v]);
  float* state = s.chunk + r * s.partial;
  const F before = load(state);
  const F top = max(max_of_all(best), before);
  F total = zero();
  MINERVA_UNROLL for (int v = 0; v < kBlockVectors; ++v) {
    const F weight = exp(sub(x[v], top));
    store(scores + v * kLanes, weight);
    total = add(total, weight);
  }
  if (!differ(top, before)) {
    store(state + kSums, add(load(state + kSums), total));
    return;
  }
  const F shrink = exp(sub(before, top));
  store(state, top);
  store(state + kSums, fma(load(state + kSums), shrink, total));
  map(state + kValues, state + kValues, s.value_dim, [&](F v) { return mul(v, shrink); });
}

/// chunk[r] += sum over positions [lo, hi) of weight * value, for `rows` rows and one stretch of dimensions.
template <int rows>
MINERVA_INLINE void add_values_tile(const AttendState& s, int row, int lo, int hi, int d) {
  F acc[rows][kTileVectors];
  float* out = s.chunk + row * s.partial + kValues + d;
  const float* weights = s.scores + std::int64_t{row} * kBlock;
  MINERVA_UNROLL for (int r = 0; r < rows; ++r) {
    MINERVA_UNROLL for (int v = 0; v < kTileVectors; ++v) acc[r][v] = load(out + r * s.partial + v * kLanes);
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
    MINERVA_UNROLL for (int v = 0; v < kTileVectors; ++v) store(out + r * s.partial + v * kLanes, acc[r][v]);
  }
}

/// The same for any stretch, a vector at a time.
inline void add_values_rest(const AttendState& s, int row, int rows, int lo, int hi, int d) {
  for (int r = row; r < row + rows; ++r) {
    float* out = s.chunk + r * s.partial + kValues;
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
inline void add_values_of_rows(const AttendState& s, int row) {
  const std::int32_t* lo = s.lo + row;
  const std::int32_t* hi = s.hi + row;
  int common_lo = 0;
  int common_hi = kBlock;
  for (int r = 0; r < rows; ++r) {
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

inline void clear_partials(const AttendState& s, float* partials) {
  for (int r = 0; r < s.rows; ++r, partials += s.partial) {
    store(partials, set1(kNone));
    __builtin_memset(partials + kSums, 0, static_cast<std::size_t>(s.partial - kSums) * 4);
  }
}

inline void attend_block(const AttendState& s, std::int64_t block, int lo, int hi) {
  gather_keys(s, block, lo, hi);
  gather_values(s, block, lo, hi);
  find_ranges(s, block);
  score_block(s);
  for (int r = 0; r < s.rows; ++r) {
    if (s.lo[r] < s.hi[r]) weigh_row(s, r, block);
  }
  for (int row = 0; row < s.rows;) {
    row += with_columns<kQueryTile>(s.rows - row, [&]<int rows>() { add_values_of_rows<rows>(s, row); });
  }
}

/// Positions [first, end) that lie in `chunk`, to s.chunk.
inline void run_chunk(const AttendState& s, std::int64_t chunk, std::int64_t first, std::int64_t end) {
  clear_partials(s, s.chunk);
  const std::int64_t begin = most(first, chunk * kPositionChunk);
  end = least(end, (chunk + 1) * kPositionChunk);
  for (std::int64_t block = begin / kBlock * kBlock; block < end; block += kBlock)
    attend_block(s, block, static_cast<int>(most(0, begin - block)),
                 static_cast<int>(least(kBlock, end - block)));
}

/// Whether a partial result saw no position. (One that saw only scores of minus infinity is NaN.)
MINERVA_INLINE bool saw_nothing(const float* partial) {
  return partial[0] == kNone && partial[kSums] == 0.0F;
}

/// Merges a later chunk's partial results into the totals.
inline void merge_chunk(const AttendState& s, const float* chunk) {
  for (int r = 0; r < s.rows; ++r, chunk += s.partial) {
    float* total = s.total + r * s.partial;
    if (saw_nothing(chunk)) continue;
    if (saw_nothing(total)) {
      __builtin_memcpy(total, chunk, static_cast<std::size_t>(s.partial) * 4);
      continue;
    }
    const F top = max(load(chunk), load(total));
    const F a = exp(sub(load(total), top));
    const F b = exp(sub(load(chunk), top));
    store(total, top);
    map(total + kSums, chunk + kSums, total + kSums, s.partial - kSums,
        [&](F x, F y) { return fma(y, b, mul(x, a)); });
  }
}

/// One over the sum of weights, with the sink's share.
MINERVA_INLINE F normaliser(const AttendState& s, const float* total, std::int64_t head) {
  const F sums = set1(sum(load(total + kSums)));
  if (s.job->shape->sinks == nullptr) return div(set1(1.0F), sums);
  const F sink = set1(s.job->shape->sinks[head]);
  const F top = max(sink, load(total));
  const F share = exp(sub(load(total), top));
  return div(share, fma(sums, share, exp(sub(sink, top))));
}

/// Writes the totals out, normalised.
inline void finish_attend(const AttendState& s) {
  const AttendJob& job = *s.job;
  for (int r = 0; r < s.rows; ++r) {
    const float* total = s.total + r * s.partial;
    const std::int64_t head = std::int64_t{job.kv_head} * s.group + r % s.group;
    float* out = job.out + r / s.group * job.out_stride + head * s.value_dim;
    if (saw_nothing(total)) {
      __builtin_memset(out, 0, static_cast<std::size_t>(s.value_dim) * 4);
      continue;
    }
    const F factor = normaliser(s, total, head);
    map(total + kValues, out, s.value_dim, [&](F x) { return mul(x, factor); });
  }
}

inline void attend(const AttendJob& job) {
  const AttendState s = begin_attend(job);
  std::int64_t first = 0;
  std::int64_t end = 0;
  visible_range(job, first, end);
  clear_partials(s, s.total);
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
  __builtin_memcpy(partials, s.chunk, static_cast<std::size_t>(s.rows * s.partial) * 4);
}

inline void attend_merge(const AttendJob& job, const float* partials, std::int64_t chunks,
                         std::int64_t chunk_stride) {
  const AttendState s = begin_attend(job);
  clear_partials(s, s.total);
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) merge_chunk(s, partials + chunk * chunk_stride);
  finish_attend(s);
}

}  // namespace minerva::kernels::MINERVA_ISA
