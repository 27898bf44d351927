#include "native/weights.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <utility>

#include "tensor/dtype.h"

namespace minerva::native {
namespace {

constexpr const char* kCheckFiles =
    "Check config.json (or the GGUF's keys) against the weights, or download the model again.";

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
    return replaced(replaced(pattern, "{}", layer_), "{e}", expert_);
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

  // The norms of each head, one tensor after the other.
  Result<Norm> head_norms(const std::string& pattern, int heads) {
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

  // Matrix `index` of `count` that lie in one tensor.
  Result<Linear> stacked(const std::string& pattern, int index, int count, std::int64_t rows,
                         std::int64_t cols) {
    const std::string name = path(pattern);
    MINERVA_ASSIGN(const TensorView* tensor, checkpoint_.require(name + ".weight"));
    const std::array wanted = {std::int64_t{count}, rows, cols};
    if (!std::ranges::equal(tensor->shape, wanted)) return wrong_shape(*tensor, shape_text(wanted));
    MINERVA_ASSIGN(const WeightType type, computed_type(*tensor));
    MINERVA_ASSIGN(const TensorView tight, checkpoint_.contiguous(*tensor));
    Linear linear;
    linear.weight = dense_weight(type, rows, cols, tight.data);
    MINERVA_TRY(check_weight(linear.weight, name));
    linear.weight.data += index * rows * linear.weight.row_stride;
    return linear;
  }

  std::uint64_t owned_bytes() const noexcept { return owned_bytes_; }

 private:
  static std::unexpected<Error> wrong_shape(const TensorView& tensor, std::string_view expected) {
    return model_loading(fmt::format("'{}': tensor '{}' has shape {} where {} was expected", tensor.file,
                                     tensor.name, shape_text(tensor.shape), expected),
                         kCheckFiles);
  }

  Result<WeightMatrix> plain(const TensorView& tensor, std::int64_t rows, std::int64_t cols) {
    const std::array wanted = {rows, cols};
    // A GGUF keeps a matrix of one row as a vector.
    const bool vector = rows == 1 && tensor.shape.size() == 1 && tensor.shape[0] == cols;
    if (!vector && !std::ranges::equal(tensor.shape, wanted)) return wrong_shape(tensor, shape_text(wanted));
    MINERVA_ASSIGN(const WeightType type, computed_type(tensor));
    MINERVA_ASSIGN(const TensorView tight, checkpoint_.contiguous(tensor));
    return dense_weight(type, rows, cols, tight.data);
  }

  static Result<WeightType> computed_type(const TensorView& tensor) {
    if (const auto type = plain_type(tensor)) return *type;
    return model_loading(
        fmt::format("'{}': tensor '{}' is stored as {}, which the native backend does not compute",
                    tensor.file, tensor.name, tensor.type_name()),
        "Use the model in BF16, F16, F32, an MLX quantisation or as GGUF.");
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
  std::uint64_t owned_bytes_ = 0;
};

// One expert out of tensors that hold all of them.
Result<Mlp> bind_stacked_expert(Binder& binder, const DecoderSpec& spec, int expert) {
  const ExpertsSpec& e = spec.experts;
  Mlp mlp;
  MINERVA_ASSIGN(mlp.gate,
                 binder.stacked(spec.names.stacked_gate, expert, e.count, e.intermediate, spec.hidden));
  MINERVA_ASSIGN(mlp.up, binder.stacked(spec.names.stacked_up, expert, e.count, e.intermediate, spec.hidden));
  MINERVA_ASSIGN(mlp.down,
                 binder.stacked(spec.names.stacked_down, expert, e.count, spec.hidden, e.intermediate));
  return mlp;
}

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

Result<void> bind_attention(Binder& binder, const DecoderSpec& spec, LayerWeights& w) {
  const std::int64_t q = std::int64_t{spec.heads} * spec.head_dim;
  const std::int64_t k = std::int64_t{spec.kv_heads} * spec.head_dim;
  const std::int64_t v = std::int64_t{spec.kv_heads} * spec.value_dim;
  if (spec.qkv == QkvLayout::Separate) {
    MINERVA_ASSIGN(w.q, binder.linear(spec.names.q, q, spec.hidden));
    MINERVA_ASSIGN(w.k, binder.linear(spec.names.k, k, spec.hidden));
    MINERVA_ASSIGN(w.v, binder.linear(spec.names.v, v, spec.hidden));
  } else {
    MINERVA_ASSIGN(w.qkv, binder.linear(spec.names.qkv, q + k + v, spec.hidden));
  }
  MINERVA_ASSIGN(w.o, binder.linear(spec.names.o, spec.hidden, std::int64_t{spec.heads} * spec.value_dim));
  MINERVA_ASSIGN(w.q_norm, bind_qk_norm(binder, spec, spec.names.q_norm, spec.heads));
  MINERVA_ASSIGN(w.k_norm, bind_qk_norm(binder, spec, spec.names.k_norm, spec.kv_heads));
  return {};
}

Result<void> bind_experts(Binder& binder, const DecoderSpec& spec, int layer, LayerWeights& w) {
  const TensorNames& n = spec.names;
  MINERVA_ASSIGN(w.router, binder.linear(n.router, spec.experts.count, spec.hidden));
  for (int e = 0; e < spec.experts.count; ++e) {
    binder.at(layer, e);
    if (n.expert_up.empty()) {
      MINERVA_ASSIGN(Mlp expert, bind_stacked_expert(binder, spec, e));
      w.experts.push_back(std::move(expert));
      continue;
    }
    MINERVA_ASSIGN(Mlp expert, bind_mlp(binder, spec, n.expert_gate, n.expert_up, "", n.expert_down,
                                        spec.experts.intermediate));
    w.experts.push_back(std::move(expert));
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
  MINERVA_TRY(bind_attention(binder, spec, w));
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
  DecoderWeights weights;
  MINERVA_ASSIGN(weights.embedding, binder.linear(spec.names.embedding, spec.vocabulary, spec.hidden));
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
                 binder.linear(tied ? spec.names.embedding : spec.names.head, spec.vocabulary, spec.hidden));
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
