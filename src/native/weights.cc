#include "native/weights.h"

#include <cmath>
#include <utility>

#include "native/weight_binder.h"

namespace minerva::native {
namespace {

Result<Mlp> bind_mlp(WeightBinder& binder, const DecoderSpec& spec, const std::string& gate,
                     const std::string& up, const std::string& gate_up, const std::string& down,
                     std::int64_t width) {
  Mlp mlp;
  if (!gate_up.empty()) {
    MINERVA_ASSIGN(mlp.gate_up, binder.linear(gate_up, 2 * width, spec.hidden));
  } else {
    if (spec.gated) {
      MINERVA_ASSIGN(mlp.gate, binder.linear(gate, width, spec.hidden));
    }
    MINERVA_ASSIGN(mlp.up, binder.linear(up, width, spec.hidden));
  }
  MINERVA_ASSIGN(mlp.down, binder.linear(down, spec.hidden, width));
  return mlp;
}

Result<Norm> bind_qk_norm(WeightBinder& binder, const DecoderSpec& spec, const std::string& pattern,
                          int heads) {
  switch (spec.qk_norm) {
    case QkNorm::None:
      return Norm{};
    case QkNorm::PerHead:
      return binder.norm(pattern, spec.head_dim);
    case QkNorm::FullWidth:
      return binder.norm(pattern, std::int64_t{heads} * spec.head_dim);
    case QkNorm::EachHead:
      return binder.head_norms(pattern, heads);
  }
  return Norm{};
}

Result<void> bind_latent(WeightBinder& binder, const DecoderSpec& spec, LayerWeights& w) {
  const TensorNames& n = spec.names;
  const LatentSpec& latent = spec.latent;
  const std::int64_t q = std::int64_t{spec.heads} * spec.head_dim;
  if (latent.query_rank > 0) {
    MINERVA_ASSIGN(w.q_a, binder.linear(n.q_a, latent.query_rank, spec.hidden));
    MINERVA_ASSIGN(w.q_a_norm, binder.norm(n.q_a_norm, latent.query_rank));
    MINERVA_ASSIGN(w.q_b, binder.linear(n.q_b, q, latent.query_rank));
  } else {
    MINERVA_ASSIGN(w.q, binder.linear(n.q, q, spec.hidden));
  }
  const std::int64_t plain = spec.head_dim - latent.rotary_dims;
  MINERVA_ASSIGN(w.kv_a, binder.linear(n.kv_a, latent.rank + latent.rotary_dims, spec.hidden));
  MINERVA_ASSIGN(w.kv_a_norm, binder.norm(n.kv_a_norm, latent.rank));
  MINERVA_ASSIGN(w.kv_b, binder.linear(n.kv_b, spec.heads * (plain + spec.value_dim), latent.rank));
  MINERVA_ASSIGN(w.o, binder.linear(n.o, spec.hidden, std::int64_t{spec.heads} * spec.value_dim));
  return {};
}

Result<void> bind_recurrent(WeightBinder& binder, const DecoderSpec& spec, MixerKind kind,
                            RecurrentWeights& w) {
  const TensorNames& n = spec.names;
  const RecurrentSpec& r = spec.recurrent;
  MINERVA_ASSIGN(w.convolution, binder.convolution());
  if (kind == MixerKind::Convolution) {
    MINERVA_ASSIGN(w.in, binder.linear(n.mixer_in, 3 * std::int64_t{r.channels}, spec.hidden));
    MINERVA_ASSIGN(w.out, binder.linear(n.mixer_out, spec.hidden, r.channels));
    return {};
  }
  const std::int64_t values = std::int64_t{r.value_heads} * r.value_dim;
  MINERVA_ASSIGN(w.in, binder.linear(n.mixer_in, r.channels + values, spec.hidden));
  MINERVA_ASSIGN(w.ba, binder.linear(n.mixer_ba, 2 * std::int64_t{r.value_heads}, spec.hidden));
  MINERVA_ASSIGN(w.out, binder.linear(n.mixer_out, spec.hidden, values));
  MINERVA_ASSIGN(w.norm, binder.norm(n.mixer_norm, r.value_dim));
  MINERVA_ASSIGN(w.dt_bias, binder.vector(binder.path(n.dt_bias), r.value_heads));
  MINERVA_ASSIGN(w.decay, binder.vector(binder.path(n.a_log), r.value_heads));
  for (float& decay : w.decay) decay = -std::exp(decay);
  return {};
}

Result<void> bind_attention(WeightBinder& binder, const DecoderSpec& spec, LayerWeights& w) {
  if (spec.latent.rank > 0) return bind_latent(binder, spec, w);
  const std::int64_t q = std::int64_t{spec.heads} * spec.head_dim;
  const std::int64_t k = std::int64_t{spec.kv_heads} * spec.head_dim;
  const std::int64_t v = std::int64_t{spec.kv_heads} * spec.value_dim;
  if (spec.qkv == QkvLayout::Separate) {
    MINERVA_ASSIGN(w.q, binder.linear(spec.names.q, spec.attention_gate ? 2 * q : q, spec.hidden));
    MINERVA_ASSIGN(w.k, binder.linear(spec.names.k, k, spec.hidden));
    MINERVA_ASSIGN(w.v, binder.linear(spec.names.v, v, spec.hidden));
  } else {
    MINERVA_ASSIGN(w.qkv, binder.linear(spec.names.qkv, q + k + v, spec.hidden));
  }
  MINERVA_ASSIGN(w.o, binder.linear(spec.names.o, spec.hidden, std::int64_t{spec.heads} * spec.value_dim));
  MINERVA_ASSIGN(w.q_norm, bind_qk_norm(binder, spec, spec.names.q_norm, spec.heads));
  MINERVA_ASSIGN(w.k_norm, bind_qk_norm(binder, spec, spec.names.k_norm, spec.kv_heads));
  if (!spec.names.sinks.empty()) {
    MINERVA_ASSIGN(w.sinks, binder.vector(binder.path(spec.names.sinks), spec.heads));
  }
  return {};
}

Result<void> bind_experts(WeightBinder& binder, const DecoderSpec& spec, int layer, LayerWeights& w) {
  const TensorNames& n = spec.names;
  MINERVA_ASSIGN(w.router, binder.linear(n.router, spec.experts.count, spec.hidden));
  const bool stacked = (n.expert_up.empty() && n.stacked_gate_up.empty()) || binder.has(n.stacked_gate) ||
                       binder.has(n.stacked_up) || binder.has(n.stacked_down);
  for (int e = 0; e < spec.experts.count; ++e) {
    binder.at(layer, e);
    if (stacked) {
      Mlp expert;
      const std::int64_t width = spec.experts.intermediate;
      MINERVA_ASSIGN(expert.gate, binder.expert(n.stacked_gate, width, spec.hidden));
      MINERVA_ASSIGN(expert.up, binder.expert(n.stacked_up, width, spec.hidden));
      MINERVA_ASSIGN(expert.down, binder.expert(n.stacked_down, spec.hidden, width));
      w.experts.push_back(std::move(expert));
      continue;
    }
    if (!n.stacked_gate_up.empty()) {
      Mlp expert;
      const std::int64_t width = spec.experts.intermediate;
      MINERVA_ASSIGN(expert.gate, binder.interleaved_expert(n.stacked_gate_up, 0, 2, width, spec.hidden));
      MINERVA_ASSIGN(expert.up, binder.interleaved_expert(n.stacked_gate_up, 1, 2, width, spec.hidden));
      MINERVA_ASSIGN(expert.down, binder.interleaved_expert(n.stacked_down, 0, 1, spec.hidden, width));
      w.experts.push_back(std::move(expert));
      continue;
    }
    MINERVA_ASSIGN(Mlp expert, bind_mlp(binder, spec, n.expert_gate, n.expert_up, "", n.expert_down,
                                        spec.experts.intermediate));
    w.experts.push_back(std::move(expert));
  }
  if (!n.router_correction.empty()) {
    MINERVA_ASSIGN(w.router_correction, binder.vector(binder.path(n.router_correction), spec.experts.count));
  }
  if (spec.experts.shared_intermediate == 0) return {};
  MINERVA_ASSIGN(w.mlp, bind_mlp(binder, spec, n.shared_gate, n.shared_up, "", n.shared_down,
                                 spec.experts.shared_intermediate));
  if (spec.experts.shared_gate) {
    MINERVA_ASSIGN(w.shared_router, binder.linear(n.shared_router, 1, spec.hidden));
  }
  return {};
}

Result<LayerWeights> bind_layer(WeightBinder& binder, const DecoderSpec& spec, int layer) {
  const TensorNames& n = spec.names;
  binder.at(layer);
  LayerWeights w;
  MINERVA_ASSIGN(w.attention_norm, binder.norm(n.attention_norm, spec.hidden));
  MINERVA_ASSIGN(w.post_attention_norm, binder.norm(n.post_attention_norm, spec.hidden));
  MINERVA_ASSIGN(w.mlp_norm, binder.norm(n.mlp_norm, spec.hidden));
  MINERVA_ASSIGN(w.post_mlp_norm, binder.norm(n.post_mlp_norm, spec.hidden));
  const MixerKind mixer = spec.layers[static_cast<std::size_t>(layer)].mixer;
  MINERVA_TRY(mixer == MixerKind::Attention ? bind_attention(binder, spec, w)
                                            : bind_recurrent(binder, spec, mixer, w.recurrent));
  MINERVA_ASSIGN(w.activation, binder.activation());
  if (spec.layers[static_cast<std::size_t>(layer)].experts) {
    MINERVA_TRY(bind_experts(binder, spec, layer, w));
  } else {
    MINERVA_ASSIGN(w.mlp, bind_mlp(binder, spec, n.gate, n.up, n.gate_up, n.down, spec.intermediate));
  }
  return w;
}

}  // namespace

Result<DecoderWeights> bind_weights(const DecoderSpec& spec, std::shared_ptr<Checkpoint> checkpoint,
                                    const LoadProgress& progress) {
  WeightBinder binder(spec, *checkpoint);
  DecoderWeights weights;
  const std::int64_t width = spec.embedding_width > 0 ? spec.embedding_width : spec.hidden;
  MINERVA_ASSIGN(weights.embedding, binder.embedding(spec.vocabulary, width));
  MINERVA_ASSIGN(weights.project_in, binder.linear(spec.names.project_in, spec.hidden, width));
  MINERVA_ASSIGN(weights.project_out, binder.linear(spec.names.project_out, width, spec.hidden));
  if (spec.positions == PositionKind::Learned) {
    MINERVA_ASSIGN(weights.position_embedding,
                   binder.linear(spec.names.position_embedding,
                                 std::int64_t{spec.context_length} + spec.position_offset, spec.hidden));
  }
  MINERVA_ASSIGN(weights.embedding_norm, binder.norm(spec.names.embedding_norm, spec.hidden));
  MINERVA_ASSIGN(weights.output_norm, binder.norm(spec.names.output_norm, spec.hidden));
  MINERVA_ASSIGN(weights.head, binder.head(spec.vocabulary, width));
  for (int layer = 0; layer < spec.layer_count; ++layer) {
    MINERVA_ASSIGN(LayerWeights w, bind_layer(binder, spec, layer));
    weights.layers.push_back(std::move(w));
    if (progress && !progress(static_cast<float>(layer + 1) / static_cast<float>(spec.layer_count))) {
      return fail(ErrorCode::Cancelled, "loading was cancelled", "Load the model again.");
    }
  }
  weights.owned_bytes = binder.owned_bytes();
  for (const std::string_view name : binder.unread()) weights.unread.emplace_back(name);
  weights.checkpoint = std::move(checkpoint);
  return weights;
}

}  // namespace minerva::native
