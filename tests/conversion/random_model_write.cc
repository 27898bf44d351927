// Streams random models to files.
#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "conversion/hf_directory.h"
#include "conversion/random_model.h"
#include "formats/gguf/file.h"
#include "support/gguf_builder.h"

namespace minerva::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::uint64_t kAlignment = 32;
constexpr std::size_t kPieceBytes = std::size_t{8} << 20U;

std::uint64_t aligned(std::uint64_t value) {
  return (value + kAlignment - 1) / kAlignment * kAlignment;
}

// Rows collected into large pieces.
class Stream {
 public:
  explicit Stream(const fs::path& path) : path_(path), out_(path, std::ios::binary) {}

  void bytes(std::string_view text) {
    const std::span<std::byte> to = take(text.size());
    std::ranges::copy(std::as_bytes(std::span(text)), to.begin());
  }
  void tensor(const RandomTensor& tensor, bool hf) {
    for (std::uint64_t row = 0; row < tensor.rows; ++row) fill_row(tensor, row, hf, take(tensor.row_bytes()));
  }
  void zeros(std::uint64_t count) { std::ranges::fill(take(count), std::byte{0}); }
  std::uint64_t written() const { return written_; }

  Result<void> finish() {
    flush();
    out_.close();
    if (!out_) return internal_error(fmt::format("cannot write '{}'", path_.string()));
    return {};
  }

 private:
  std::span<std::byte> take(std::uint64_t count) {
    if (piece_.size() + count > kPieceBytes) flush();
    const std::size_t at = piece_.size();
    piece_.resize(at + count);
    written_ += count;
    return std::span(piece_).subspan(at);
  }
  void flush() {
    out_.write(reinterpret_cast<const char*>(piece_.data()), static_cast<std::streamsize>(piece_.size()));
    piece_.clear();
  }

  fs::path path_;
  std::ofstream out_;
  std::vector<std::byte> piece_;
  std::uint64_t written_ = 0;
};

std::uint32_t ggml_number(RandomType type) {
  switch (type) {
    case RandomType::F32:
      return 0;
    case RandomType::F16:
      return 1;
    case RandomType::Q4_0:
      return 2;
    case RandomType::Q8_0:
      return 8;
    case RandomType::Q4_K:
      return 12;
    case RandomType::BF16:
      return 30;
  }
  return 0;
}

// llama_ftype: what most tensors are.
std::uint32_t file_type(RandomType type) {
  switch (type) {
    case RandomType::F32:
      return 0;
    case RandomType::F16:
      return 1;
    case RandomType::Q4_0:
      return 2;
    case RandomType::Q8_0:
      return 7;
    case RandomType::Q4_K:
      return 14;
    case RandomType::BF16:
      return 32;
  }
  return 0;
}

// The keys of a vocabulary, as they stand in `file`.
Result<void> copy_vocabulary(const gguf::File& file, GgufBuilder& builder) {
  for (const gguf::KeyValue& entry : file.metadata().entries()) {
    if (!entry.key.starts_with("tokenizer.")) continue;
    if (const auto* array = std::get_if<gguf::ArrayInfo>(&entry.value)) {
      std::string content(array->bytes, '\0');
      MINERVA_TRY(file.source()->read(array->offset, std::as_writable_bytes(std::span(content))));
      builder.raw_array(entry.key, static_cast<std::uint32_t>(array->element), array->count, content);
    } else if (entry.type == gguf::ValueType::String) {
      MINERVA_ASSIGN(const std::string text, file.metadata().require_string(entry.key));
      builder.string(entry.key, text);
    } else if (entry.type == gguf::ValueType::U32) {
      builder.u32(entry.key, static_cast<std::uint32_t>(std::get<std::uint64_t>(entry.value)));
    } else if (entry.type == gguf::ValueType::Bool) {
      builder.boolean(entry.key, std::get<bool>(entry.value));
    }
  }
  return {};
}

json config_of(const RandomModel& model) {
  return {{"architectures", {"LlamaForCausalLM"}},
          {"attention_bias", false},
          {"bos_token_id", 1},
          {"dtype", model.type == RandomType::F32   ? "float32"
                    : model.type == RandomType::F16 ? "float16"
                                                    : "bfloat16"},
          {"eos_token_id", 2},
          {"head_dim", model.head_dim()},
          {"hidden_act", "silu"},
          {"hidden_size", model.hidden},
          {"intermediate_size", model.intermediate()},
          {"max_position_embeddings", model.context},
          {"mlp_bias", false},
          {"model_type", "llama"},
          {"num_attention_heads", model.heads()},
          {"num_hidden_layers", model.layers},
          {"num_key_value_heads", model.kv_heads()},
          {"rms_norm_eps", 1e-5},
          {"rope_parameters", {{"rope_theta", 10000.0}, {"rope_type", "default"}}},
          {"tie_word_embeddings", true},
          {"vocab_size", model.vocabulary}};
}

