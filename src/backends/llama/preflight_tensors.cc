#include "backends/llama/preflight_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "formats/quote.h"

namespace minerva {
namespace {

using gguf::TensorInfo;

/// What a tensor is for decides which types will do.
enum class Role : std::uint8_t {
  Matrix,  ///< weights of a matrix product: any type that has one
  Vector,  ///< added or multiplied element by element: F32
};

/// The tensors of the reviewed architectures, by the name's part after "blk.N.".
struct KnownTensor {
  std::string_view name;
  Role role;
};
constexpr auto kInLayer = std::to_array<KnownTensor>({
    {"attn_norm.weight", Role::Vector},
    {"attn_norm.bias", Role::Vector},
    {"attn_norm_2.weight", Role::Vector},
    {"attn_norm_2.bias", Role::Vector},
    {"attn_q.weight", Role::Matrix},
    {"attn_q.bias", Role::Vector},
    {"attn_k.weight", Role::Matrix},
    {"attn_k.bias", Role::Vector},
    {"attn_v.weight", Role::Matrix},
    {"attn_v.bias", Role::Vector},
    {"attn_qkv.weight", Role::Matrix},
    {"attn_qkv.bias", Role::Vector},
    {"attn_output.weight", Role::Matrix},
    {"attn_output.bias", Role::Vector},
    {"attn_q_norm.weight", Role::Vector},
    {"attn_k_norm.weight", Role::Vector},
    {"post_attention_norm.weight", Role::Vector},
    {"post_ffw_norm.weight", Role::Vector},
    {"ffn_norm.weight", Role::Vector},
    {"ffn_norm.bias", Role::Vector},
    {"ffn_gate.weight", Role::Matrix},
    {"ffn_gate.bias", Role::Vector},
    {"ffn_up.weight", Role::Matrix},
    {"ffn_up.bias", Role::Vector},
    {"ffn_down.weight", Role::Matrix},
    {"ffn_down.bias", Role::Vector},
    {"ffn_gate_inp.weight", Role::Matrix},
    {"ffn_gate_exps.weight", Role::Matrix},
    {"ffn_up_exps.weight", Role::Matrix},
    {"ffn_down_exps.weight", Role::Matrix},
    {"ffn_gate_inp_shexp.weight", Role::Vector},
    {"ffn_gate_shexp.weight", Role::Matrix},
    {"ffn_up_shexp.weight", Role::Matrix},
    {"ffn_down_shexp.weight", Role::Matrix},
});
constexpr auto kOutside = std::to_array<KnownTensor>({
    {"token_embd.weight", Role::Matrix},
    {"position_embd.weight", Role::Matrix},
    {"output_norm.weight", Role::Vector},
    {"output_norm.bias", Role::Vector},
    {"output.weight", Role::Matrix},
    {"output.bias", Role::Vector},
    {"rope_freqs.weight", Role::Vector},
    {"rope_factors_long.weight", Role::Vector},
    {"rope_factors_short.weight", Role::Vector},
});

bool has_matrix_product(GgmlType type) noexcept {
  switch (type) {
    case GgmlType::I8:
    case GgmlType::I16:
    case GgmlType::I32:
    case GgmlType::I64:
    case GgmlType::F64:
    case GgmlType::Q8_1:
    case GgmlType::Q8_K:
      return false;
    default:
      return true;
  }
}

template <std::size_t N>
const KnownTensor* find_in(const std::array<KnownTensor, N>& table, std::string_view name) {
  const auto found = std::ranges::find(table, name, &KnownTensor::name);
  return found == table.end() ? nullptr : &*found;
}

const KnownTensor* find_known(std::string_view name) {
  if (!name.starts_with("blk.")) return find_in(kOutside, name);
  const std::size_t dot = name.find('.', 4);
  return dot == std::string_view::npos ? nullptr : find_in(kInLayer, name.substr(dot + 1));
}

std::unexpected<Error> bad(const gguf::File& file, const TensorInfo& tensor, std::string_view what) {
  return model_loading(fmt::format("'{}': tensor {} {}", file.name(), quoted(tensor.name), what),
                       kDownloadAgain);
}

Result<void> check_type(const gguf::File& file, const TensorInfo& tensor, const KnownTensor* known) {
  const std::string_view type = ggml_type_traits(tensor.type).name;
  if (known != nullptr && known->role == Role::Vector) {
    if (tensor.type == GgmlType::F32) return {};
    return bad(file, tensor, fmt::format("has type {}, expected F32", type));
  }
  const bool is_index = tensor.type == GgmlType::I32 && known == nullptr;  // some architectures have tables
  if (has_matrix_product(tensor.type) || is_index) return {};
  return bad(file, tensor, fmt::format("has type {}, which llama.cpp does not compute with", type));
}

// The two whose shape everything else hangs on; libllama checks the others against the same numbers.
Result<void> check_embedding(const gguf::File& file, const TensorInfo& tensor,
                             const HyperParameters& parameters) {
  const bool fits = tensor.dims[0] == parameters.embedding_length &&
                    (parameters.vocabulary_size == 0 || tensor.dims[1] == parameters.vocabulary_size) &&
                    tensor.dims[2] == 1 && tensor.dims[3] == 1;
  if (fits) return {};
  return bad(
      file, tensor,
      fmt::format("has the shape {} x {}, expected {} x {} (embedding_length x tokens)", tensor.dims[0],
                  tensor.dims[1], parameters.embedding_length, parameters.vocabulary_size));
}

// The layer a tensor belongs to must exist.
Result<void> check_layer(const gguf::File& file, const TensorInfo& tensor,
                         const HyperParameters& parameters) {
  const std::string_view name = tensor.name;
  if (!name.starts_with("blk.")) return {};
  std::uint64_t layer = 0;
  std::size_t i = 4;
  while (i < name.size() && name[i] >= '0' && name[i] <= '9' && i < 4 + 6)
    layer = layer * 10 + static_cast<std::uint64_t>(name[i++] - '0');
  if (i > 4 && i < name.size() && name[i] == '.' && layer >= parameters.block_count)
    return bad(file, tensor, fmt::format("belongs to layer {} of {}", layer, parameters.block_count));
  return {};
}

}  // namespace

Result<TensorCheck> check_tensors(const gguf::Model& model, const HyperParameters& parameters) {
  TensorCheck result;
  bool has_embedding = false;
  std::size_t count = 0;
  for (const gguf::File& file : model.files) {
    for (const TensorInfo& tensor : file.tensors()) {
      const KnownTensor* const known = find_known(tensor.name);
      if (known == nullptr) result.all_known = false;
      MINERVA_TRY(check_type(file, tensor, known));
      MINERVA_TRY(check_layer(file, tensor, parameters));
      if (tensor.name == "token_embd.weight") {
        has_embedding = true;
        MINERVA_TRY(check_embedding(file, tensor, parameters));
      }
      ++count;
    }
  }
  if (count == 0) {
    return model_loading(fmt::format("'{}' holds no tensors, only a vocabulary", model.first().name()),
                         "Use a GGUF with the model's weights.");
  }
  if (!has_embedding) result.all_known = false;
  return result;
}

}  // namespace minerva
