#include "convert/tensor_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <numbers>
#include <optional>
#include <unordered_set>
#include <utility>

#include "formats/quote.h"
#include "native/weight_binder.h"

namespace minerva::convert {
namespace {

using native::DecoderSpec;
using native::RotaryKind;
using native::WeightBinder;

constexpr std::int64_t kQ8Block = 32;
constexpr const char* kRunNative = "Run the directory with the native backend.";

/// Of what lies beside a weight, the module's name.
std::string_view module_of(std::string_view name) {
  return name.substr(0, name.rfind('.'));
}

/// The factors by which llama3's rotation divides its frequencies, in transformers' float32 steps.
std::vector<float> llama3_factors(const native::RotarySpec& rotary) {
  std::vector<float> factors;
  const double original = rotary.original_positions;
  const double low_wavelength = original / rotary.low_freq_factor;
  const double high_wavelength = original / rotary.high_freq_factor;
  for (int i = 0; i < rotary.dims; i += 2) {
    const float exponent = static_cast<float>(i) / static_cast<float>(rotary.dims);
    const float frequency = 1.0F / std::pow(rotary.theta, exponent);
    const float wavelength = static_cast<float>(2 * std::numbers::pi) / frequency;
    if (wavelength < high_wavelength) {
      factors.push_back(1);
    } else if (wavelength > low_wavelength) {
      factors.push_back(rotary.factor);
    } else {
      const float smooth = (static_cast<float>(original) / wavelength - rotary.low_freq_factor) /
                           (rotary.high_freq_factor - rotary.low_freq_factor);
      factors.push_back(1 / ((1 - smooth) / rotary.factor + smooth));
    }
  }
  return factors;
}

GgmlType stored_type(const native::Linear& matrix) {
  switch (matrix.weight.type) {
    case minerva::WeightType::F32:
      return GgmlType::F32;
    case minerva::WeightType::F16:
      return GgmlType::F16;
    case minerva::WeightType::MlxAffine:  // what its scales are in is what it was made from
      return matrix.weight.scale_type == ScalarType::F16 ? GgmlType::F16 : GgmlType::BF16;
    default:
      return GgmlType::BF16;
  }
}

class Planner {
 public:
  Planner(const Source& source, std::shared_ptr<Checkpoint> checkpoint, WeightType type)
      : family_(*source.family),
        spec_(source.spec),
        type_(type),
        checkpoint_(std::move(checkpoint)),
        binder_(spec_, *checkpoint_) {}

  Result<TensorPlan> run() {
    MINERVA_TRY(rotary_factors());
    MINERVA_ASSIGN(native::Linear embedding, binder_.embedding(spec_.vocabulary, spec_.hidden));
    use(spec_.names.embedding);
    MINERVA_TRY(add_matrix(std::move(embedding), "token_embd", {}));
    MINERVA_TRY(positions());
    for (int layer = 0; layer < spec_.layer_count; ++layer) MINERVA_TRY(block(layer));
    MINERVA_TRY(norm(spec_.names.output_norm, "output_norm", spec_.hidden));
    MINERVA_TRY(head());
    MINERVA_TRY(nothing_left());
    note_biases();
    plan_.main_type = main_type();
    plan_.checkpoint = std::move(checkpoint_);
    return std::move(plan_);
  }

 private:
  struct Traits {
    bool bias = false;  ///< whether llama.cpp has a place for one
    int pair_heads = 0;
  };

  void add_numbers(std::string name, std::vector<std::uint64_t> dims, std::vector<float> numbers) {
    plan_.tensors.push_back({.header = {.name = std::move(name), .dims = std::move(dims)},
                             .matrix = {},
                             .numbers = std::move(numbers)});
  }
  void add_numbers(std::string name, std::vector<float> numbers) {
    std::vector<std::uint64_t> dims = {numbers.size()};
    add_numbers(std::move(name), std::move(dims), std::move(numbers));
  }

  Result<void> rotary_factors() {
    if (spec_.rotary.empty()) return {};
    const native::RotarySpec& rotary = spec_.rotary.front();
    if (rotary.kind == RotaryKind::Llama3) add_numbers("rope_freqs.weight", llama3_factors(rotary));
    if (rotary.kind == RotaryKind::LongRope) {
      add_numbers("rope_factors_long.weight", rotary.long_factors);
      add_numbers("rope_factors_short.weight", rotary.short_factors);
    }
    return {};
  }

