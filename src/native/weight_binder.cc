#include "native/weight_binder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/mapping.h"
#include "tensor/dtype.h"
#include "tensor/to_float.h"

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

std::unexpected<Error> wrong_shape(const TensorView& tensor, std::string_view expected) {
  return model_loading(fmt::format("'{}': tensor '{}' has shape {} where {} was expected", tensor.file,
                                   tensor.name, shape_text(tensor.shape), expected),
                       kCheckFiles);
}

float softplus(float x) {
  return x > 20 ? x : std::log1p(std::exp(x));
}

}  // namespace

bool is_no_weight(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 5> kEndings = {".rotary_emb.inv_freq", ".attention.masked_bias",
                                                        ".attention.bias", ".attn.bias", ".attn.masked_bias"};
  return std::ranges::any_of(kEndings, [&](std::string_view ending) { return name.ends_with(ending); });
}

// Files saved from the model without its head leave out the first part of each name ("transformer.").
WeightBinder::WeightBinder(const DecoderSpec& spec, Checkpoint& checkpoint)
    : spec_(spec), checkpoint_(checkpoint) {
  for (const std::string* name : {&spec_.names.embedding, &spec_.names.output_norm}) {
    if (name->empty() || has(*name)) continue;
    const std::string prefix = name->substr(0, name->find('.') + 1);
    if (find(name->substr(prefix.size()) + ".weight") != nullptr) left_out_ = prefix;
  }
}

void WeightBinder::at(int layer, int expert) noexcept {
  layer_ = layer;
  expert_ = expert;
}

std::string WeightBinder::path(const std::string& pattern) const {
  std::string name = replaced(replaced(pattern, "{}", layer_), "{e}", expert_);
  return name.starts_with(left_out_) ? name.substr(left_out_.size()) : name;
}

bool WeightBinder::has(const std::string& pattern) const {
  return !pattern.empty() && find(path(pattern) + ".weight") != nullptr;
}

const TensorView* WeightBinder::find(std::string_view name) const {
  const TensorView* tensor = checkpoint_.find(name);
  if (tensor != nullptr) read_.insert(tensor->name);
  return tensor;
}

Result<const TensorView*> WeightBinder::require(std::string_view name) const {
  if (const TensorView* tensor = find(name)) return tensor;
  return checkpoint_.require(name);
}

std::vector<std::string_view> WeightBinder::unread() const {
  std::vector<std::string_view> names;
  for (const TensorView& tensor : checkpoint_.tensors()) {
    if (!read_.contains(tensor.name) && !is_no_weight(tensor.name)) names.push_back(tensor.name);
  }
  return names;
}

bool WeightBinder::may_have_bias(const std::string& pattern) const {
  const TensorNames& n = spec_.names;
  const auto is_one_of = [&](std::initializer_list<const std::string*> names) {
    return std::ranges::any_of(names, [&](const std::string* name) { return *name == pattern; });
  };
  const BiasSpec& biases = spec_.biases;
  if (is_one_of({&n.q, &n.k, &n.v, &n.qkv})) return biases.qkv;
  if (is_one_of({&n.gate, &n.up, &n.gate_up, &n.down, &n.shared_gate, &n.shared_up, &n.shared_down})) {
    return biases.mlp;
  }
  if (is_one_of({&n.q_a, &n.kv_a})) return biases.latent;
  if (is_one_of({&n.mixer_in, &n.mixer_out})) return biases.mixer;
  if (is_one_of({&n.stacked_gate, &n.stacked_up, &n.stacked_down})) return biases.experts;
  return (pattern == n.o && biases.o) || (pattern == n.router && biases.router) ||
         (pattern == n.head && biases.head);
}

Result<TensorView> WeightBinder::part(const TensorView& tensor, bool stacked) const {
  TensorView part = tensor;
  if (!stacked) return part;
  if (tensor.shape.size() < 2 || tensor.shape[0] != spec_.experts.count || !tensor.contiguous()) {
    return wrong_shape(tensor, fmt::format("[{}, ...]", spec_.experts.count));
  }
  part.bytes /= static_cast<std::uint64_t>(spec_.experts.count);
  part.data += part.bytes * static_cast<std::uint64_t>(expert_);
  part.shape.erase(part.shape.begin());
  part.strides.erase(part.strides.begin());
  return part;
}

Result<TensorView> WeightBinder::require(const std::string& name, bool stacked) const {
  MINERVA_ASSIGN(const TensorView* stored, require(name));
  MINERVA_ASSIGN(const TensorView tensor, checkpoint_.single_precision(*stored));
  return part(tensor, stacked);
}

