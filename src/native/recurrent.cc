#include "native/recurrent.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace minerva::native {
namespace {

using kernels::ConstRows;
using kernels::Rows;

// transformers' l2norm: x / sqrt(sum of squares + 1e-6), times `scale`.
void unit(const float* x, int size, float scale, float* out) {
  float squares = 0;
  for (int i = 0; i < size; ++i) squares += x[i] * x[i];
  const float factor = scale / std::sqrt(squares + 1e-6F);
  for (int i = 0; i < size; ++i) out[i] = x[i] * factor;
}

struct DeltaStep {
  const float* q;
  const float* k;
  const float* v;
  float decay;
  float beta;
};

// `from` and `to` may be the same matrix. `delta` is working memory of value_dim.
void delta_step(const RecurrentSpec& spec, const DeltaStep& step, const float* from, float* to, float* delta,
                float* out) {
  const int columns = spec.value_dim;
  std::fill_n(delta, columns, 0.0F);
  for (int i = 0; i < spec.key_dim; ++i) {
    for (int j = 0; j < columns; ++j) {
      to[i * columns + j] = from[i * columns + j] * step.decay;
      delta[j] += to[i * columns + j] * step.k[i];
    }
  }
  for (int j = 0; j < columns; ++j) delta[j] = (step.v[j] - delta[j]) * step.beta;
  std::fill_n(out, columns, 0.0F);
  for (int i = 0; i < spec.key_dim; ++i) {
    for (int j = 0; j < columns; ++j) {
      to[i * columns + j] += step.k[i] * delta[j];
      out[j] += to[i * columns + j] * step.q[i];
    }
  }
}

}  // namespace

void convolve(ThreadPool& pool, const Convolution& c, std::span<const SequenceCache::StateUpdate> states,
              Rows x) {
  const int kept = c.taps - 1;
  pool.parallel_for(c.channels, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t row = 0; row < x.count; ++row) {
      const auto& state = states[static_cast<std::size_t>(row)];
      float* now = x.row(row);
      for (std::int64_t channel = begin; channel < end; ++channel) {
        const float input = now[channel];
        float sum = 0;
        for (int tap = 0; tap < kept; ++tap) {
          sum += c.weight[static_cast<std::size_t>(tap * c.channels + channel)] *
                 state.from[tap * c.channels + channel];
        }
        sum += c.weight[static_cast<std::size_t>(kept * c.channels + channel)] * input;
        for (int tap = 0; tap + 1 < kept; ++tap) {
          state.to[tap * c.channels + channel] = state.from[(tap + 1) * c.channels + channel];
        }
        if (kept > 0) state.to[(kept - 1) * c.channels + channel] = input;
        now[channel] = c.bias.empty() ? sum : sum + c.bias[static_cast<std::size_t>(channel)];
      }
    }
  });
}

void delta_rule(ThreadPool& pool, const RecurrentSpec& spec,
                std::span<const SequenceCache::StateUpdate> states, std::int64_t offset,
                const DeltaInputs& inputs, Rows out) {
  const std::int64_t matrix = std::int64_t{spec.key_dim} * spec.value_dim;
  const std::int64_t keys = std::int64_t{spec.key_heads} * spec.key_dim;
  const int sharing = spec.value_heads / spec.key_heads;
  const float scale = 1.0F / std::sqrt(static_cast<float>(spec.key_dim));
  pool.parallel_for(spec.value_heads, [&](std::int64_t begin, std::int64_t end, int) {
    std::vector<float> working(static_cast<std::size_t>(2 * spec.key_dim + spec.value_dim));
    float* q = working.data();
    float* k = q + spec.key_dim;
    for (std::int64_t row = 0; row < out.count; ++row) {
      const auto& state = states[static_cast<std::size_t>(row)];
      const float* qkv = inputs.qkv.row(row);
      for (std::int64_t head = begin; head < end; ++head) {
        unit(qkv + head / sharing * spec.key_dim, spec.key_dim, scale, q);
        unit(qkv + keys + head / sharing * spec.key_dim, spec.key_dim, 1.0F, k);
        const DeltaStep step{.q = q,
                             .k = k,
                             .v = qkv + 2 * keys + head * spec.value_dim,
                             .decay = inputs.decay.row(row)[head],
                             .beta = inputs.beta.row(row)[head]};
        delta_step(spec, step, state.from + offset + head * matrix, state.to + offset + head * matrix,
                   k + spec.key_dim, out.row(row) + head * spec.value_dim);
      }
    }
  });
}

}  // namespace minerva::native
