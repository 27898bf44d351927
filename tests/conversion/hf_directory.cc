#include "conversion/hf_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/thread_pool.h"
#include "formats/checkpoint.h"
#include "formats/gguf/file.h"
#include "kernels/kernels.h"
#include "minerva/model_description.h"

namespace minerva::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kOnly = "Give a llama GGUF with a byte-level BPE vocabulary and a tied head.";

Result<void> write_file(const fs::path& path, std::string_view content) {
  std::ofstream out(path, std::ios::binary);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  out.close();
  if (!out) return internal_error(fmt::format("cannot write '{}'", path.string()));
  return {};
}

struct Sizes {
  std::uint32_t heads = 0;
  std::uint32_t kv_heads = 0;
};

Result<Sizes> write_config(const gguf::Metadata& metadata, const fs::path& dir, ScalarType type) {
  const auto number = [&](const char* key) { return metadata.require<std::uint32_t>(key); };
  MINERVA_ASSIGN(const std::uint32_t hidden, number("llama.embedding_length"));
  MINERVA_ASSIGN(const std::uint32_t heads, number("llama.attention.head_count"));
  MINERVA_ASSIGN(const std::uint32_t kv_heads, number("llama.attention.head_count_kv"));
  MINERVA_ASSIGN(const std::uint32_t layers, number("llama.block_count"));
  MINERVA_ASSIGN(const std::uint32_t intermediate, number("llama.feed_forward_length"));
  MINERVA_ASSIGN(const std::uint32_t positions, number("llama.context_length"));
  MINERVA_ASSIGN(const std::uint32_t vocabulary, number("llama.vocab_size"));
  MINERVA_ASSIGN(const float theta, metadata.require<float>("llama.rope.freq_base"));
  MINERVA_ASSIGN(const float epsilon, metadata.require<float>("llama.attention.layer_norm_rms_epsilon"));
  MINERVA_ASSIGN(const std::uint32_t bos, number("tokenizer.ggml.bos_token_id"));
  MINERVA_ASSIGN(const std::uint32_t eos, number("tokenizer.ggml.eos_token_id"));
  if (heads == 0 || kv_heads == 0) return invalid_request("the file has no attention heads", kOnly);
  const json config = {{"architectures", {"LlamaForCausalLM"}},
                       {"attention_bias", false},
                       {"bos_token_id", bos},
                       {"dtype", type == ScalarType::BF16 ? "bfloat16" : "float32"},
                       {"eos_token_id", eos},
                       {"head_dim", hidden / heads},
                       {"hidden_act", "silu"},
                       {"hidden_size", hidden},
                       {"intermediate_size", intermediate},
                       {"max_position_embeddings", positions},
                       {"mlp_bias", false},
                       {"model_type", "llama"},
                       {"num_attention_heads", heads},
                       {"num_hidden_layers", layers},
                       {"num_key_value_heads", kv_heads},
                       {"rms_norm_eps", epsilon},
                       {"rope_parameters", {{"rope_theta", theta}, {"rope_type", "default"}}},
                       {"tie_word_embeddings", true},
                       {"vocab_size", vocabulary}};
  MINERVA_TRY(write_file(dir / "config.json", config.dump(2)));
  const json generation = {{"bos_token_id", bos}, {"eos_token_id", eos}};
  MINERVA_TRY(write_file(dir / "generation_config.json", generation.dump(2)));
  return Sizes{heads, kv_heads};
}

json byte_level(bool add_prefix_space) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", add_prefix_space},
          {"trim_offsets", true},
          {"use_regex", true}};
}

}  // namespace