Result<std::vector<float>> WeightBinder::vector(const std::string& name, std::int64_t size) const {
  MINERVA_ASSIGN(const TensorView* tensor, require(name));
  if (tensor->elements() != size) return wrong_shape(*tensor, fmt::format("[{}]", size));
  return checkpoint_.floats(*tensor);
}

Result<Norm> WeightBinder::norm(const std::string& pattern, std::int64_t size) const {
  Norm norm;
  if (pattern.empty()) return norm;
  const std::string name = path(pattern);
  MINERVA_ASSIGN(norm.weight, vector(name + ".weight", size));
  if (spec_.biases.norms && find(name + ".bias") != nullptr) {
    MINERVA_ASSIGN(norm.bias, vector(name + ".bias", size));
  }
  return norm;
}

Result<Norm> WeightBinder::head_norms(const std::string& pattern, int heads) const {
  if (pattern.find("{h}") == std::string::npos) return norm(pattern, std::int64_t{heads} * spec_.head_dim);
  Norm all;
  for (int h = 0; h < heads; ++h) {
    MINERVA_ASSIGN(const auto one, vector(path(replaced(pattern, "{h}", h)) + ".weight", spec_.head_dim));
    all.weight.insert(all.weight.end(), one.begin(), one.end());
  }
  return all;
}

Result<Linear> WeightBinder::linear(const std::string& pattern, std::int64_t rows, std::int64_t cols) {
  return bind(pattern, false, rows, cols);
}

Result<Linear> WeightBinder::embedding(std::int64_t rows, std::int64_t cols) {
  const bool as_head = spec_.tied_head && !has(spec_.names.embedding) && has(spec_.names.head);
  return linear(as_head ? spec_.names.head : spec_.names.embedding, rows, cols);
}

Result<Linear> WeightBinder::head(std::int64_t rows, std::int64_t cols) {
  const std::string& name = spec_.names.head;
  if (!spec_.tied_head || has(name)) return linear(name, rows, cols);
  MINERVA_ASSIGN(Linear tied, linear(spec_.names.embedding, rows, cols));
  const std::string bias = path(name) + ".bias";
  if (spec_.biases.head && find(bias) != nullptr) {
    MINERVA_ASSIGN(tied.bias, vector(bias, rows));
  }
  return tied;
}

Result<Linear> WeightBinder::expert(const std::string& pattern, std::int64_t rows, std::int64_t cols) {
  return bind(pattern, true, rows, cols);
}

Result<Linear> WeightBinder::bind(const std::string& pattern, bool stacked, std::int64_t rows,
                                  std::int64_t cols) {
  Linear linear;
  if (pattern.empty()) return linear;
  const std::string name = path(pattern);
  MINERVA_ASSIGN(const TensorView weight, require(name + ".weight", stacked));
  const bool turned = spec_.transposed && pattern != spec_.names.embedding &&
                      pattern != spec_.names.position_embedding && pattern != spec_.names.head;
  if (find(name + ".scales") != nullptr) {
    MINERVA_ASSIGN(linear.weight, mlx(name, stacked, weight, rows, cols));
  } else if (find(name + ".weight_scale_inv") != nullptr) {
    MINERVA_ASSIGN(const TensorView scales, require(name + ".weight_scale_inv", stacked));
    MINERVA_ASSIGN(linear.weight, fp8(weight, scales, rows, cols));
  } else if (turned) {
    MINERVA_ASSIGN(linear, transposed(weight, rows, cols));
  } else {
    MINERVA_ASSIGN(linear.weight, plain(weight, rows, cols));
  }
  MINERVA_TRY(check_weight(linear.weight, name));
  if (!may_have_bias(pattern) || find(name + ".bias") == nullptr) return linear;
  MINERVA_ASSIGN(const TensorView bias, require(name + ".bias", stacked));
  if (bias.elements() != rows) return wrong_shape(bias, fmt::format("[{}]", rows));
  MINERVA_ASSIGN(linear.bias, checkpoint_.floats(bias));
  return linear;
}

