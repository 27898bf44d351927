#include <algorithm>
#include <array>
#include <limits>

#include "kernels/test_support.h"

namespace minerva::kernels {
namespace {

MINERVA_FOR_EACH_ISA(Attention);

/// One sequence's cache of `positions` positions from `origin` on, heads apart or together.
struct Cache {
  std::vector<float> keys;    ///< [positions][kv_heads][head_dim]
  std::vector<float> values;  ///< [positions][kv_heads][value_dim]
  std::vector<std::byte> stored_keys, stored_values;
  KvView view;
};

struct Layout {
  int heads = 4;
  int kv_heads = 2;
  int head_dim = 64;
  int value_dim = 64;
  ScalarType type = ScalarType::F32;
  bool head_major = false;  ///< [kv_heads][positions][dim] instead of [positions][kv_heads][dim]
};

std::vector<std::byte> store(std::vector<float>& x, std::int64_t positions, int heads, int dim,
                             const Layout& l, std::int64_t& position_stride, std::int64_t& head_stride) {
  position_stride = l.head_major ? dim : std::int64_t{heads} * dim;
  head_stride = l.head_major ? positions * dim : dim;
  const std::int64_t bytes = scalar_bytes(l.type);
  std::vector<std::byte> out(x.size() * static_cast<std::size_t>(bytes));
  for (std::int64_t p = 0; p < positions; ++p) {
    for (std::int64_t h = 0; h < heads; ++h) {
      for (std::int64_t d = 0; d < dim; ++d) {
        float& value = x[static_cast<std::size_t>((p * heads + h) * dim + d)];
        std::byte* at = out.data() + (p * position_stride + h * head_stride + d) * bytes;
        put_scalar(at, l.type, value);
        WeightMatrix one = dense_weight(l.type == ScalarType::F32   ? WeightType::F32
                                        : l.type == ScalarType::F16 ? WeightType::F16
                                                                    : WeightType::BF16,
                                        1, 1, at);
        portable_table()->dequantize_row(one, 0, &value);  // what the cache can hold of it
      }
    }
  }
  return out;
}

Cache make_cache(const Layout& l, std::int64_t origin, std::int64_t positions, unsigned seed) {
  Cache c;
  c.keys = random_floats(positions * l.kv_heads * l.head_dim, seed);
  c.values = random_floats(positions * l.kv_heads * l.value_dim, seed + 1);
  c.view.type = l.type;
  c.view.origin = origin;
  c.stored_keys =
      store(c.keys, positions, l.kv_heads, l.head_dim, l, c.view.key_position_stride, c.view.key_head_stride);
  c.stored_values = store(c.values, positions, l.kv_heads, l.value_dim, l, c.view.value_position_stride,
                          c.view.value_head_stride);
  c.view.keys = c.stored_keys.data();
  c.view.values = c.stored_values.data();
  return c;
}

AttentionShape shape_of(const Layout& l) {
  AttentionShape shape;
  shape.heads = l.heads;
  shape.kv_heads = l.kv_heads;
  shape.head_dim = l.head_dim;
  shape.value_dim = l.value_dim;
  shape.scale = 1.0F / std::sqrt(static_cast<float>(l.head_dim));
  return shape;
}

/// One row of the reference, in double precision.
std::vector<double> attend_row(const AttentionShape& s, const Cache& c, const AttentionRow& row,
                               const float* q) {
  std::vector<double> out(static_cast<std::size_t>(s.heads * s.value_dim));
  if (row.first > row.last) return out;
  for (std::int64_t h = 0; h < s.heads; ++h) {
    const std::int64_t kv = h / (s.heads / s.kv_heads);
    std::vector<double> scores;
    for (std::int64_t p = row.first; p <= row.last; ++p) {
      double score = 0;
      for (std::int64_t d = 0; d < s.head_dim; ++d)
        score +=
            static_cast<double>(q[h * s.head_dim + d]) *
            static_cast<double>(
                c.keys[static_cast<std::size_t>(((p - c.view.origin) * s.kv_heads + kv) * s.head_dim + d)]);
      score *= static_cast<double>(s.scale);
      if (s.soft_cap != 0)
        score = static_cast<double>(s.soft_cap) * std::tanh(score / static_cast<double>(s.soft_cap));
      if (s.alibi_slopes != nullptr)
        score += static_cast<double>(s.alibi_slopes[h]) * static_cast<double>(p - row.last);
      scores.push_back(score);
    }
    double top = *std::ranges::max_element(scores);
    if (s.sinks != nullptr) top = std::max(top, static_cast<double>(s.sinks[h]));
    double sum = s.sinks != nullptr ? std::exp(static_cast<double>(s.sinks[h]) - top) : 0;
    for (const double score : scores) sum += std::exp(score - top);
    for (std::int64_t p = row.first; p <= row.last; ++p) {
      const double weight = std::exp(scores[static_cast<std::size_t>(p - row.first)] - top) / sum;
      for (std::int64_t d = 0; d < s.value_dim; ++d)
        out[static_cast<std::size_t>(h * s.value_dim + d)] +=
            weight * static_cast<double>(c.values[static_cast<std::size_t>(
                         ((p - c.view.origin) * s.kv_heads + kv) * s.value_dim + d)]);
    }
  }
  return out;
}

std::vector<float> attend(Kernels& kernels, const AttentionShape& s, const std::vector<AttentionRow>& rows,
                          const float* queries) {
  const auto m = static_cast<std::int64_t>(rows.size());
  std::vector<float> out(static_cast<std::size_t>(m * s.heads * s.value_dim), -7.0F);
  kernels.attend(s, rows, {queries, m, std::int64_t{s.heads} * s.head_dim},
                 {out.data(), m, std::int64_t{s.heads} * s.value_dim});
  return out;
}

void expect_close(const AttentionShape& s, const Cache& c, const std::vector<AttentionRow>& rows,
                  const std::vector<float>& queries, const std::vector<float>& out, const std::string& what) {
  const auto width = static_cast<std::size_t>(s.heads * s.value_dim);
  std::vector<double> expected;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto row =
        attend_row(s, c, rows[i], queries.data() + i * static_cast<std::size_t>(s.heads * s.head_dim));
    expected.insert(expected.end(), row.begin(), row.end());
  }
  ASSERT_EQ(out.size(), rows.size() * width);
  EXPECT_LE(nmse(out, expected), 1e-11) << what;
}

TEST_P(Attention, AgreesWithDoublePrecision) {
  ThreadPool pool(2);
  Kernels kernels(GetParam(), pool);
  std::vector<Layout> layouts = {{},
                                 {.heads = 9, .kv_heads = 3},
                                 {.heads = 4, .kv_heads = 4, .head_dim = 80, .value_dim = 80},
                                 {.heads = 8, .kv_heads = 1, .head_dim = 96, .value_dim = 40},
                                 {.heads = 2, .kv_heads = 1, .head_dim = 256, .value_dim = 256},
                                 {.heads = 71, .kv_heads = 1, .head_dim = 16, .value_dim = 16},
                                 {.heads = 2, .kv_heads = 2, .head_dim = 7, .value_dim = 5}};
  for (const ScalarType type : {ScalarType::F16, ScalarType::BF16})
    layouts.push_back({.heads = 6, .kv_heads = 2, .type = type});
  layouts.push_back({.heads = 6,
                     .kv_heads = 2,
                     .head_dim = 36,
                     .value_dim = 36,
                     .type = ScalarType::BF16,
                     .head_major = true});
  for (const Layout& l : layouts) {
    const Cache cache = make_cache(l, 0, 700, 1);
    const AttentionShape shape = shape_of(l);
    const std::vector<AttentionRow> rows = {
        {&cache.view, 0, 0},  {&cache.view, 0, 63},    {&cache.view, 0, 64},    {&cache.view, 5, 3},
        {&cache.view, 3, 40}, {&cache.view, 100, 690}, {&cache.view, 511, 512}, {&cache.view, 0, 699}};
    const auto queries =
        random_floats(static_cast<std::int64_t>(rows.size()) * l.heads * l.head_dim, 2, 2.0F);
    expect_close(shape, cache, rows, queries, attend(kernels, shape, rows, queries.data()),
                 "head_dim " + std::to_string(l.head_dim));
  }
}

TEST_P(Attention, SoftCapSlopesAndSinks) {
  ThreadPool pool(2);
  Kernels kernels(GetParam(), pool);
  const Layout l;
  const Cache cache = make_cache(l, 32, 1200, 3);
  const std::vector<AttentionRow> rows = {
      {&cache.view, 32, 1231}, {&cache.view, 900, 1000}, {&cache.view, 40, 41}};
  const auto queries = random_floats(3 * l.heads * l.head_dim, 4, 4.0F);
  const std::array<float, 4> slopes = {0.5F, 0.25F, 0.01F, 0.001F};
  const std::array<float, 4> sinks = {-3.0F, 0.0F, 2.0F, 30.0F};
  AttentionShape shape = shape_of(l);
  shape.soft_cap = 5.0F;
  expect_close(shape, cache, rows, queries, attend(kernels, shape, rows, queries.data()), "soft cap");
  shape.alibi_slopes = slopes.data();
  expect_close(shape, cache, rows, queries, attend(kernels, shape, rows, queries.data()), "slopes");
  shape = shape_of(l);
  shape.sinks = sinks.data();
  expect_close(shape, cache, rows, queries, attend(kernels, shape, rows, queries.data()), "sinks");
}

/// A prompt's rows in tiles, chunks and single steps, with other sequences between, on several threads.
TEST_P(Attention, GivesARowTheSameBitsInAnyCompany) {
  ThreadPool one(1);
  ThreadPool two(2);
  ThreadPool three(3);
  for (const Layout& l :
       {Layout{.heads = 9, .kv_heads = 3},
        Layout{.heads = 4, .kv_heads = 1, .head_dim = 128, .value_dim = 128, .type = ScalarType::BF16},
        Layout{.heads = 2, .kv_heads = 2, .head_dim = 20, .value_dim = 20, .type = ScalarType::F16}}) {
    constexpr std::int64_t kPositions = 1100;
    const Cache cache = make_cache(l, 0, kPositions, 5);
    const Cache other = make_cache(l, 0, kPositions, 6);
    AttentionShape shape = shape_of(l);
    const std::int64_t width = std::int64_t{l.heads} * l.head_dim;
    for (const std::int64_t window : {kPositions, std::int64_t{100}}) {
      const auto row_at = [&](std::int64_t p) {
        return AttentionRow{&cache.view, std::max<std::int64_t>(0, p - window + 1), p};
      };
      const auto queries = random_floats(kPositions * width, 7);
      std::vector<AttentionRow> all;
      for (std::int64_t p = 0; p < kPositions; ++p) all.push_back(row_at(p));
      Kernels reference_kernels(GetParam(), one);
      const auto expected = attend(reference_kernels, shape, all, queries.data());
      const auto out_width = static_cast<std::int64_t>(expected.size()) / kPositions;
      for (ThreadPool* pool : {&one, &two, &three}) {
        Kernels kernels(GetParam(), *pool);
        EXPECT_EQ(attend(kernels, shape, all, queries.data()), expected) << "whole, threads " << pool->size();
        std::vector<float> pieces;
        for (std::int64_t p = 0; p < kPositions; p += 333) {
          const std::vector<AttentionRow> rows(all.begin() + p, all.begin() + std::min(kPositions, p + 333));
          const auto part = attend(kernels, shape, rows, queries.data() + p * width);
          pieces.insert(pieces.end(), part.begin(), part.end());
        }
        EXPECT_EQ(pieces, expected) << "in chunks, threads " << pool->size();
        for (const std::int64_t p : {0, 1, 63, 64, 511, 512, 700, 1099}) {
          const auto check = [&](const std::vector<float>& out, std::int64_t at, const char* how) {
            EXPECT_TRUE(std::equal(expected.begin() + p * out_width, expected.begin() + (p + 1) * out_width,
                                   out.begin() + at * out_width))
                << "position " << p << " " << how << ", threads " << pool->size();
          };
          check(attend(kernels, shape, {row_at(p)}, queries.data() + p * width), 0, "alone");
          std::vector<float> mixed(queries.begin() + p * width, queries.begin() + (p + 1) * width);
          mixed.insert(mixed.begin(), queries.begin(), queries.begin() + width);
          mixed.insert(mixed.end(), queries.begin(), queries.begin() + width);
          check(
              attend(kernels, shape, {{&other.view, 0, 900}, row_at(p), {&other.view, 17, 30}}, mixed.data()),
              1, "in a batch");
        }
      }
    }
  }
}

/// What a row may not see cannot reach it, not even a NaN; memory past the last position is not read.
TEST_P(Attention, MaskedPositionsDoNotMatter) {
  ThreadPool pool(1);
  Kernels kernels(GetParam(), pool);
  const Layout l;
  const AttentionShape shape = shape_of(l);
  Cache clean = make_cache(l, 0, 90, 8);
  Cache dirty = make_cache(l, 0, 90, 8);
  auto* keys = static_cast<float*>(static_cast<void*>(dirty.stored_keys.data()));
  auto* values = static_cast<float*>(static_cast<void*>(dirty.stored_values.data()));
  for (const int p : {9, 80}) {
    for (int i = 0; i < l.kv_heads * l.head_dim; ++i) {
      keys[p * l.kv_heads * l.head_dim + i] = std::numeric_limits<float>::quiet_NaN();
      values[p * l.kv_heads * l.head_dim + i] = std::numeric_limits<float>::infinity();
    }
  }
  const auto queries = random_floats(5 * l.heads * l.head_dim, 9);
  const auto rows = [](const Cache& c) {  // the last sees all, in one tile with those that may not
    return std::vector<AttentionRow>{
        {&c.view, 10, 79}, {&c.view, 10, 70}, {&c.view, 20, 79}, {&c.view, 30, 30}, {&c.view, 0, 89}};
  };
  const auto expected = attend(kernels, shape, rows(clean), queries.data());
  const auto out = attend(kernels, shape, rows(dirty), queries.data());
  const std::size_t seen = 4 * static_cast<std::size_t>(l.heads * l.value_dim);
  EXPECT_TRUE(std::equal(expected.begin(), expected.begin() + seen, out.begin()));
  EXPECT_TRUE(std::isnan(out[seen]));
}

TEST_P(Attention, ARowThatSeesNothingIsZero) {
  ThreadPool pool(2);
  Kernels kernels(GetParam(), pool);
  const Layout l;
  const Cache cache = make_cache(l, 0, 4, 10);
  const auto queries = random_floats(l.heads * l.head_dim, 11);
  for (const float value : attend(kernels, shape_of(l), {{&cache.view, 0, -1}}, queries.data()))
    EXPECT_EQ(value, 0.0F);
  EXPECT_TRUE(attend(kernels, shape_of(l), {}, queries.data()).empty());
}

}  // namespace
}  // namespace minerva::kernels