Result<void> write_tokenizer(const gguf::Metadata& metadata, const fs::path& dir) {
  constexpr std::int32_t kControl = 3;
  MINERVA_ASSIGN(const std::string model, metadata.require_string("tokenizer.ggml.model"));
  MINERVA_ASSIGN(const gguf::StringArray tokens, metadata.get_strings("tokenizer.ggml.tokens"));
  MINERVA_ASSIGN(const gguf::StringArray merges, metadata.get_strings("tokenizer.ggml.merges"));
  MINERVA_ASSIGN(const auto types, metadata.get_numbers<std::int32_t>("tokenizer.ggml.token_type"));
  if (model != "gpt2" || types.size() != tokens.size())
    return invalid_request(fmt::format("its vocabulary is of kind '{}'", model), kOnly);
  json vocabulary = json::object();
  json added = json::array();
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    vocabulary[std::string(tokens[id])] = id;
    if (types[id] != kControl) continue;
    added.push_back({{"id", id},
                     {"content", tokens[id]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  }
  json pairs = json::array();
  for (const std::string_view merge : merges) {
    const auto space = merge.find(' ');
    pairs.push_back({merge.substr(0, space), merge.substr(space + 1)});
  }
  const json tokenizer = {{"version", "1.0"},
                          {"added_tokens", std::move(added)},
                          {"normalizer", nullptr},
                          {"pre_tokenizer", byte_level(false)},
                          {"post_processor", nullptr},
                          {"decoder", byte_level(true)},
                          {"model",
                           {{"type", "BPE"},
                            {"dropout", nullptr},
                            {"unk_token", nullptr},
                            {"continuing_subword_prefix", ""},
                            {"end_of_word_suffix", ""},
                            {"fuse_unk", false},
                            {"byte_fallback", false},
                            {"ignore_merges", false},
                            {"vocab", std::move(vocabulary)},
                            {"merges", std::move(pairs)}}}};
  MINERVA_TRY(write_file(dir / "tokenizer.json", tokenizer.dump(2)));

  json config = {{"tokenizer_class", "TokenizersBackend"}};
  for (const auto& [name, key] : {std::pair{"bos_token", "tokenizer.ggml.bos_token_id"},
                                  std::pair{"eos_token", "tokenizer.ggml.eos_token_id"}}) {
    MINERVA_ASSIGN(const std::uint32_t id, metadata.require<std::uint32_t>(key));
    if (id < tokens.size()) config[name] = tokens[id];
  }
  MINERVA_TRY(write_file(dir / "tokenizer_config.json", config.dump(2)));
  MINERVA_ASSIGN(const auto chat, metadata.get_string("tokenizer.chat_template"));
  return chat ? write_file(dir / "chat_template.jinja", *chat) : Result<void>{};
}

std::string hf_name(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kOfLayer = {{
      {"attn_norm", "input_layernorm"},
      {"attn_q", "self_attn.q_proj"},
      {"attn_k", "self_attn.k_proj"},
      {"attn_v", "self_attn.v_proj"},
      {"attn_output", "self_attn.o_proj"},
      {"ffn_norm", "post_attention_layernorm"},
      {"ffn_gate", "mlp.gate_proj"},
      {"ffn_up", "mlp.up_proj"},
      {"ffn_down", "mlp.down_proj"},
  }};
  if (name == "token_embd.weight") return "model.embed_tokens.weight";
  if (name == "output_norm.weight") return "model.norm.weight";
  constexpr std::string_view kLayer = "blk.";
  constexpr std::string_view kWeight = ".weight";
  if (!name.starts_with(kLayer) || !name.ends_with(kWeight)) return {};
  name = name.substr(kLayer.size(), name.size() - kLayer.size() - kWeight.size());
  const auto dot = name.find('.');
  for (const auto& [ours, theirs] : kOfLayer) {
    if (dot != std::string_view::npos && name.substr(dot + 1) == ours)
      return fmt::format("model.layers.{}.{}.weight", name.substr(0, dot), theirs);
  }
  return {};
}

namespace {

// Heads whose rows a llama GGUF interleaves, for rotation in pairs; 0: rows are in order.
std::uint32_t interleaved_heads(std::string_view name, const Sizes& sizes) {
  if (name.ends_with("q_proj.weight")) return sizes.heads;
  return name.ends_with("k_proj.weight") ? sizes.kv_heads : 0;
}

}  // namespace

std::int64_t source_row(std::int64_t row, std::int64_t rows, std::uint32_t heads) {
  if (heads == 0) return row;
  const std::int64_t dim = rows / heads;
  const std::int64_t half = dim / 2;
  const std::int64_t in_head = row % dim;
  return row - in_head + 2 * (in_head % half) + in_head / half;
}

namespace {

struct Output {
  std::string name;
  const TensorView* from = nullptr;
};

Result<void> write_tensor(const Output& tensor, const Sizes& sizes, ScalarType type,
                          const kernels::Kernels& kernels, std::ofstream& out) {
  const TensorView& from = *tensor.from;
  const std::int64_t cols = from.shape.back();
  const std::int64_t rows = from.elements() / cols;
  const auto weight_type = from.dtype == DType::F32    ? WeightType::F32
                           : from.dtype == DType::F16  ? WeightType::F16
                           : from.dtype == DType::BF16 ? WeightType::BF16
                                                       : weight_type_of(from.ggml);
  if (!weight_type) return invalid_request(fmt::format("'{}' has no kernel", from.type_name()), kOnly);
  const WeightMatrix matrix = dense_weight(*weight_type, rows, cols, from.data);
  MINERVA_TRY(check_weight(matrix, from.name));
  std::vector<float> floats(static_cast<std::size_t>(cols));
  std::vector<char> bytes(static_cast<std::size_t>(cols * scalar_bytes(type)));
  const std::uint32_t heads = interleaved_heads(tensor.name, sizes);
  for (std::int64_t row = 0; row < rows; ++row) {
    kernels.dequantize_row(matrix, source_row(row, rows, heads), floats.data());
    kernels.convert(floats.data(), cols, type, bytes.data());
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  return {};
}

Result<void> write_weights(const Checkpoint& checkpoint, const Sizes& sizes, const fs::path& dir,
                           ScalarType type) {
  std::vector<Output> outputs;
  json header = {{"__metadata__", {{"format", "pt"}}}};
  std::int64_t offset = 0;
  for (const TensorView& tensor : checkpoint.tensors()) {
    outputs.push_back({hf_name(tensor.name), &tensor});
    if (outputs.back().name.empty() || tensor.shape.empty())
      return invalid_request(fmt::format("tensor '{}' is not one of a tied llama", tensor.name), kOnly);
    const std::int64_t end = offset + tensor.elements() * scalar_bytes(type);
    header[outputs.back().name] = {{"dtype", type == ScalarType::BF16 ? "BF16" : "F32"},
                                   {"shape", tensor.shape},
                                   {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 63) / 64 * 64, ' ');
  const std::uint64_t header_bytes = text.size();
  const fs::path path = dir / "model.safetensors";
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(&header_bytes), sizeof header_bytes);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  ThreadPool pool(1);
  // Scalar: a product and a sum that are fused would round once where the reference rounds twice.
  const kernels::Kernels kernels(kernels::Isa::Scalar, pool);
  for (const Output& output : outputs) MINERVA_TRY(write_tensor(output, sizes, type, kernels, out));
  out.close();
  if (!out) return internal_error(fmt::format("cannot write '{}'", path.string()));
  return {};
}

}  // namespace

Result<void> write_hf_directory(const fs::path& gguf, const fs::path& dir, ScalarType type) {
  std::error_code problem;
  fs::create_directories(dir, problem);
  if (problem) return internal_error(fmt::format("cannot make '{}': {}", dir.string(), problem.message()));
  MINERVA_ASSIGN(const ModelDescription description, describe(gguf));
  if (description.architecture != "llama")
    return invalid_request(fmt::format("its architecture is '{}'", description.architecture), kOnly);
  MINERVA_ASSIGN(const gguf::File file, gguf::File::open(gguf));
  MINERVA_ASSIGN(const Sizes sizes, write_config(file.metadata(), dir, type));
  MINERVA_TRY(write_tokenizer(file.metadata(), dir));
  MINERVA_ASSIGN(const std::shared_ptr<Checkpoint> checkpoint, Checkpoint::open(description));
  return write_weights(*checkpoint, sizes, dir, type);
}

}  // namespace minerva::testing