Result<Linear> WeightBinder::interleaved_expert(const std::string& pattern, int first, int step,
                                                std::int64_t rows, std::int64_t cols) {
  const std::string name = path(pattern);
  Linear linear;
  const std::int64_t file_rows = rows * step;
  if (find(name + "_blocks") != nullptr) {
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

Result<Convolution> WeightBinder::convolution() const {
  const RecurrentSpec& r = spec_.recurrent;
  Convolution convolution{.taps = r.taps, .channels = r.channels};
  const std::string name = path(spec_.names.convolution);
  MINERVA_ASSIGN(const TensorView* tensor, require(name + ".weight"));
  // MLX turns it round, and adds 1 to the norms of models with a delta rule: that is not read.
  const std::array published = {std::int64_t{r.channels}, std::int64_t{1}, std::int64_t{r.taps}};
  if (r.value_heads > 0 && !std::ranges::equal(tensor->shape, published)) {
    return wrong_shape(*tensor, shape_text(published));
  }
  MINERVA_ASSIGN(const auto stored, vector(name + ".weight", std::int64_t{r.taps} * r.channels));
  convolution.weight.resize(stored.size());
  for (std::size_t i = 0; i < stored.size(); ++i) {
    const auto taps = static_cast<std::size_t>(r.taps);
    convolution.weight[i % taps * static_cast<std::size_t>(r.channels) + i / taps] = stored[i];
  }
  if (spec_.biases.mixer && find(name + ".bias") != nullptr) {
    MINERVA_ASSIGN(convolution.bias, vector(name + ".bias", r.channels));
  }
  return convolution;
}

Result<kernels::ActivationParameters> WeightBinder::activation() const {
  kernels::ActivationParameters parameters = spec_.activation_parameters;
  if (!spec_.learned_activation) return parameters;
  const std::string name = path(spec_.names.activation);
  if (spec_.activation == kernels::Activation::LeakyRelu) {
    MINERVA_ASSIGN(const auto slope, vector(name + ".weight", 1));
    parameters.slope = slope[0];
    return parameters;
  }
  const auto rounded = [&](float x) {
    return spec_.activation_in_float ? x : bfloat16_to_float(float_to_bfloat16(x));
  };
  for (const auto& [field, value] : {std::pair{".beta", &parameters.beta}, {".eps", &parameters.eps}}) {
    if (find(name + field) == nullptr) continue;
    MINERVA_ASSIGN(const auto stored, vector(name + field, 1));
    *value = rounded(stored[0]);
  }
  MINERVA_ASSIGN(const auto positive, vector(name + ".alpha_p", 1));
  MINERVA_ASSIGN(const auto negative, vector(name + ".alpha_n", 1));
  parameters.alpha_p = rounded(softplus(rounded(positive[0])));
  parameters.alpha_n = rounded(parameters.beta + rounded(softplus(rounded(negative[0]))));
  return parameters;
}

Result<WeightMatrix> WeightBinder::stacked_mxfp4(const std::string& name, int first, int step,
                                                 std::int64_t file_rows, std::int64_t cols) {
  MINERVA_ASSIGN(const TensorView* blocks, require(name + "_blocks"));
  MINERVA_ASSIGN(const TensorView* scales, require(name + "_scales"));
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

Result<Linear> WeightBinder::stacked_transposed(const std::string& name, int first, int step,
                                                std::int64_t file_rows, std::int64_t cols) {
  MINERVA_ASSIGN(TensorView view, require(name, false));
  const std::array wanted = {std::int64_t{spec_.experts.count}, cols, file_rows};
  if (!std::ranges::equal(view.shape, wanted)) return wrong_shape(view, shape_text(wanted));
  const std::int64_t width = view.dtype == DType::F32 ? 4 : 2;
  view.data += (expert_ * view.strides[0] + first * view.strides[2]) * width;
  view.shape = {cols, file_rows / step};
  view.strides = {view.strides[1], step * view.strides[2]};
  return transposed(view, file_rows / step, cols);
}

Result<WeightMatrix> WeightBinder::plain(const TensorView& tensor, std::int64_t rows, std::int64_t cols) {
  const std::array wanted = {rows, cols};
  // A GGUF keeps a matrix of one row as a vector.
  const bool vector = rows == 1 && tensor.shape.size() == 1 && tensor.shape[0] == cols;
  if (!vector && !std::ranges::equal(tensor.shape, wanted)) return wrong_shape(tensor, shape_text(wanted));
  const auto type = plain_type(tensor);
  if (!type) {
    return model_loading(
        fmt::format("'{}': tensor '{}' is stored as {}, which the native backend does not compute",
                    tensor.file, tensor.name, tensor.type_name()),
        "Use the model in BF16, F16, F32, an MLX quantisation or as GGUF.");
  }
  MINERVA_ASSIGN(const TensorView tight, checkpoint_.contiguous(tensor));
  return dense_weight(*type, rows, cols, tight.data);
}

// [in, out] as stored, made [out, in].
Result<Linear> WeightBinder::transposed(const TensorView& tensor, std::int64_t rows, std::int64_t cols) {
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
  const std::int64_t width = tensor.dtype == DType::F32 ? 4 : 2;
  Linear linear;
  linear.owned.resize(static_cast<std::size_t>(rows * cols * width));
  owned_bytes_ += linear.owned.size();
  copy_contiguous(turned, linear.owned.data());
  const std::int64_t last = (cols - 1) * tensor.strides[0] + (rows - 1) * tensor.strides[1];
  release_pages({tensor.data, static_cast<std::size_t>((last + 1) * width)});  // held once, not twice
  linear.weight = dense_weight(*type, rows, cols, linear.owned.data());
  return linear;
}

// A scale for each block of `weight_block_size`; the last blocks may be cut.
Result<WeightMatrix> WeightBinder::fp8(const TensorView& weight, const TensorView& scales, std::int64_t rows,
                                       std::int64_t cols) {
  const std::array wanted = {rows, cols};
  if (!std::ranges::equal(weight.shape, wanted)) return wrong_shape(weight, shape_text(wanted));
  if (weight.dtype != DType::F8_E4M3) {
    return model_loading(
        fmt::format("'{}': tensor '{}' has block scales but is stored as {} instead of F8_E4M3", weight.file,
                    weight.name, weight.type_name()),
        kCheckFiles);
  }
  const std::int64_t block_rows = spec_.fp8_block_rows;
  const std::int64_t block_cols = spec_.fp8_block_cols;
  const std::array blocks = {(rows + block_rows - 1) / block_rows, (cols + block_cols - 1) / block_cols};
  const auto type = scalar_type(scales.dtype);
  if (!type || !std::ranges::equal(scales.shape, blocks)) {
    return wrong_shape(scales, fmt::format("{} of F32, F16 or BF16", shape_text(blocks)));
  }
  MINERVA_ASSIGN(const TensorView data, checkpoint_.contiguous(weight));
  MINERVA_ASSIGN(const TensorView scale_data, checkpoint_.contiguous(scales));
  return WeightMatrix{.type = WeightType::Fp8,
                      .rows = rows,
                      .cols = cols,
                      .data = data.data,
                      .row_stride = cols,
                      .scales = scale_data.data,
                      .scale_type = *type,
                      .scale_stride = blocks[1] * scalar_bytes(*type),
                      .block_rows = block_rows,
                      .block_cols = block_cols};
}

// MLX: what group and width are is seen from the shapes (group = K / scales, bits = 32 words / K).
Result<WeightMatrix> WeightBinder::mlx(const std::string& name, bool stacked, const TensorView& weight,
                                       std::int64_t rows, std::int64_t cols) {
  MINERVA_ASSIGN(const TensorView scales, require(name + ".scales", stacked));
  if (scales.shape.size() != 2 || scales.shape[0] != rows || scales.shape[1] < 1 ||
      cols % scales.shape[1] != 0) {
    return wrong_shape(scales, fmt::format("[{}, a part of {}]", rows, cols));
  }
  if (weight.shape.size() != 2 || weight.shape[0] != rows || weight.shape[1] * 32 % cols != 0 ||
      weight.dtype != DType::U32) {
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
    if (find(name + ".global_scale") != nullptr) {
      MINERVA_ASSIGN(const TensorView global, require(name + ".global_scale", stacked));
      MINERVA_ASSIGN(const auto value, checkpoint_.floats(global));
      if (value.size() == 1) matrix.global_scale = value[0];
    }
    return matrix;
  }
  const auto type = scalar_type(scales.dtype);
  if (!type) {
    return model_loading(fmt::format("'{}': tensor '{}' is stored as {}, where scales were expected",
                                     scales.file, scales.name, scales.type_name()),
                         kCheckFiles);
  }
  MINERVA_ASSIGN(const TensorView biases, require(name + ".biases", stacked));
  if (biases.shape != scales.shape || biases.dtype != scales.dtype) {
    return wrong_shape(biases, shape_text(scales.shape));
  }
  MINERVA_ASSIGN(const TensorView bias_data, checkpoint_.contiguous(biases));
  matrix.type = WeightType::MlxAffine;
  matrix.biases = bias_data.data;
  matrix.scale_type = *type;
  matrix.scale_stride = scales.shape[1] * scalar_bytes(*type);
  return matrix;
}

}  // namespace minerva::native
