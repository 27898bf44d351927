#include "native/weights.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstring>
#include <utility>

#include "tensor/dtype.h"

namespace minerva::native {
namespace {

constexpr const char* kCheckFiles = "Check config.json against the weights, or download the model again.";

std::string replaced(std::string text, std::string_view what, int with) {
  if (const auto at = text.find(what); at != std::string::npos)
    text.replace(at, what.size(), std::to_string(with));
  return text;
}

std::optional<WeightType> plain_type(const TensorView& tensor) {
  switch (tensor.dtype) {
    case DType::F32:
      return WeightType::F32;
    case DType::F16:
      return WeightType::F16;
    case DType::BF16:
      return WeightType::BF16;
    case DType::Ggml:
      return weight_type_of(tensor.ggml);
    default:
      return std::nullopt;
  }
}

std::optional<ScalarType> scalar_type(DType type) {
  switch (type) {
    case DType::F32:
      return ScalarType::F32;
    case DType::F16:
      return ScalarType::F16;
    case DType::BF16:
      return ScalarType::BF16;
    default:
      return std::nullopt;
  }
}

// Finds tensors by name and checks them.
class Binder {
 public:
  Binder(const DecoderSpec& spec, Checkpoint& checkpoint) : spec_(spec), checkpoint_(checkpoint) {}

  // The layer and expert that "{}" and "{e}" stand for.
  void at(int layer, int expert = 0) {
    layer_ = layer;
    expert_ = expert;
  }
  std::string path(const std::string& pattern) const {
    std::string name = replaced(replaced(pattern, "{}", layer_), "{e}", expert_);
    return name.starts_with(left_out_) ? name.substr(left_out_.size()) : name;
  }
  // Files saved from the model without its head leave out the first part of each name ("transformer.").
  void find_prefix() {
    const std::string& embedding = spec_.names.embedding;
    const std::string prefix = embedding.substr(0, embedding.find('.') + 1);
    const std::string bare = embedding.substr(prefix.size()) + ".weight";
    if (!has(embedding) && checkpoint_.find(bare) != nullptr) left_out_ = prefix;
  }
  bool has(const std::string& pattern) const {
    return !pattern.empty() && checkpoint_.find(path(pattern) + ".weight") != nullptr;
  }

  Result<std::vector<float>> vector(const std::string& name, std::int64_t size) {
    MINERVA_ASSIGN(const TensorView* tensor, checkpoint_.require(name));
    if (tensor->elements() != size) return wrong_shape(*tensor, fmt::format("[{}]", size));
    return checkpoint_.floats(*tensor);
  }

  Result<Norm> norm(const std::string& pattern, std::int64_t size) {
    Norm norm;
    if (pattern.empty()) return norm;
    const std::string name = path(pattern);
    MINERVA_ASSIGN(norm.weight, vector(name + ".weight", size));
    if (checkpoint_.find(name + ".bias") != nullptr) {
      MINERVA_ASSIGN(norm.bias, vector(name + ".bias", size));
    }
    return norm;
  }

  // The norms of each head, in one tensor or one after the other.
  Result<Norm> head_norms(const std::string& pattern, int heads) {
    if (pattern.find("{h}") == std::string::npos) return norm(pattern, std::int64_t{heads} * spec_.head_dim);
    Norm all;
    for (int h = 0; h < heads; ++h) {
      MINERVA_ASSIGN(const Norm one, norm(replaced(pattern, "{h}", h), spec_.head_dim));
      all.weight.insert(all.weight.end(), one.weight.begin(), one.weight.end());
      all.bias.insert(all.bias.end(), one.bias.begin(), one.bias.end());
    }
    return all;
  }

  Result<Linear> linear(const std::string& pattern, std::int64_t rows, std::int64_t cols) {
    Linear linear;
    if (pattern.empty()) return linear;
    const std::string name = path(pattern);
    MINERVA_ASSIGN(const TensorView* weight, checkpoint_.require(name + ".weight"));
    if (const TensorView* scales = checkpoint_.find(name + ".scales")) {
      MINERVA_ASSIGN(linear.weight, mlx(name, *weight, *scales, rows, cols));
    } else if (spec_.transposed && pattern != spec_.names.embedding &&
               pattern != spec_.names.position_embedding && pattern != spec_.names.head) {
      MINERVA_ASSIGN(linear, transposed(*weight, rows, cols));
    } else {
      MINERVA_ASSIGN(linear.weight, plain(*weight, rows, cols));
    }
    MINERVA_TRY(check_weight(linear.weight, name));
    if (checkpoint_.find(name + ".bias") != nullptr) {
      MINERVA_ASSIGN(linear.bias, vector(name + ".bias", rows));
    }
    return linear;
  }

