#include "native/forward.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "native/routing.h"

namespace minerva::native {
namespace {

using kernels::ConstRows;
using kernels::Rows;

// Press et al. 2022: slopes 2^(-8/n), 2^(-16/n) ... for a power of two, and every other one of the next
// power's for the heads beyond.
std::vector<float> alibi_slopes(int heads) {
  const auto geometric = [](int n, int step, int count) {
    std::vector<float> slopes;
    for (int i = 0; i < count; ++i) {
      slopes.push_back(std::pow(2.0F, -8.0F * static_cast<float>(1 + i * step) / static_cast<float>(n)));
    }
    return slopes;
  };
  int power = 1;
  while (power * 2 <= heads) power *= 2;
  auto slopes = geometric(power, 1, power);
  const auto extra = geometric(2 * power, 2, heads - power);
  slopes.insert(slopes.end(), extra.begin(), extra.end());
  return slopes;
}

void copy(ConstRows from, Rows to) {
  for (std::int64_t i = 0; i < from.count; ++i) {
    std::memcpy(to.row(i), from.row(i), sizeof(float) * static_cast<std::size_t>(from.width));
  }
}

}  // namespace

SequenceState::SequenceState(const DecoderSpec& spec, ScalarType type, std::uint32_t planned)
    : cache(spec, type), planned_length(planned) {
  for (const RotarySpec& rotary : spec.rotary) frequencies.push_back(rotary_frequencies(rotary, planned));
}

bool SequenceState::same_rotation(const DecoderSpec& spec, std::uint32_t planned) const noexcept {
  return std::ranges::all_of(spec.rotary, [&](const RotarySpec& rotary) {
    return rotary_key(rotary, planned) == rotary_key(rotary, planned_length);
  });
}

ForwardPass::ForwardPass(const DecoderSpec& spec, const DecoderWeights& weights, kernels::Kernels& kernels,
                         NumericMode mode)
    : spec_(spec), weights_(weights), kernels_(kernels), mode_(mode) {
  if (spec.positions == PositionKind::Alibi) {
    alibi_ = alibi_slopes(spec.heads);
    for (float& slope : alibi_) slope *= spec.alibi_scale;
  }
  tables_.resize(spec.rotary.size());
}

Rows ForwardPass::rows_of(Buffer& buffer, std::int64_t width) const {
  const auto needed = static_cast<std::size_t>(count_ * width);
  if (buffer.size() < needed) buffer.resize(needed);
  return {buffer.data(), count_, width};
}

bool ForwardPass::run(std::span<const ForwardRow> rows, const std::stop_token& stop) {
  count_ = static_cast<std::int64_t>(rows.size());
  for (const ForwardRow& row : rows) row.sequence->cache.forget_updates();
  embed(rows);
  prepare_rotary(rows);
  for (int layer = 0; layer < spec_.layer_count; ++layer) {
    if (stop.stop_requested()) return false;
    block(layer, rows);
  }
  for (const ForwardRow& row : rows) row.sequence->cache.advance(1);
  head(rows);
  for (const ForwardRow& row : rows) row.sequence->cache.drop_unseen();
  return true;
}

void ForwardPass::embed(std::span<const ForwardRow> rows) {
  const Rows x = rows_of(x_, spec_.hidden);
  for (std::int64_t i = 0; i < count_; ++i) {
    const ForwardRow& row = rows[static_cast<std::size_t>(i)];
    if (row.embedding != nullptr) {
      std::memcpy(x.row(i), row.embedding, sizeof(float) * static_cast<std::size_t>(spec_.hidden));
    } else if (!weights_.project_in.exists()) {
      kernels_.dequantize_row(weights_.embedding.weight, row.token, x.row(i));
    }
  }
  if (weights_.project_in.exists()) embed_projected(rows);
  if (spec_.embedding_scale != 1.0F) kernels_.scale(x, spec_.embedding_scale);
  if (spec_.positions == PositionKind::Learned) {
    const Rows positions = rows_of(normed_, spec_.hidden);
    for (std::int64_t i = 0; i < count_; ++i) {
      const std::int64_t position = rows[static_cast<std::size_t>(i)].position + spec_.position_offset;
      kernels_.dequantize_row(weights_.position_embedding.weight, position, positions.row(i));
    }
    kernels_.add(x, positions);
  }
  if (weights_.embedding_norm.exists()) norm(weights_.embedding_norm, x, x);
}

// Embeddings narrower than the model; rows that come with their embedding have its full width already.
void ForwardPass::embed_projected(std::span<const ForwardRow> rows) {
  const Rows narrow = rows_of(normed_, spec_.embedding_width);
  const Rows wide = rows_of(block_, spec_.hidden);
  for (std::int64_t i = 0; i < count_; ++i) {
    const ForwardRow& row = rows[static_cast<std::size_t>(i)];
    kernels_.dequantize_row(weights_.embedding.weight, row.embedding == nullptr ? row.token : 0,
                            narrow.row(i));
  }
  const kernels::LinearOutput output{&weights_.project_in.weight, wide, weights_.project_in.bias_data()};
  kernels_.linear({&output, 1}, narrow, mode_);
  for (std::int64_t i = 0; i < count_; ++i) {
    if (rows[static_cast<std::size_t>(i)].embedding != nullptr) continue;
    std::memcpy(x_.data() + i * spec_.hidden, wide.row(i),
                sizeof(float) * static_cast<std::size_t>(spec_.hidden));
  }
}

void ForwardPass::prepare_rotary(std::span<const ForwardRow> rows) {
  table_rows_.resize(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) table_rows_[i] = static_cast<std::int64_t>(i);
  for (std::size_t set = 0; set < tables_.size(); ++set) {
    Table& table = tables_[set];
    table.half = static_cast<std::int64_t>(rows[0].sequence->frequencies[set].size());
    const auto size = static_cast<std::size_t>(count_ * table.half);
    table.cosines.resize(size);
    table.sines.resize(size);
    for (std::int64_t i = 0; i < count_; ++i) {
      const ForwardRow& row = rows[static_cast<std::size_t>(i)];
      rotary_table(spec_.rotary[set], row.sequence->frequencies[set], static_cast<std::int32_t>(row.position),
                   table.cosines.data() + i * table.half, table.sines.data() + i * table.half);
    }
  }
}

void ForwardPass::norm(const Norm& norm, ConstRows x, Rows y) {
  const NormSpec& kind = spec_.norm;
  const kernels::NormParameters parameters{.weight = norm.weight.data(),
                                           .bias = norm.bias.empty() ? nullptr : norm.bias.data(),
                                           .epsilon = kind.epsilon,
                                           .plus_one = kind.plus_one};
  if (kind.kind == NormKind::Rms) {
    kernels_.rms_norm(x, y, parameters);
  } else {
    kernels_.layer_norm(x, y, parameters);
  }
}

// One transformer block: x_ in, x_ out.
void ForwardPass::block(int layer, std::span<const ForwardRow> rows) {
  const LayerWeights& w = weights_.layers[static_cast<std::size_t>(layer)];
  const Rows x = rows_of(x_, spec_.hidden);
  const Rows normed = rows_of(normed_, spec_.hidden);
  const Rows out = rows_of(block_, spec_.hidden);

  if (spec_.norm_after_residual) {
    mixer(layer, rows, x, out);
    kernels_.add(x, out);
    norm(w.attention_norm, x, x);
    mlp(layer, x, out);
    kernels_.add(x, out);
    norm(w.mlp_norm, x, x);
    return;
  }
  const bool has_norm = w.attention_norm.exists();
  if (has_norm) norm(w.attention_norm, x, normed);
  mixer(layer, rows, has_norm ? normed : x, out);
  if (spec_.residual_after_norm) copy(normed, x);
  if (spec_.residual == Residual::Sequential) {
    add_block(w.post_attention_norm, out);
    const bool mlp_norm = w.mlp_norm.exists();
    if (mlp_norm) norm(w.mlp_norm, x, normed);
    mlp(layer, mlp_norm ? normed : x, out);
    if (spec_.residual_after_norm) copy(normed, x);
    add_block(w.post_mlp_norm, out);
    return;
  }
  const Rows second = rows_of(block2_, spec_.hidden);
  if (spec_.residual == Residual::ParallelTwoNorms) norm(w.mlp_norm, x, normed);
  mlp(layer, normed, second);
  add_block(w.post_attention_norm, out);
  add_block(w.post_mlp_norm, second);
}

void ForwardPass::add_block(const Norm& post_norm, Rows block) {
  if (post_norm.exists()) norm(post_norm, block, block);
  kernels_.add(rows_of(x_, spec_.hidden), block, spec_.residual_scale);
}

void ForwardPass::mixer(int layer, std::span<const ForwardRow> rows, Rows x, Rows out) {
  switch (spec_.layers[static_cast<std::size_t>(layer)].mixer) {
    case MixerKind::Attention:
      return attention(layer, rows, x, out);
    case MixerKind::Convolution:
      return convolution(layer, rows, x, out);
    case MixerKind::DeltaNet:
      return delta_net(layer, rows, x, out);
  }
}

kernels::RotaryTable ForwardPass::rotary_of(int layer) const {
  const auto set = static_cast<std::size_t>(spec_.layers[static_cast<std::size_t>(layer)].rotary_index);
  const Table& table = tables_[set];
  return {.cosines = table.cosines.data(),
          .sines = table.sines.data(),
          .stride = table.half,
          .dims = static_cast<int>(2 * table.half),
          .pairs = spec_.rotary[set].pairs,
          .unpair = spec_.rotary[set].stored_in_pairs};
}

// Queries, keys and values as they go into attention, in q_, k_ and v_.
void ForwardPass::project_attention(int layer, ConstRows x) {
  if (spec_.latent.rank > 0) return project_latent(layer, x);
  const LayerWeights& w = weights_.layers[static_cast<std::size_t>(layer)];
  project_qkv(layer, x);
  const Rows q = rows_of(q_, std::int64_t{spec_.heads} * spec_.head_dim);
  const Rows k = rows_of(k_, std::int64_t{spec_.kv_heads} * spec_.head_dim);
  const Rows v = rows_of(v_, std::int64_t{spec_.kv_heads} * spec_.value_dim);
  if (!spec_.qk_norm_after_rotary) normalise_heads(w);
  if (spec_.qkv_clip > 0) {
    for (const Rows& part : {q, k, v}) kernels_.clamp(part, spec_.qkv_clip);
  }
  if (spec_.positions == PositionKind::Rotary && spec_.layers[static_cast<std::size_t>(layer)].rotary) {
    const kernels::RotaryTable rotary = rotary_of(layer);
    kernels_.rotate(q, spec_.heads, spec_.head_dim, rotary, table_rows_.data());
    kernels_.rotate(k, spec_.kv_heads, spec_.head_dim, rotary, table_rows_.data());
  }
  if (spec_.qk_norm_after_rotary) normalise_heads(w);
}

void ForwardPass::attention(int layer, std::span<const ForwardRow> rows, Rows x, Rows out) {
  const LayerWeights& w = weights_.layers[static_cast<std::size_t>(layer)];
  const LayerSpec& spec = spec_.layers[static_cast<std::size_t>(layer)];
  project_attention(layer, x);
  const Rows q = rows_of(q_, std::int64_t{spec_.heads} * spec_.head_dim);
  const Rows k = rows_of(k_, std::int64_t{spec_.kv_heads} * spec_.head_dim);
  const Rows v = rows_of(v_, std::int64_t{spec_.kv_heads} * spec_.value_dim);

  views_.resize(rows.size());
  attention_rows_.resize(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    rows[i].sequence->cache.store(kernels_, layer, rows[i].position, k.row(row), v.row(row));
    // Neighbours of one sequence share a view, which lets the kernel compute them together.
    const bool same = i > 0 && rows[i].sequence == rows[i - 1].sequence;
    if (!same) views_[i] = rows[i].sequence->cache.view(layer);
    const std::int64_t first =
        spec.window > 0 ? std::max<std::int64_t>(0, rows[i].position - spec.window + 1) : 0;
    attention_rows_[i] = {
        .cache = same ? attention_rows_[i - 1].cache : &views_[i], .first = first, .last = rows[i].position};
  }
  const Rows attended = rows_of(attended_, std::int64_t{spec_.heads} * spec_.value_dim);
  kernels_.attend({.heads = spec_.heads,
                   .kv_heads = spec_.kv_heads,
                   .head_dim = spec_.head_dim,
                   .value_dim = spec_.value_dim,
                   .scale = spec_.attention_scale,
                   .soft_cap = spec_.attention_softcap,
                   .alibi_slopes = alibi_.empty() ? nullptr : alibi_.data(),
                   .sinks = w.sinks.empty() ? nullptr : w.sinks.data()},
                  attention_rows_, q, attended);
  if (spec_.attention_gate) apply_gates(attended);
  const kernels::LinearOutput o{&w.o.weight, out, w.o.bias_data()};
  kernels_.linear({&o, 1}, attended, mode_);
}

void ForwardPass::project_qkv(int layer, ConstRows x) {
  const LayerWeights& w = weights_.layers[static_cast<std::size_t>(layer)];
  const Rows q = rows_of(q_, std::int64_t{spec_.heads} * spec_.head_dim);
  const Rows k = rows_of(k_, std::int64_t{spec_.kv_heads} * spec_.head_dim);
  const Rows v = rows_of(v_, std::int64_t{spec_.kv_heads} * spec_.value_dim);
  if (spec_.qkv == QkvLayout::Separate) {
    const Rows queries = spec_.attention_gate ? rows_of(qkv_, 2 * q.width) : q;
    const kernels::LinearOutput outputs[] = {{&w.q.weight, queries, w.q.bias_data()},
                                             {&w.k.weight, k, w.k.bias_data()},
                                             {&w.v.weight, v, w.v.bias_data()}};
    kernels_.linear(outputs, x, mode_);
    if (spec_.attention_gate) split_gates(queries);
    return;
  }
  const kernels::LinearOutput fused{&w.qkv.weight, rows_of(qkv_, w.qkv.weight.rows), w.qkv.bias_data()};
  kernels_.linear({&fused, 1}, x, mode_);
  split_qkv(w.qkv);
}

// Takes q, k and v heads out of a fused projection's output.
void ForwardPass::split_qkv(const Linear& qkv) {
  const std::int64_t dim = spec_.head_dim;
  const int per_group = spec_.heads / spec_.kv_heads;
  const auto head_bytes = static_cast<std::size_t>(dim) * sizeof(float);
  const auto q_at = [&](std::int64_t h) {
    switch (spec_.qkv) {
      case QkvLayout::PerHead:
        return 3 * h * dim;
      case QkvLayout::PerGroup:
        return (h / per_group * (per_group + 2) + h % per_group) * dim;
      default:
        return h * dim;
    }
  };
  const auto kv_at = [&](std::int64_t g, int which) {  // which: 0 keys, 1 values
    switch (spec_.qkv) {
      case QkvLayout::PerHead:
        return (3 * g + 1 + which) * dim;
      case QkvLayout::PerGroup:
        return (g * (per_group + 2) + per_group + which) * dim;
      default:
        return (spec_.heads + which * spec_.kv_heads + g) * dim;
    }
  };
  for (std::int64_t i = 0; i < count_; ++i) {
    const float* fused = qkv_.data() + i * qkv.weight.rows;
    float* q = q_.data() + i * spec_.heads * dim;
    float* k = k_.data() + i * spec_.kv_heads * dim;
    float* v = v_.data() + i * spec_.kv_heads * dim;
    for (int h = 0; h < spec_.heads; ++h) std::memcpy(q + h * dim, fused + q_at(h), head_bytes);
    for (int g = 0; g < spec_.kv_heads; ++g) {
      std::memcpy(k + g * dim, fused + kv_at(g, 0), head_bytes);
      std::memcpy(v + g * dim, fused + kv_at(g, 1), head_bytes);
    }
  }
}

void ForwardPass::normalise_heads(const LayerWeights& weights) {
  if (spec_.qk_norm == QkNorm::None) return;
  apply_qk_norm(weights.q_norm, q_, spec_.heads);
  apply_qk_norm(weights.k_norm, k_, spec_.kv_heads);
}

void ForwardPass::apply_qk_norm(const Norm& weights, Buffer& buffer, int heads) {
  const NormSpec& kind = spec_.qk_norm_spec ? *spec_.qk_norm_spec : spec_.norm;
  const bool full = spec_.qk_norm == QkNorm::FullWidth;
  const std::int64_t width = full ? std::int64_t{heads} * spec_.head_dim : spec_.head_dim;
  const Rows x(buffer.data(), full ? count_ : count_ * heads, width);
  const kernels::NormParameters parameters{.weight = weights.weight.data(),
                                           .bias = weights.bias.empty() ? nullptr : weights.bias.data(),
                                           .weight_rows = spec_.qk_norm == QkNorm::EachHead ? heads : 1,
                                           .epsilon = kind.epsilon,
                                           .plus_one = kind.plus_one};
  if (kind.kind == NormKind::Rms) {
    kernels_.rms_norm(x, x, parameters);
  } else {
    kernels_.layer_norm(x, x, parameters);
  }
}

void ForwardPass::mlp(int layer, ConstRows x, Rows out) {
  const LayerWeights& w = weights_.layers[static_cast<std::size_t>(layer)];
  if (!spec_.layers[static_cast<std::size_t>(layer)].experts) {
    dense(w.mlp, w, x, out);
    return;
  }
  experts(w, x, out);
  if (spec_.experts.shared_intermediate > 0) shared_expert(w, x, out);
}

void ForwardPass::dense(const Mlp& mlp, const LayerWeights& layer, ConstRows x, Rows out) {
  const std::int64_t width = mlp.down.weight.cols;
  const auto fit = [&](Buffer& buffer, std::int64_t columns) {
    buffer.resize(std::max(buffer.size(), static_cast<std::size_t>(x.count * columns)));
    return Rows(buffer.data(), x.count, columns);
  };
  Rows up = fit(up_, width);
  if (mlp.gate_up.exists()) {
    const Rows both = fit(gate_, 2 * width);
    const kernels::LinearOutput fused{&mlp.gate_up.weight, both, mlp.gate_up.bias_data()};
    kernels_.linear({&fused, 1}, x, mode_);
    kernels_.activate_gated(spec_.activation, ConstRows(both.data, x.count, width, 2 * width),
                            ConstRows(both.data + width, x.count, width, 2 * width), up, layer.activation);
  } else if (mlp.gate.exists()) {
    const Rows gate = fit(gate_, width);
    const kernels::LinearOutput outputs[] = {{&mlp.gate.weight, gate, mlp.gate.bias_data()},
                                             {&mlp.up.weight, up, mlp.up.bias_data()}};
    kernels_.linear(outputs, x, mode_);
    kernels_.activate_gated(spec_.activation, gate, up, up, layer.activation);
  } else {
    const kernels::LinearOutput output{&mlp.up.weight, up, mlp.up.bias_data()};
    kernels_.linear({&output, 1}, x, mode_);
    kernels_.activate(spec_.activation, up, layer.activation);
  }
  const kernels::LinearOutput down{&mlp.down.weight, out, mlp.down.bias_data()};
  kernels_.linear({&down, 1}, up, mode_);
}

// Each expert computes the rows that chose it, experts in rising order: a row's sum has one order.
void ForwardPass::experts(const LayerWeights& layer, ConstRows x, Rows out) {
  const Rows scores = rows_of(router_, spec_.experts.count);
  const kernels::LinearOutput router{&layer.router.weight, scores, layer.router.bias_data()};
  kernels_.linear({&router, 1}, x, NumericMode::Exact);
  std::vector<ExpertChoice> choices;
  for (std::int64_t i = 0; i < x.count; ++i) {
    route({scores.row(i), static_cast<std::size_t>(spec_.experts.count)}, spec_.experts,
          layer.router_correction, i, choices);
  }
  std::ranges::sort(choices, {}, [](const ExpertChoice& c) { return std::pair(c.expert, c.row); });

  std::fill_n(out.data, out.count * out.width, 0.0F);
  for (std::size_t begin = 0; begin < choices.size();) {
    std::size_t end = begin;
    while (end < choices.size() && choices[end].expert == choices[begin].expert) ++end;
    const auto rows = static_cast<std::int64_t>(end - begin);
    gathered_.resize(std::max(gathered_.size(), static_cast<std::size_t>(rows * spec_.hidden)));
    expert_out_.resize(std::max(expert_out_.size(), static_cast<std::size_t>(rows * spec_.hidden)));
    const Rows in(gathered_.data(), rows, spec_.hidden);
    const Rows computed(expert_out_.data(), rows, spec_.hidden);
    for (std::int64_t i = 0; i < rows; ++i) {
      std::memcpy(in.row(i), x.row(choices[begin + static_cast<std::size_t>(i)].row),
                  sizeof(float) * static_cast<std::size_t>(spec_.hidden));
    }
    dense(layer.experts[static_cast<std::size_t>(choices[begin].expert)], layer, in, computed);
    for (std::int64_t i = 0; i < rows; ++i) {
      const ExpertChoice& choice = choices[begin + static_cast<std::size_t>(i)];
      kernels_.add(Rows(out.row(choice.row), 1, spec_.hidden), ConstRows(computed.row(i), 1, spec_.hidden),
                   choice.weight);
    }
    begin = end;
  }
}

void ForwardPass::shared_expert(const LayerWeights& layer, ConstRows x, Rows out) {
  const Rows shared = rows_of(shared_, spec_.hidden);
  dense(layer.mlp, layer, x, shared);
  if (!layer.shared_router.exists()) {
    kernels_.add(out, shared);
    return;
  }
  const Rows gate = rows_of(router_, 1);
  const kernels::LinearOutput output{&layer.shared_router.weight, gate, layer.shared_router.bias_data()};
  kernels_.linear({&output, 1}, x, NumericMode::Exact);
  for (std::int64_t i = 0; i < x.count; ++i) {
    const float weight = 1.0F / (1.0F + std::exp(-gate.row(i)[0]));
    kernels_.add(Rows(out.row(i), 1, spec_.hidden), ConstRows(shared.row(i), 1, spec_.hidden), weight);
  }
}

// Norm and output projection, for the rows that asked.
void ForwardPass::head(std::span<const ForwardRow> rows) {
  output_at_.assign(rows.size(), -1);
  output_width_.assign(rows.size(), 0);
  std::int64_t logits_rows = 0;
  std::int64_t at = 0;
  // Logits first and together, so that they are one product.
  for (const bool logits : {true, false}) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (logits ? !rows[i].wants_logits : !(rows[i].wants_hidden && !rows[i].wants_logits)) continue;
      output_at_[i] = at;
      output_width_[i] = logits ? spec_.vocabulary : spec_.hidden;
      at += output_width_[i];
      logits_rows += logits ? 1 : 0;
    }
  }
  if (at == 0) return;
  outputs_.resize(static_cast<std::size_t>(at));
  gathered_.resize(std::max(gathered_.size(), static_cast<std::size_t>(logits_rows * spec_.hidden)));
  std::int64_t gathered = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (output_at_[i] < 0) continue;
    const ConstRows x(x_.data() + static_cast<std::int64_t>(i) * spec_.hidden, 1, spec_.hidden);
    float* to =
        rows[i].wants_logits ? gathered_.data() + spec_.hidden * gathered++ : outputs_.data() + output_at_[i];
    if (weights_.output_norm.exists()) {
      norm(weights_.output_norm, x, Rows(to, 1, spec_.hidden));
    } else {
      copy(x, Rows(to, 1, spec_.hidden));
    }
  }
  if (logits_rows == 0) return;
  const Rows logits(outputs_.data(), logits_rows, spec_.vocabulary);
  const kernels::LinearOutput output{&weights_.head.weight, logits, weights_.head.bias_data()};
  ConstRows final(gathered_.data(), logits_rows, spec_.hidden);
  if (weights_.project_out.exists()) {
    block_.resize(std::max(block_.size(), static_cast<std::size_t>(logits_rows * spec_.embedding_width)));
    const Rows narrow(block_.data(), logits_rows, spec_.embedding_width);
    const kernels::LinearOutput projected{&weights_.project_out.weight, narrow,
                                          weights_.project_out.bias_data()};
    kernels_.linear({&projected, 1}, final, mode_);
    final = narrow;
  }
  kernels_.linear({&output, 1}, final, mode_);
  if (spec_.logit_scale != 1.0F) kernels_.scale(logits, spec_.logit_scale);
  if (spec_.logit_softcap > 0) kernels_.soft_cap(logits, spec_.logit_softcap);
}