  Result<void> positions() {
    if (spec_.names.position_embedding.empty()) return {};
    const std::int64_t rows = spec_.context_length;
    const std::string name = use(spec_.names.position_embedding);
    MINERVA_ASSIGN(const TensorView* tensor, checkpoint_->require(name + ".weight"));
    const std::array wanted = {rows, std::int64_t{spec_.hidden}};
    if (!std::ranges::equal(tensor->shape, wanted)) {
      return model_loading(fmt::format("'{}': tensor '{}' has shape {} where {} was expected", tensor->file,
                                       tensor->name, shape_text(tensor->shape), shape_text(wanted)),
                           "Check config.json against the weights, or download the model again.");
    }
    MINERVA_ASSIGN(auto numbers, checkpoint_->floats(*tensor));
    add_numbers("position_embd.weight",
                {static_cast<std::uint64_t>(spec_.hidden), static_cast<std::uint64_t>(rows)},
                std::move(numbers));
    return {};
  }

  Result<void> block(int layer) {
    binder_.at(layer);
    prefix_ = fmt::format("blk.{}.", layer);
    const std::int64_t hidden = spec_.hidden;
    const std::int64_t queries = std::int64_t{spec_.heads} * spec_.head_dim;
    const std::int64_t keys = std::int64_t{spec_.kv_heads} * spec_.head_dim;
    const auto& names = spec_.names;
    MINERVA_TRY(norm(names.attention_norm, "attn_norm", hidden));
    if (!names.qkv.empty()) {
      MINERVA_TRY(matrix(names.qkv, "attn_qkv", queries + 2 * keys, hidden, {.bias = may_have_qkv_bias()}));
    } else {
      const int pairs = family_.query_key_pairs ? 1 : 0;
      MINERVA_TRY(
          matrix(names.q, "attn_q", queries, hidden, {.bias = true, .pair_heads = pairs * spec_.heads}));
      MINERVA_TRY(
          matrix(names.k, "attn_k", keys, hidden, {.bias = true, .pair_heads = pairs * spec_.kv_heads}));
      MINERVA_TRY(matrix(names.v, "attn_v", keys, hidden, {.bias = true}));
    }
    MINERVA_TRY(norm(names.q_norm, "attn_q_norm", spec_.head_dim));
    MINERVA_TRY(norm(names.k_norm, "attn_k_norm", spec_.head_dim));
    MINERVA_TRY(matrix(names.o, "attn_output", hidden, queries, {.bias = family_.output_bias}));
    MINERVA_TRY(norm(names.post_attention_norm, "post_attention_norm", hidden));
    MINERVA_TRY(norm(names.mlp_norm, "ffn_norm", hidden));
    MINERVA_TRY(mlp());
    MINERVA_TRY(norm(names.post_mlp_norm, "post_ffw_norm", hidden));
    prefix_.clear();
    return {};
  }

  bool may_have_qkv_bias() const { return spec_.positions == native::PositionKind::Learned; }

  Result<void> mlp() {
    const std::int64_t hidden = spec_.hidden;
    const std::int64_t width = spec_.intermediate;
    const auto& names = spec_.names;
    const Traits traits{.bias = family_.mlp_bias};
    if (!names.gate_up.empty()) {
      MINERVA_TRY(matrix(names.gate_up, "ffn_up", 2 * width, hidden, traits));
    } else {
      MINERVA_TRY(matrix(names.gate, "ffn_gate", width, hidden, traits));
      MINERVA_TRY(matrix(names.up, "ffn_up", width, hidden, traits));
    }
    return matrix(names.down, "ffn_down", hidden, width, traits);
  }

  // A head that says what the embedding says is left out; another one is the model's, tied or not.
  Result<void> head() {
    const std::string module = use(spec_.names.head);
    MINERVA_ASSIGN(native::Linear head, binder_.head(spec_.vocabulary, spec_.hidden));
    if (spec_.tied_head) {
      MINERVA_ASSIGN(const bool same, same_numbers(spec_.names.embedding, spec_.names.head));
      if (same) return {};
      if (!family_.own_head) {
        return invalid_request(
            fmt::format("the model has an output matrix ('{}.weight') other than its embedding, which "
                        "llama.cpp's '{}' does not",
                        module, family_.architecture),
            kRunNative);
      }
    }
    return add_matrix(std::move(head), "output", {});
  }

  // Whether two matrices are one, or one of them is not there.
  Result<bool> same_numbers(const std::string& first, const std::string& second) const {
    const TensorView* a = checkpoint_->find(binder_.path(first) + ".weight");
    const TensorView* b = checkpoint_->find(binder_.path(second) + ".weight");
    if (a == nullptr || b == nullptr) return true;
    if (a->shape != b->shape) return false;
    MINERVA_ASSIGN(const TensorView left, checkpoint_->contiguous(*a));
    MINERVA_ASSIGN(const TensorView right, checkpoint_->contiguous(*b));
    const bool plain = left.dtype == DType::BF16 || left.dtype == DType::F16 || left.dtype == DType::F32;
    return plain && left.dtype == right.dtype && left.bytes == right.bytes &&
           std::memcmp(left.data, right.data, static_cast<std::size_t>(left.bytes)) == 0;
  }