  // The experts of gpt_oss. In bfloat16 and its like [experts, columns, rows], rows of gate and up taking
  // turns, copied the right way round; in MXFP4 `_blocks` [experts, rows, columns / 32, 16] and `_scales`
  // [experts, rows, columns / 32], viewed. `step` rows of the file make one of the matrix, whose first is
  // `first`.
  Result<Linear> stacked(const std::string& pattern, int first, int step, std::int64_t rows,
                         std::int64_t cols) {
    const std::string name = path(pattern);
    Linear linear;
    const std::int64_t file_rows = rows * step;
    if (checkpoint_.find(name + "_blocks") != nullptr) {
      MINERVA_ASSIGN(linear.weight, stacked_mxfp4(name, first, step, file_rows, cols));
    } else {
      MINERVA_ASSIGN(linear, stacked_transposed(name, first, step, file_rows, cols));
    }
    linear.weight.rows = rows;
    MINERVA_TRY(check_weight(linear.weight, name));
    MINERVA_ASSIGN(const std::vector<float> biases, vector(name + "_bias", spec_.experts.count * file_rows));
    for (std::int64_t row = first; row < file_rows; row += step) {
      linear.bias.push_back(biases[static_cast<std::size_t>(expert_ * file_rows + row)]);
    }
    return linear;
  }

  // A depthwise convolution, stored [channels, 1, taps] or (MLX) [channels, taps, 1].
  Result<Convolution> convolution() {
    const RecurrentSpec& r = spec_.recurrent;
    Convolution convolution{.taps = r.taps, .channels = r.channels};
    const std::string name = path(spec_.names.convolution);
    MINERVA_ASSIGN(const auto stored, vector(name + ".weight", std::int64_t{r.taps} * r.channels));
    convolution.weight.resize(stored.size());
    for (std::size_t i = 0; i < stored.size(); ++i) {
      const auto taps = static_cast<std::size_t>(r.taps);
      convolution.weight[i % taps * static_cast<std::size_t>(r.channels) + i / taps] = stored[i];
    }
    if (checkpoint_.find(name + ".bias") != nullptr) {
      MINERVA_ASSIGN(convolution.bias, vector(name + ".bias", r.channels));
    }
    return convolution;
  }

  // The parameters of an activation that learns some.
  Result<kernels::ActivationParameters> activation() {
    kernels::ActivationParameters parameters = spec_.activation_parameters;
    if (spec_.names.activation.empty()) return parameters;
    const std::string name = path(spec_.names.activation);
    for (const auto& [field, value] : {std::pair{".beta", &parameters.beta}, {".eps", &parameters.eps}}) {
      if (checkpoint_.find(name + field) == nullptr) continue;
      MINERVA_ASSIGN(const auto stored, vector(name + field, 1));
      *value = stored[0];
    }
    MINERVA_ASSIGN(const auto positive, vector(name + ".alpha_p", 1));
    MINERVA_ASSIGN(const auto negative, vector(name + ".alpha_n", 1));
    parameters.alpha_p = softplus(positive[0]);
    parameters.alpha_n = parameters.beta + softplus(negative[0]);
    return parameters;
  }

  std::uint64_t owned_bytes() const noexcept { return owned_bytes_; }

 private:
  static float softplus(float x) { return x > 20 ? x : std::log1p(std::exp(x)); }

  Result<WeightMatrix> stacked_mxfp4(const std::string& name, int first, int step, std::int64_t file_rows,
                                     std::int64_t cols) {
    MINERVA_ASSIGN(const TensorView* blocks, checkpoint_.require(name + "_blocks"));
    MINERVA_ASSIGN(const TensorView* scales, checkpoint_.require(name + "_scales"));
    const std::int64_t groups = cols / 32;
    const std::array wanted = {std::int64_t{spec_.experts.count}, file_rows, groups, std::int64_t{16}};
    const std::span<const std::int64_t> scales_wanted(wanted.data(), 3);
    if (cols % 32 != 0 || blocks->dtype != DType::U8 || !std::ranges::equal(blocks->shape, wanted)) {
      return wrong_shape(*blocks, fmt::format("bytes of {}", shape_text(wanted)));
    }
    if (scales->dtype != DType::U8 || !std::ranges::equal(scales->shape, scales_wanted)) {
      return wrong_shape(*scales, fmt::format("bytes of {}", shape_text(scales_wanted)));
    }
    MINERVA_ASSIGN(const TensorView data, checkpoint_.contiguous(*blocks));
    MINERVA_ASSIGN(const TensorView scale_data, checkpoint_.contiguous(*scales));
    const std::int64_t row = expert_ * file_rows + first;
    return WeightMatrix{.type = WeightType::Mxfp4,
                        .cols = cols,
                        .data = data.data + row * groups * 16,
                        .row_stride = step * groups * 16,
                        .scales = scale_data.data + row * groups,
                        .scale_stride = step * groups};
  }