std::span<const float> ForwardPass::output(std::size_t row) const {
  if (row >= output_at_.size() || output_at_[row] < 0) return {};
  return {outputs_.data() + output_at_[row], static_cast<std::size_t>(output_width_[row])};
}

// The buffers that a run fills, each as wide as the widest use of it; and what the kernels hold beside them.
std::uint64_t ForwardPass::working_bytes(const DecoderSpec& spec, std::uint64_t rows,
                                         std::uint64_t outputs) noexcept {
  const auto hidden = static_cast<std::uint64_t>(spec.hidden);
  const std::uint64_t q = static_cast<std::uint64_t>(spec.heads) * spec.head_dim;
  const std::uint64_t attended = static_cast<std::uint64_t>(spec.heads) * spec.value_dim;
  const std::uint64_t kv = static_cast<std::uint64_t>(spec.kv_heads) * (spec.head_dim + spec.value_dim);
  const auto mlp = static_cast<std::uint64_t>(
      std::max({spec.intermediate, spec.experts.intermediate, spec.experts.shared_intermediate}));
  // x_, normed_, block_; block2_; of experts gathered_, expert_out_, shared_.
  std::uint64_t width = 3 * hidden + q + kv + attended + (spec.gated ? 2 : 1) * mlp;
  if (spec.residual != Residual::Sequential) width += hidden;
  if (spec.experts.count > 0) width += 3 * hidden;
  if (!spec.names.gate_up.empty()) width += mlp;
  if (spec.qkv != QkvLayout::Separate) width += q + kv;
  // Fused projections of latent and gated attention, and of recurrent layers: forward_mixers.cc.
  const RecurrentSpec& r = spec.recurrent;
  width += 4 * (static_cast<std::uint64_t>(r.channels) +
                static_cast<std::uint64_t>(r.value_heads) * static_cast<std::uint64_t>(r.value_dim));
  if (spec.latent.rank > 0) width += 2 * kv;
  if (spec.attention_gate) width += 3 * q;
  // The input of a product, converted: half of its size, or a third.
  width += std::max({mlp, hidden, attended}) / 2;
  constexpr std::uint64_t kJobsBytes = 4U << 20U;  // each thread's weights and scores, tables, lists of rows
  return kJobsBytes + sizeof(float) * (rows * width +
                                       outputs * (static_cast<std::uint64_t>(spec.vocabulary) + 2 * hidden));
}

std::uint64_t ForwardPass::working_bytes() const noexcept {
  std::uint64_t floats = outputs_.capacity();
  for (const Buffer* buffer :
       {&x_, &normed_, &normed2_, &q_, &k_, &v_, &qkv_, &attended_, &block_, &block2_, &gate_, &up_, &router_,
        &gathered_, &expert_out_, &shared_, &mixed_, &mixed2_}) {
    floats += buffer->capacity();
  }
  return floats * sizeof(float) + kernels_.scratch_bytes();
}

}  // namespace minerva::native