Result<void> write_json(const fs::path& path, const json& value) {
  Stream out(path);
  out.bytes(value.dump(2));
  return out.finish();
}

const char* dtype_name(RandomType type) {
  return type == RandomType::F32 ? "F32" : type == RandomType::F16 ? "F16" : "BF16";
}

Result<void> write_shard(const fs::path& path, std::span<const RandomTensor> tensors) {
  json header = {{"__metadata__", {{"format", "pt"}}}};
  std::uint64_t offset = 0;
  for (const RandomTensor& tensor : tensors) {
    const json shape = tensor.rows == 1 ? json{tensor.cols} : json{tensor.rows, tensor.cols};
    header[tensor.hf_name] = {{"dtype", dtype_name(tensor.type)},
                              {"shape", shape},
                              {"data_offsets", {offset, offset + tensor.bytes()}}};
    offset += tensor.bytes();
  }
  std::string text = header.dump();
  text.resize((text.size() + 63) / 64 * 64, ' ');
  Stream out(path);
  out.bytes(gguf_bytes<std::uint64_t>(text.size()));
  out.bytes(text);
  for (const RandomTensor& tensor : tensors) out.tensor(tensor, true);
  return out.finish();
}

}  // namespace

Result<std::uint32_t> vocabulary_size_of(const fs::path& tokenizer) {
  MINERVA_ASSIGN(const gguf::File file, gguf::File::open(tokenizer));
  MINERVA_ASSIGN(const gguf::StringArray tokens, file.metadata().get_strings("tokenizer.ggml.tokens"));
  return static_cast<std::uint32_t>(tokens.size());
}

Result<void> write_random_gguf(const RandomModel& model, const fs::path& tokenizer, const fs::path& path) {
  MINERVA_ASSIGN(const gguf::File file, gguf::File::open(tokenizer));
  GgufBuilder builder;
  builder.string("general.architecture", "llama").string("general.type", "model");
  builder.string("general.name", "Random").u32("general.file_type", file_type(model.type));
  builder.u32("llama.block_count", model.layers).u32("llama.context_length", model.context);
  builder.u32("llama.embedding_length", model.hidden).u32("llama.feed_forward_length", model.intermediate());
  builder.u32("llama.attention.head_count", model.heads());
  builder.u32("llama.attention.head_count_kv", model.kv_heads());
  builder.u32("llama.rope.dimension_count", model.head_dim()).u32("llama.vocab_size", model.vocabulary);
  builder.f32("llama.attention.layer_norm_rms_epsilon", 1e-5F).f32("llama.rope.freq_base", 10000);
  MINERVA_TRY(copy_vocabulary(file, builder));
  const auto tensors = tensors_of(model);
  std::uint64_t offset = 0;
  for (const RandomTensor& tensor : tensors) {
    const auto dims = tensor.rows == 1 ? std::vector{tensor.cols} : std::vector{tensor.cols, tensor.rows};
    builder.tensor(
        {.name = tensor.gguf_name, .dims = dims, .type = ggml_number(tensor.type), .offset = offset});
    offset = aligned(offset + tensor.bytes());
  }
  Stream out(path);
  out.bytes(builder.header());
  for (const RandomTensor& tensor : tensors) {
    out.zeros(aligned(out.written()) - out.written());
    out.tensor(tensor, false);
  }
  return out.finish();
}

Result<void> write_random_directory(const RandomModel& model, const fs::path& tokenizer, const fs::path& dir,
                                    std::uint64_t shard_bytes) {
  if (model.type > RandomType::BF16)
    return invalid_request("a Hugging Face directory has no GGUF blocks", "Choose f32, f16 or bf16.");
  std::error_code problem;
  fs::create_directories(dir, problem);
  if (problem) return internal_error(fmt::format("cannot make '{}': {}", dir.string(), problem.message()));
  MINERVA_ASSIGN(const gguf::File file, gguf::File::open(tokenizer));
  MINERVA_TRY(write_tokenizer(file.metadata(), dir));
  MINERVA_TRY(write_json(dir / "config.json", config_of(model)));
  const auto tensors = tensors_of(model);
  std::vector<std::span<const RandomTensor>> shards;
  std::uint64_t total = 0;
  std::uint64_t in_shard = 0;
  std::size_t first = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (i > first && in_shard + tensors[i].bytes() > shard_bytes) {
      shards.push_back(std::span(tensors).subspan(first, i - first));
      first = i;
      in_shard = 0;
    }
    in_shard += tensors[i].bytes();
    total += tensors[i].bytes();
  }
  shards.push_back(std::span(tensors).subspan(first));
  json map = json::object();
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const std::string name = fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
    for (const RandomTensor& tensor : shards[i]) map[tensor.hf_name] = name;
    MINERVA_TRY(write_shard(dir / name, shards[i]));
  }
  return write_json(dir / "model.safetensors.index.json",
                    {{"metadata", {{"total_size", total}}}, {"weight_map", map}});
}

}  // namespace minerva::testing
