// What takes attention's place in some families, and latent attention's projections.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "native/forward.h"

namespace minerva::native {
namespace {

using kernels::ConstRows;
using kernels::Rows;

constexpr float kLatentEpsilon = 1e-6F;  // transformers takes its class default, whatever the config says

float sigmoid(float x) {
  return 1.0F / (1.0F + std::exp(-x));
}

float softplus(float x) {
  return x > 20 ? x : std::log1p(std::exp(x));
}

std::size_t bytes_of(std::int64_t floats) {
  return static_cast<std::size_t>(floats) * sizeof(float);
}

}  // namespace

void ForwardPass::linear(const Linear& weights, ConstRows x, Rows y) {
  const kernels::LinearOutput output{&weights.weight, y, weights.bias_data()};
  kernels_.linear({&output, 1}, x, mode_);
}

// Latent attention with its keys and values written out: fills q_, k_ and v_, rotated.
void ForwardPass::project_latent(int layer, ConstRows x) {
  const LayerWeights& w = weights_.layers[static_cast<std::size_t>(layer)];
  const LatentSpec& latent = spec_.latent;
  const std::int64_t plain = spec_.head_dim - latent.rotary_dims;
  const Rows q = rows_of(q_, std::int64_t{spec_.heads} * spec_.head_dim);
  if (latent.query_rank > 0) {
    const Rows narrow = rows_of(qkv_, latent.query_rank);
    linear(w.q_a, x, narrow);
    kernels_.rms_norm(narrow, narrow, {.weight = w.q_a_norm.weight.data(), .epsilon = kLatentEpsilon});
    linear(w.q_b, narrow, q);
  } else {
    linear(w.q, x, q);
  }
  const std::int64_t width = latent.rank + latent.rotary_dims;
  const Rows narrow = rows_of(mixed_, width);
  linear(w.kv_a, x, narrow);
  const Rows rank = rows_of(mixed2_, latent.rank);
  kernels_.rms_norm(ConstRows(narrow.data, count_, latent.rank, width), rank,
                    {.weight = w.kv_a_norm.weight.data(), .epsilon = kLatentEpsilon});
  const Rows wide = rows_of(qkv_, w.kv_b.weight.rows);
  linear(w.kv_b, rank, wide);

  const kernels::RotaryTable table = rotary_of(layer);
  kernels_.rotate(Rows(q.data + plain, count_, q.width, q.stride), spec_.heads, spec_.head_dim, table,
                  table_rows_.data());
  const Rows shared(narrow.data + latent.rank, count_, latent.rotary_dims, width);
  kernels_.rotate(shared, 1, latent.rotary_dims, table, table_rows_.data());
  const Rows k = rows_of(k_, std::int64_t{spec_.heads} * spec_.head_dim);
  const Rows v = rows_of(v_, std::int64_t{spec_.heads} * spec_.value_dim);
  for (std::int64_t i = 0; i < count_; ++i) {
    for (int h = 0; h < spec_.heads; ++h) {
      const float* from = wide.row(i) + h * (plain + spec_.value_dim);
      float* key = k.row(i) + std::int64_t{h} * spec_.head_dim;
      std::memcpy(key, from, bytes_of(plain));
      std::memcpy(key + plain, shared.row(i), bytes_of(latent.rotary_dims));
      std::memcpy(v.row(i) + std::int64_t{h} * spec_.value_dim, from + plain, bytes_of(spec_.value_dim));
    }
  }
}

// Each head's query and gate stand side by side in `both`.
void ForwardPass::split_gates(ConstRows both) {
  const std::int64_t dim = spec_.head_dim;
  const Rows q = rows_of(q_, spec_.heads * dim);
  const Rows gates = rows_of(mixed_, spec_.heads * dim);
  for (std::int64_t i = 0; i < count_; ++i) {
    for (std::int64_t h = 0; h < spec_.heads; ++h) {
      std::memcpy(q.row(i) + h * dim, both.row(i) + 2 * h * dim, bytes_of(dim));
      std::memcpy(gates.row(i) + h * dim, both.row(i) + (2 * h + 1) * dim, bytes_of(dim));
    }
  }
}

void ForwardPass::apply_gates(Rows attended) {
  for (std::int64_t i = 0; i < attended.count * attended.width; ++i) {
    attended.data[i] *= sigmoid(mixed_[static_cast<std::size_t>(i)]);
  }
}

// Where each row finds its layer's state and leaves the next.
std::span<const SequenceCache::StateUpdate> ForwardPass::update_states(int layer,
                                                                       std::span<const ForwardRow> rows) {
  states_.clear();
  for (const ForwardRow& row : rows) states_.push_back(row.sequence->cache.update_state(layer));
  return states_;
}

// lfm2: out(c * convolution(b * x)), with b, c and x from one projection.
void ForwardPass::convolution(int layer, std::span<const ForwardRow> rows, ConstRows x, Rows out) {
  const RecurrentWeights& w = weights_.layers[static_cast<std::size_t>(layer)].recurrent;
  const std::int64_t width = spec_.recurrent.channels;
  const Rows all = rows_of(mixed_, 3 * width);
  linear(w.in, x, all);
  const Rows mixed = rows_of(mixed2_, width);
  for (std::int64_t i = 0; i < count_; ++i) {
    const float* b = all.row(i);
    for (std::int64_t j = 0; j < width; ++j) mixed.row(i)[j] = b[j] * b[2 * width + j];
  }
  convolve(kernels_.pool(), w.convolution, update_states(layer, rows), mixed);
  for (std::int64_t i = 0; i < count_; ++i) {
    const float* c = all.row(i) + width;
    for (std::int64_t j = 0; j < width; ++j) mixed.row(i)[j] *= c[j];
  }
  linear(w.out, mixed, out);
}

// qwen3_next: out(norm(delta rule) * silu(z)). Of each key head, the projection gives q, k, and v and z of
// the value heads that share it.
void ForwardPass::delta_net(int layer, std::span<const ForwardRow> rows, ConstRows x, Rows out) {
  const RecurrentWeights& w = weights_.layers[static_cast<std::size_t>(layer)].recurrent;
  const RecurrentSpec& r = spec_.recurrent;
  const Rows all = rows_of(mixed_, w.in.weight.rows);
  const Rows ba = rows_of(router_, 2 * std::int64_t{r.value_heads});
  linear(w.in, x, all);
  linear(w.ba, x, ba);

  const std::int64_t values = std::int64_t{r.value_heads} * r.value_dim;
  const Rows qkv = rows_of(qkv_, r.channels);
  const Rows z = rows_of(mixed2_, values);
  split_delta(all, qkv, z);
  const Rows decay = rows_of(gate_, r.value_heads);
  const Rows beta = rows_of(up_, r.value_heads);
  const int sharing = r.value_heads / r.key_heads;
  for (std::int64_t i = 0; i < count_; ++i) {
    for (int h = 0; h < r.value_heads; ++h) {
      const float* group = ba.row(i) + std::int64_t{h / sharing} * 2 * sharing;
      const auto head = static_cast<std::size_t>(h);
      beta.row(i)[h] = sigmoid(group[h % sharing]);
      decay.row(i)[h] = std::exp(w.decay[head] * softplus(group[sharing + h % sharing] + w.dt_bias[head]));
    }
  }
  const auto states = update_states(layer, rows);
  convolve(kernels_.pool(), w.convolution, states, qkv);
  kernels_.activate(spec_.activation, qkv);
  const Rows mixed = rows_of(attended_, values);
  delta_rule(kernels_.pool(), r, states, std::int64_t{r.taps - 1} * r.channels,
             {.qkv = qkv, .decay = decay, .beta = beta}, mixed);
  const Rows heads(mixed.data, count_ * r.value_heads, r.value_dim);
  kernels_.rms_norm(heads, heads, {.weight = w.norm.weight.data(), .epsilon = spec_.norm.epsilon});
  kernels_.activate_gated(kernels::Activation::Silu, z, mixed, mixed);
  linear(w.out, mixed, out);
}

void ForwardPass::split_delta(ConstRows all, Rows qkv, Rows z) const {
  const RecurrentSpec& r = spec_.recurrent;
  const std::int64_t group_values = std::int64_t{r.value_heads / r.key_heads} * r.value_dim;
  const std::int64_t group = 2 * std::int64_t{r.key_dim} + 2 * group_values;
  const std::int64_t keys = std::int64_t{r.key_heads} * r.key_dim;
  for (std::int64_t i = 0; i < all.count; ++i) {
    for (std::int64_t h = 0; h < r.key_heads; ++h) {
      const float* from = all.row(i) + h * group;
      std::memcpy(qkv.row(i) + h * r.key_dim, from, bytes_of(r.key_dim));
      std::memcpy(qkv.row(i) + keys + h * r.key_dim, from + r.key_dim, bytes_of(r.key_dim));
      from += 2 * std::int64_t{r.key_dim};
      std::memcpy(qkv.row(i) + 2 * keys + h * group_values, from, bytes_of(group_values));
      std::memcpy(z.row(i) + h * group_values, from + group_values, bytes_of(group_values));
    }
  }
}

}  // namespace minerva::native
