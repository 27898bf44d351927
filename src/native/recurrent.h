// Layers that keep a state of fixed size instead of keys and values: short convolutions and the gated delta
// rule. A row's result depends on the state before it and on itself alone.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "native/decoder_spec.h"
#include "native/kv_cache.h"

namespace minerva::native {

/// A depthwise convolution over time. State: the last taps - 1 inputs, oldest first.
struct Convolution {
  int taps = 0;
  int channels = 0;
  std::vector<float> weight;  ///< [taps, channels], the present last
  std::vector<float> bias;    ///< [channels], or empty
};

/// Row i of `x` [rows, channels], in place, goes through `convolution` with states[i].
void convolve(ThreadPool& pool, const Convolution& convolution,
              std::span<const SequenceCache::StateUpdate> states, kernels::Rows x);

/// One step of the gated delta rule for each row (Yang et al. 2024): S = decay S; S += k (beta (v - S^T
/// k))^T; out = S^T q, for each value head, q and k made unit vectors and q scaled by 1 / sqrt(key_dim).
struct DeltaInputs {
  kernels::ConstRows qkv;    ///< [rows, 2 key_heads key_dim + value_heads value_dim]
  kernels::ConstRows decay;  ///< [rows, value_heads]
  kernels::ConstRows beta;   ///< [rows, value_heads]
};
/// The heads' matrices [value_heads, key_dim, value_dim] stand `offset` floats into states[i].
void delta_rule(ThreadPool& pool, const RecurrentSpec& spec,
                std::span<const SequenceCache::StateUpdate> states, std::int64_t offset,
                const DeltaInputs& inputs, kernels::Rows out);

}  // namespace minerva::native