  Result<Linear> stacked_transposed(const std::string& name, int first, int step, std::int64_t file_rows,
                                    std::int64_t cols) {
    MINERVA_ASSIGN(const TensorView* tensor, checkpoint_.require(name));
    const std::array wanted = {std::int64_t{spec_.experts.count}, cols, file_rows};
    if (!std::ranges::equal(tensor->shape, wanted)) return wrong_shape(*tensor, shape_text(wanted));
    TensorView view = *tensor;
    const std::int64_t width = tensor->dtype == DType::F32 ? 4 : 2;
    view.data += (expert_ * view.strides[0] + first * view.strides[2]) * width;
    view.shape = {cols, file_rows / step};
    view.strides = {view.strides[1], step * view.strides[2]};
    return transposed(view, file_rows / step, cols);
  }

  static std::unexpected<Error> wrong_shape(const TensorView& tensor, std::string_view expected) {
    return model_loading(fmt::format("'{}': tensor '{}' has shape {} where {} was expected", tensor.file,
                                     tensor.name, shape_text(tensor.shape), expected),
                         kCheckFiles);
  }

  Result<WeightMatrix> plain(const TensorView& tensor, std::int64_t rows, std::int64_t cols) {
    const std::array wanted = {rows, cols};
    if (!std::ranges::equal(tensor.shape, wanted)) return wrong_shape(tensor, shape_text(wanted));
    const auto type = plain_type(tensor);
    if (!type) {
      return model_loading(
          fmt::format("'{}': tensor '{}' is stored as {}, which the native backend does not compute",
                      tensor.file, tensor.name, tensor.type_name()),
          "Use the model in BF16, F16, F32 or an MLX quantisation.");
    }
    MINERVA_ASSIGN(const TensorView tight, checkpoint_.contiguous(tensor));
    return dense_weight(*type, rows, cols, tight.data);
  }

  // [in, out] as stored, made [out, in].
  Result<Linear> transposed(const TensorView& tensor, std::int64_t rows, std::int64_t cols) {
    const std::array wanted = {cols, rows};
    if (!std::ranges::equal(tensor.shape, wanted)) return wrong_shape(tensor, shape_text(wanted));
    const auto type = plain_type(tensor);
    if (!type || tensor.dtype == DType::Ggml) {
      return model_loading(fmt::format("'{}': tensor '{}' is stored as {}, which can't be transposed",
                                       tensor.file, tensor.name, tensor.type_name()),
                           "Use the model in BF16, F16 or F32.");
    }
    TensorView turned = tensor;
    std::swap(turned.shape[0], turned.shape[1]);
    std::swap(turned.strides[0], turned.strides[1]);
    const std::int64_t bytes = rows * cols * (tensor.dtype == DType::F32 ? 4 : 2);
    Linear linear;
    linear.owned.resize(static_cast<std::size_t>(bytes));
    owned_bytes_ += linear.owned.size();
    copy_contiguous(turned, linear.owned.data());
    linear.weight = dense_weight(*type, rows, cols, linear.owned.data());
    return linear;
  }

  // MLX: what group and width are is seen from the shapes (group = K / scales, bits = 32 words / K).
  Result<WeightMatrix> mlx(const std::string& name, const TensorView& weight, const TensorView& scales,
                           std::int64_t rows, std::int64_t cols) {
    if (weight.shape.size() != 2 || scales.shape.size() != 2 || weight.shape[0] != rows ||
        scales.shape[0] != rows || scales.shape[1] < 1 || cols % scales.shape[1] != 0 ||
        weight.shape[1] * 32 % cols != 0 || weight.dtype != DType::U32) {
      return wrong_shape(weight, fmt::format("an MLX packing of [{}, {}]", rows, cols));
    }
    MINERVA_ASSIGN(const TensorView data, checkpoint_.contiguous(weight));
    MINERVA_ASSIGN(const TensorView scale_data, checkpoint_.contiguous(scales));
    WeightMatrix matrix{.rows = rows,
                        .cols = cols,
                        .data = data.data,
                        .row_stride = weight.shape[1] * 4,
                        .scales = scale_data.data,
                        .group = static_cast<int>(cols / scales.shape[1]),
                        .bits = static_cast<int>(weight.shape[1] * 32 / cols)};
    if (scales.dtype == DType::U8) {  // (bits, group): (4, 16) nvfp4, (4, 32) mxfp4, (8, 32) mxfp8
      matrix.type = matrix.bits == 8     ? WeightType::Mxfp8
                    : matrix.group == 16 ? WeightType::Nvfp4
                                         : WeightType::Mxfp4;
      matrix.scale_stride = scales.shape[1];
      if (const TensorView* global = checkpoint_.find(name + ".global_scale")) {
        MINERVA_ASSIGN(const auto value, checkpoint_.floats(*global));
        if (value.size() == 1) matrix.global_scale = value[0];
      }
      return matrix;
    }
    const auto type = scalar_type(scales.dtype);
    MINERVA_ASSIGN(const TensorView* biases, checkpoint_.require(name + ".biases"));
    if (!type || biases->shape != scales.shape || biases->dtype != scales.dtype) {
      return wrong_shape(*biases, shape_text(scales.shape));
    }
    MINERVA_ASSIGN(const TensorView bias_data, checkpoint_.contiguous(*biases));
    matrix.type = WeightType::MlxAffine;
    matrix.biases = bias_data.data;
    matrix.scale_type = *type;
    matrix.scale_stride = scales.shape[1] * scalar_bytes(*type);
    return matrix;
  }

