#include "support/gguf_builder.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <stdexcept>

namespace minerva::testing {
namespace {

std::uint64_t align_up(std::uint64_t value, std::uint64_t alignment) {
  return alignment == 0 ? value : (value + alignment - 1) / alignment * alignment;
}

}  // namespace

std::string gguf_string(std::string_view text, std::optional<std::uint64_t> claimed) {
  return gguf_bytes<std::uint64_t>(claimed.value_or(text.size())) + std::string(text);
}

GgufBuilder& GgufBuilder::magic(std::string_view four_bytes) {
  magic_ = four_bytes;
  return *this;
}

GgufBuilder& GgufBuilder::version(std::uint32_t number) {
  version_ = number;
  return *this;
}

GgufBuilder& GgufBuilder::claim_tensor_count(std::uint64_t count) {
  tensor_count_ = count;
  return *this;
}

GgufBuilder& GgufBuilder::claim_key_value_count(std::uint64_t count) {
  key_value_count_ = count;
  return *this;
}

GgufBuilder& GgufBuilder::alignment(std::uint32_t bytes, bool write_key) {
  alignment_ = bytes;
  return write_key ? u32("general.alignment", bytes) : *this;
}

GgufBuilder& GgufBuilder::string(std::string_view key, std::string_view value) {
  return raw(key, gguf_type::kString, gguf_string(value));
}

GgufBuilder& GgufBuilder::strings(std::string_view key, const std::vector<std::string>& values) {
  std::string content;
  for (const auto& value : values) content += gguf_string(value);
  return raw_array(key, gguf_type::kString, values.size(), content);
}

GgufBuilder& GgufBuilder::raw_array(std::string_view key, std::uint32_t element_type, std::uint64_t count,
                                    std::string_view content) {
  return raw(
      key, gguf_type::kArray,
      gguf_bytes<std::uint32_t>(element_type) + gguf_bytes<std::uint64_t>(count) + std::string(content));
}

GgufBuilder& GgufBuilder::raw(std::string_view key, std::uint32_t type, std::string_view content) {
  records_.push_back(
      {std::string(key), gguf_string(key) + gguf_bytes<std::uint32_t>(type) + std::string(content)});
  return *this;
}

GgufBuilder& GgufBuilder::raw_record(std::string_view bytes) {
  records_.push_back({"", std::string(bytes)});
  return *this;
}

GgufBuilder& GgufBuilder::erase(std::string_view key) {
  std::erase_if(records_, [&](const Record& record) { return record.key == key; });
  return *this;
}

GgufBuilder& GgufBuilder::tensor(GgufTensor tensor) {
  tensors_.push_back(std::move(tensor));
  return *this;
}

GgufBuilder& GgufBuilder::f32_tensor(std::string_view name, const std::vector<std::uint64_t>& dims) {
  std::uint64_t count = 1;
  for (const auto dim : dims) count *= dim;
  std::string data;
  data.reserve(count * sizeof(float));
  auto state = static_cast<std::uint32_t>(name.size() * 2654435761U + name.back());
  for (std::uint64_t i = 0; i < count; ++i) {
    state = state * 1664525U + 1013904223U;
    data += gguf_bytes<float>((static_cast<float>(state >> 16) / 65536.0F - 0.5F) * 0.2F);
  }
  return tensor({.name = std::string(name), .dims = dims, .data = std::move(data)});
}

GgufTensor GgufBuilder::take_tensor(std::string_view name) {
  GgufTensor taken = tensor_named(name);
  std::erase_if(tensors_, [&](const GgufTensor& tensor) { return tensor.name == taken.name; });
  return taken;
}

GgufTensor& GgufBuilder::tensor_named(std::string_view name) {
  const auto found = std::ranges::find(tensors_, name, &GgufTensor::name);
  if (found == tensors_.end()) throw std::out_of_range("no tensor " + std::string(name));
  return *found;
}

std::string GgufBuilder::header() const {
  std::string out = magic_ + gguf_bytes<std::uint32_t>(version_) +
                    gguf_bytes<std::uint64_t>(tensor_count_.value_or(tensors_.size())) +
                    gguf_bytes<std::uint64_t>(key_value_count_.value_or(records_.size()));
  for (const auto& record : records_) out += record.bytes;
  std::uint64_t offset = 0;
  for (const auto& tensor : tensors_) {
    out += gguf_string(tensor.name, tensor.name_bytes);
    out +=
        gguf_bytes<std::uint32_t>(tensor.dim_count.value_or(static_cast<std::uint32_t>(tensor.dims.size())));
    for (const auto dim : tensor.dims) out += gguf_bytes<std::uint64_t>(dim);
    out += gguf_bytes<std::uint32_t>(tensor.type);
    out += gguf_bytes<std::uint64_t>(tensor.offset.value_or(offset));
    offset = align_up(offset + tensor.data.size(), alignment_);
  }
  return out;
}

std::string GgufBuilder::build() const {
  std::string out = header();
  if (tensors_.empty()) return out;
  out.resize(align_up(out.size(), alignment_), '\0');
  const std::size_t data_start = out.size();
  for (const auto& tensor : tensors_) {
    out.resize(data_start + align_up(out.size() - data_start, alignment_), '\0');
    out += tensor.data;
  }
  return out;
}

GgufBuilder tiny_llama() {
  std::vector<std::string> tokens = {"<unk>", "<s>", "</s>"};
  std::vector<float> scores = {0, 0, 0};
  std::vector<std::int32_t> types = {2, 3, 3};  // unknown, control, control
  for (int byte = 0; byte < 256; ++byte) {
    std::array<char, 8> text{};
    std::snprintf(text.data(), text.size(), "<0x%02X>", static_cast<unsigned>(byte));
    tokens.emplace_back(text.data());
    scores.push_back(0);
    types.push_back(6);  // byte
  }
  const std::string space = "\xE2\x96\x81";  // SentencePiece writes a space as U+2581
  tokens.push_back(space);
  for (char letter = 'a'; letter <= 'z'; ++letter) tokens.emplace_back(1, letter);
  tokens.insert(tokens.end(), {space + "a", "th"});
  while (scores.size() < tokens.size()) {
    scores.push_back(-static_cast<float>(scores.size()));
    types.push_back(1);  // normal
  }

  GgufBuilder builder;
  builder.string("general.architecture", "llama").string("general.type", "model");
  builder.string("general.name", "Tiny").u32("general.file_type", 0);
  builder.u32("llama.block_count", 1).u32("llama.context_length", 64).u32("llama.embedding_length", 32);
  builder.u32("llama.feed_forward_length", 64).u32("llama.attention.head_count", 2);
  builder.u32("llama.attention.head_count_kv", 1).u32("llama.rope.dimension_count", 16);
  builder.f32("llama.attention.layer_norm_rms_epsilon", 1e-5F).f32("llama.rope.freq_base", 10000);
  builder.string("tokenizer.ggml.model", "llama").string("tokenizer.ggml.pre", "default");
  builder.strings("tokenizer.ggml.tokens", tokens).array("tokenizer.ggml.scores", scores);
  builder.array("tokenizer.ggml.token_type", types);
  builder.u32("tokenizer.ggml.bos_token_id", 1).u32("tokenizer.ggml.eos_token_id", 2);
  builder.u32("tokenizer.ggml.unknown_token_id", 0);
  builder.string("tokenizer.chat_template",
                 "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant:");

  const std::uint64_t vocabulary = tokens.size();
  builder.f32_tensor("token_embd.weight", {32, vocabulary}).f32_tensor("output_norm.weight", {32});
  builder.f32_tensor("blk.0.attn_norm.weight", {32}).f32_tensor("blk.0.attn_q.weight", {32, 32});
  builder.f32_tensor("blk.0.attn_k.weight", {32, 16}).f32_tensor("blk.0.attn_v.weight", {32, 16});
  builder.f32_tensor("blk.0.attn_output.weight", {32, 32}).f32_tensor("blk.0.ffn_norm.weight", {32});
  builder.f32_tensor("blk.0.ffn_gate.weight", {32, 64}).f32_tensor("blk.0.ffn_up.weight", {32, 64});
  builder.f32_tensor("blk.0.ffn_down.weight", {64, 32});
  return builder;
}

}  // namespace minerva::testing
