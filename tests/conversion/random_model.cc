#include "conversion/random_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <memory>

#include "conversion/hf_directory.h"
#include "formats/checkpoint.h"
#include "formats/gguf/file.h"
#include "formats/safetensors/header.h"
#include "minerva/model_description.h"

namespace minerva::testing {
namespace {

// A block of a quantised type: half-precision factors, then bytes of which any value is valid.
struct BlockLayout {
  std::uint64_t elements;
  std::uint64_t bytes;
  std::uint64_t factors;
};
BlockLayout layout_of(RandomType type) {
  switch (type) {
    case RandomType::F32:
      return {1, 4, 0};
    case RandomType::Q8_0:
      return {32, 34, 1};
    case RandomType::Q4_0:
      return {32, 18, 1};
    case RandomType::Q4_K:
      return {256, 144, 2};
    default:
      return {1, 2, 0};
  }
}

// splitmix64: the same number for the same place, whoever asks in which order.
std::uint64_t random_bits(std::uint64_t place) {
  std::uint64_t z = place + 0x9E3779B97F4A7C15U;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

std::uint64_t seed_of(const RandomTensor& tensor) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : tensor.gguf_name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  return hash;
}

// Magnitudes lie in [2^exponent, 2^(exponent + 1)): a product with a vector of about 1 each gives about 1
// each.
int exponent_of(const RandomTensor& tensor) {
  return static_cast<int>(std::lround(-0.5 * std::log2(static_cast<double>(tensor.cols)) - 0.6));
}

// Sign and seven bits of mantissa: what every type here can hold.
std::uint32_t float_bits(std::uint64_t random, int exponent) {
  const auto bits = static_cast<std::uint32_t>(random);
  return (bits & 0x8000U) << 16U | static_cast<std::uint32_t>(exponent + 127) << 23U | (bits & 0x7FU) << 16U;
}

std::uint16_t half_bits(std::uint64_t random, int exponent) {
  const auto bits = static_cast<std::uint32_t>(random);
  return static_cast<std::uint16_t>((bits & 0x8000U) | static_cast<std::uint32_t>(exponent + 15) << 10U |
                                    (bits & 0x7FU) << 3U);
}

void fill_ones(std::span<std::byte> out) {
  constexpr float kOne = 1;
  for (std::size_t i = 0; i + sizeof kOne <= out.size(); i += sizeof kOne)
    std::memcpy(out.data() + i, &kOne, sizeof kOne);
}

// Factors so that weights come out about as large as those of the plain types.
std::array<std::uint16_t, 2> factors_of(RandomType type, int exponent) {
  switch (type) {
    case RandomType::Q8_0:  // times -128 .. 127
      return {half_bits(0, exponent - 6), 0};
    case RandomType::Q4_0:  // times -8 .. 7
      return {half_bits(0, exponent - 2), 0};
    default:  // Q4_K: times 0 .. 63 times 0 .. 15, less times 0 .. 63; the ranges' middles meet
      return {half_bits(0, exponent - 7), half_bits(0, exponent - 4)};
  }
}

void fill_blocks(RandomType type, std::uint64_t place, std::uint64_t cols, int exponent,
                 std::span<std::byte> out) {
  const BlockLayout layout = layout_of(type);
  const auto factors = factors_of(type, exponent);
  const std::uint64_t head = layout.factors * sizeof factors[0];
  for (std::uint64_t block = 0; block < cols / layout.elements; ++block) {
    std::byte* const to = out.data() + block * layout.bytes;
    std::memcpy(to, factors.data(), head);
    for (std::uint64_t at = head; at < layout.bytes; at += sizeof(std::uint64_t)) {
      const std::uint64_t bits = random_bits(place + block * (layout.elements / 4) + at / sizeof bits);
      std::memcpy(to + at, &bits, std::min(sizeof bits, static_cast<std::size_t>(layout.bytes - at)));
    }
  }
}

// Four weights from each random number; cols is a multiple of four.
template <class Stored, class Make>
void fill_numbers(std::uint64_t place, std::uint64_t cols, std::span<std::byte> out, Make&& make) {
  for (std::uint64_t i = 0; i < cols / 4; ++i) {
    const std::uint64_t bits = random_bits(place + i);
    const std::array<Stored, 4> four = {make(bits), make(bits >> 16U), make(bits >> 32U), make(bits >> 48U)};
    std::memcpy(out.data() + i * sizeof four, four.data(), sizeof four);
  }
}

// Whether any byte of [begin, end) lies beyond what 32 bits can say.
bool lies_beyond(std::uint64_t end) {
  return end > std::uint64_t{1} << 32U;
}

Result<std::uint64_t> count_beyond_gguf(const std::filesystem::path& path) {
  MINERVA_ASSIGN(const gguf::File file, gguf::File::open(path));
  return static_cast<std::uint64_t>(std::ranges::count_if(file.tensors(), [&](const gguf::TensorInfo& info) {
    return lies_beyond(file.data_offset() + info.offset + info.bytes);
  }));
}

Result<std::uint64_t> count_beyond_directory(const ModelDescription& description) {
  std::uint64_t count = 0;
  for (const auto& path : description.weight_files) {
    MINERVA_ASSIGN(const auto header, safetensors::Header::open(path));
    for (const safetensors::TensorInfo& info : header.tensors())
      count += lies_beyond(header.data_offset() + info.offset + info.bytes) ? 1 : 0;
  }
  return count;
}

}  // namespace

std::uint64_t RandomTensor::row_bytes() const noexcept {
  const BlockLayout layout = layout_of(type);
  return cols / layout.elements * layout.bytes;
}

std::vector<RandomTensor> tensors_of(const RandomModel& model) {
  std::vector<RandomTensor> tensors;
  const auto add = [&](std::string name, std::uint64_t rows, std::uint64_t cols) {
    const bool vector = rows == 1;
    RandomTensor tensor{.gguf_name = std::move(name),
                        .rows = rows,
                        .cols = cols,
                        .type = vector ? RandomType::F32 : model.type};
    tensor.hf_name = hf_name(tensor.gguf_name);
    if (tensor.hf_name.ends_with("q_proj.weight")) tensor.interleaved_heads = model.heads();
    if (tensor.hf_name.ends_with("k_proj.weight")) tensor.interleaved_heads = model.kv_heads();
    tensors.push_back(std::move(tensor));
  };
  const std::uint64_t kv = std::uint64_t{model.kv_heads()} * model.head_dim();
  add("token_embd.weight", model.vocabulary, model.hidden);
  for (std::uint32_t i = 0; i < model.layers; ++i) {
    const auto of_layer = [i](std::string_view name) { return fmt::format("blk.{}.{}.weight", i, name); };
    add(of_layer("attn_norm"), 1, model.hidden);
    add(of_layer("attn_q"), model.hidden, model.hidden);
    add(of_layer("attn_k"), kv, model.hidden);
    add(of_layer("attn_v"), kv, model.hidden);
    add(of_layer("attn_output"), model.hidden, model.hidden);
    add(of_layer("ffn_norm"), 1, model.hidden);
    add(of_layer("ffn_gate"), model.intermediate(), model.hidden);
    add(of_layer("ffn_up"), model.intermediate(), model.hidden);
    add(of_layer("ffn_down"), model.hidden, model.intermediate());
  }
  add("output_norm.weight", 1, model.hidden);
  return tensors;
}

std::uint32_t layers_for(RandomModel model, std::uint64_t bytes) {
  const auto total = [&](std::uint32_t layers) {
    model.layers = layers;
    std::uint64_t sum = 0;
    for (const RandomTensor& tensor : tensors_of(model)) sum += tensor.bytes();
    return sum;
  };
  const std::uint64_t none = total(0);
  const std::uint64_t each = total(1) - none;
  return bytes <= none ? 1 : static_cast<std::uint32_t>((bytes - none + each - 1) / each);
}

void fill_row(const RandomTensor& tensor, std::uint64_t row, bool hf, std::span<std::byte> out) {
  if (tensor.rows == 1) return fill_ones(out);
  if (hf)
    row = static_cast<std::uint64_t>(source_row(
        static_cast<std::int64_t>(row), static_cast<std::int64_t>(tensor.rows), tensor.interleaved_heads));
  const int exponent = exponent_of(tensor);
  const std::uint64_t place = seed_of(tensor) + row * (tensor.cols / 4);
  switch (tensor.type) {
    case RandomType::F32:
      return fill_numbers<std::uint32_t>(place, tensor.cols, out,
                                         [&](std::uint64_t bits) { return float_bits(bits, exponent); });
    case RandomType::F16:
      return fill_numbers<std::uint16_t>(place, tensor.cols, out,
                                         [&](std::uint64_t bits) { return half_bits(bits, exponent); });
    case RandomType::BF16:
      return fill_numbers<std::uint16_t>(place, tensor.cols, out, [&](std::uint64_t bits) {
        return static_cast<std::uint16_t>(float_bits(bits, exponent) >> 16U);
      });
    default:
      return fill_blocks(tensor.type, place, tensor.cols, exponent, out);
  }
}

Result<CheckedModel> check_random_model(const RandomModel& model, const std::filesystem::path& path) {
  MINERVA_ASSIGN(const ModelDescription description, describe(path));
  const bool hf = description.format != Format::Gguf;
  CheckedModel checked;
  MINERVA_ASSIGN(checked.beyond_4_gib,
                 hf ? count_beyond_directory(description) : count_beyond_gguf(description.path));
  MINERVA_ASSIGN(const std::shared_ptr<Checkpoint> checkpoint, Checkpoint::open(description));
  std::vector<std::byte> row;
  for (const RandomTensor& tensor : tensors_of(model)) {
    MINERVA_ASSIGN(const TensorView* found, checkpoint->require(hf ? tensor.hf_name : tensor.gguf_name));
    if (found->bytes != tensor.bytes())
      return internal_error(fmt::format("'{}' has {} bytes", found->name, found->bytes));
    row.resize(tensor.row_bytes());
    for (std::uint64_t i = 0; i < tensor.rows; ++i) {
      fill_row(tensor, i, hf, row);
      if (std::memcmp(row.data(), found->data + i * row.size(), row.size()) != 0)
        return internal_error(fmt::format("'{}' differs in row {}", found->name, i));
    }
    ++checked.tensors;
    checked.bytes += tensor.bytes();
  }
  return checked;
}

}  // namespace minerva::testing