  const DecoderSpec& spec_;
  Checkpoint& checkpoint_;
  int layer_ = 0;
  int expert_ = 0;
  std::string left_out_;
  std::uint64_t owned_bytes_ = 0;
};

Result<Mlp> bind_mlp(Binder& binder, const DecoderSpec& spec, const std::string& gate, const std::string& up,
                     const std::string& gate_up, const std::string& down, std::int64_t width) {
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

Result<Norm> bind_qk_norm(Binder& binder, const DecoderSpec& spec, const std::string& pattern, int heads) {
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

Result<void> bind_latent(Binder& binder, const DecoderSpec& spec, LayerWeights& w) {
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

Result<void> bind_recurrent(Binder& binder, const DecoderSpec& spec, MixerKind kind, RecurrentWeights& w) {
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

Result<void> bind_attention(Binder& binder, const DecoderSpec& spec, LayerWeights& w) {
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

Result<void> bind_experts(Binder& binder, const DecoderSpec& spec, int layer, LayerWeights& w) {
  const TensorNames& n = spec.names;
  MINERVA_ASSIGN(w.router, binder.linear(n.router, spec.experts.count, spec.hidden));
  for (int e = 0; e < spec.experts.count; ++e) {
    binder.at(layer, e);
    if (!n.stacked_gate_up.empty()) {
      Mlp expert;
      const std::int64_t width = spec.experts.intermediate;
      MINERVA_ASSIGN(expert.gate, binder.stacked(n.stacked_gate_up, 0, 2, width, spec.hidden));
      MINERVA_ASSIGN(expert.up, binder.stacked(n.stacked_gate_up, 1, 2, width, spec.hidden));
      MINERVA_ASSIGN(expert.down, binder.stacked(n.stacked_down, 0, 1, spec.hidden, width));
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

Result<LayerWeights> bind_layer(Binder& binder, const DecoderSpec& spec, int layer) {
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
  Binder binder(spec, *checkpoint);
  binder.find_prefix();
  DecoderWeights weights;
  const std::int64_t width = spec.embedding_width > 0 ? spec.embedding_width : spec.hidden;
  MINERVA_ASSIGN(weights.embedding, binder.linear(spec.names.embedding, spec.vocabulary, width));
  MINERVA_ASSIGN(weights.project_in, binder.linear(spec.names.project_in, spec.hidden, width));
  MINERVA_ASSIGN(weights.project_out, binder.linear(spec.names.project_out, width, spec.hidden));
  if (spec.positions == PositionKind::Learned) {
    MINERVA_ASSIGN(weights.position_embedding,
                   binder.linear(spec.names.position_embedding,
                                 std::int64_t{spec.context_length} + spec.position_offset, spec.hidden));
  }
  MINERVA_ASSIGN(weights.embedding_norm, binder.norm(spec.names.embedding_norm, spec.hidden));
  MINERVA_ASSIGN(weights.output_norm, binder.norm(spec.names.output_norm, spec.hidden));
  // A head that is tied in config.json may still be stored; the embedding is what transformers uses then.
  const bool tied = spec.tied_head || !binder.has(spec.names.head);
  if (tied && !spec.tied_head) {
    MINERVA_TRY(checkpoint->require(spec.names.head + ".weight"));
  }
  MINERVA_ASSIGN(weights.head,
                 binder.linear(tied ? spec.names.embedding : spec.names.head, spec.vocabulary, width));
  for (int layer = 0; layer < spec.layer_count; ++layer) {
    MINERVA_ASSIGN(LayerWeights w, bind_layer(binder, spec, layer));
    weights.layers.push_back(std::move(w));
    if (progress && !progress(static_cast<float>(layer + 1) / static_cast<float>(spec.layer_count))) {
      return fail(ErrorCode::Cancelled, "loading was cancelled", "Load the model again.");
    }
  }
  weights.owned_bytes = binder.owned_bytes();
  weights.checkpoint = std::move(checkpoint);
  return weights;
}

}  // namespace minerva::native