  Result<void> matrix(const std::string& pattern, const std::string& name, std::int64_t rows,
                      std::int64_t columns, Traits traits) {
    if (pattern.empty()) return {};
    const std::string module = use(pattern);
    MINERVA_ASSIGN(native::Linear linear, binder_.linear(pattern, rows, columns));
    if (!linear.bias.empty() && !traits.bias) {
      return invalid_request(
          fmt::format("the model has biases ('{}.bias') that llama.cpp's '{}' does not add", module,
                      family_.architecture),
          kRunNative);
    }
    return add_matrix(std::move(linear), name, traits);
  }

  Result<void> add_matrix(native::Linear linear, const std::string& name, Traits traits) {
    const std::int64_t rows = linear.weight.rows;
    const std::int64_t columns = linear.weight.cols;
    std::vector<float> bias = std::exchange(linear.bias, {});
    PlannedTensor tensor{
        .header = {.name = prefix_ + name + ".weight",
                   .dims = {static_cast<std::uint64_t>(columns), static_cast<std::uint64_t>(rows)},
                   .type = type_of(linear, columns)},
        .matrix = std::move(linear),
        .numbers = {},
        .pair_heads = traits.pair_heads};
    elements_[tensor.header.type] += rows * columns;
    plan_.tensors.push_back(std::move(tensor));
    if (bias.empty()) return {};
    add_numbers(prefix_ + name + ".bias", std::move(bias));
    plan_.tensors.back().pair_heads = traits.pair_heads;
    return {};
  }

  Result<void> norm(const std::string& pattern, const std::string& name, std::int64_t size) {
    if (pattern.empty()) return {};
    use(pattern);
    MINERVA_ASSIGN(native::Norm norm, binder_.norm(pattern, size));
    if (spec_.norm.plus_one) {
      for (float& weight : norm.weight) weight += 1.0F;
    }
    add_numbers(prefix_ + name + ".weight", std::move(norm.weight));
    if (!norm.bias.empty()) add_numbers(prefix_ + name + ".bias", std::move(norm.bias));
    return {};
  }

  GgmlType type_of(const native::Linear& linear, std::int64_t columns) const {
    switch (type_) {
      case WeightType::F32:
        return GgmlType::F32;
      case WeightType::F16:
        return GgmlType::F16;
      case WeightType::BF16:
        return GgmlType::BF16;
      case WeightType::Q8_0:
        return columns % kQ8Block == 0 ? GgmlType::Q8_0 : GgmlType::F16;
      case WeightType::Stored:
        break;
    }
    return stored_type(linear);
  }

  std::string use(const std::string& pattern) {
    std::string module = binder_.path(pattern);
    used_.insert(module);
    return module;
  }

  Result<void> nothing_left() const {
    for (const TensorView& tensor : checkpoint_->tensors()) {
      if (native::is_no_weight(tensor.name) || used_.contains(std::string(module_of(tensor.name)))) continue;
      return invalid_request(fmt::format("'{}': tensor {} belongs to nothing that llama.cpp's '{}' has",
                                         tensor.file, quoted(tensor.name), family_.architecture),
                             "Run the directory with the native backend, or give the model without it.");
    }
    return {};
  }

  // Those of modules that have none in the model: transformers does not load them either.
  void note_biases() {
    const auto names = binder_.unread();
    const auto first = std::ranges::find_if(names, [](auto name) { return name.ends_with(".bias"); });
    if (first == names.end()) return;
    plan_.notes.push_back(fmt::format(
        "biases that config.json says the model does not have are left out, such as {}", quoted(*first)));
  }

  GgmlType main_type() const {
    const auto most = std::ranges::max_element(elements_, {}, [](const auto& entry) { return entry.second; });
    return most == elements_.end() ? GgmlType::F32 : most->first;
  }

  const Family& family_;
  const DecoderSpec& spec_;
  WeightType type_;
  std::shared_ptr<Checkpoint> checkpoint_;
  WeightBinder binder_;
  std::string prefix_;
  std::unordered_set<std::string> used_;
  std::map<GgmlType, std::int64_t> elements_;
  TensorPlan plan_;
};

}  // namespace

Result<TensorPlan> plan_tensors(const Source& source, std::shared_ptr<Checkpoint> checkpoint,
                                WeightType type) {
  return Planner(source, std::move(checkpoint), type).run();
}

}  // namespace minerva::convert
