#include "model/gguf_rewrite.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "formats/checkpoint.h"
#include "formats/hf_config/hf_config.h"
#include "kernels/kernels.h"
#include "native/families/families.h"
#include "native/gguf/architectures.h"

namespace minerva::testing {
namespace {

namespace fs = std::filesystem;
using native::DecoderSpec;
using native::TensorNames;

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

bool starts_with_any(const std::string& name, std::initializer_list<std::string_view> all) {
  return std::ranges::find(all, name) != all.end();
}
bool has_pairs(const std::string& architecture) {
  return starts_with_any(architecture, {"llama", "granite", "smollm3"});
}
bool is_gemma(const std::string& architecture) {
  return architecture.starts_with("gemma");
}

// The names of one model in two formats, name by name.
std::vector<std::pair<std::string, std::string>> pair_names(const TensorNames& from, const TensorNames& to) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto name : {&TensorNames::embedding,
                          &TensorNames::position_embedding,
                          &TensorNames::output_norm,
                          &TensorNames::head,
                          &TensorNames::attention_norm,
                          &TensorNames::post_attention_norm,
                          &TensorNames::mlp_norm,
                          &TensorNames::post_mlp_norm,
                          &TensorNames::q,
                          &TensorNames::k,
                          &TensorNames::v,
                          &TensorNames::qkv,
                          &TensorNames::o,
                          &TensorNames::q_norm,
                          &TensorNames::k_norm,
                          &TensorNames::gate,
                          &TensorNames::up,
                          &TensorNames::gate_up,
                          &TensorNames::down,
                          &TensorNames::router,
                          &TensorNames::shared_gate,
                          &TensorNames::shared_up,
                          &TensorNames::shared_down,
                          &TensorNames::shared_router}) {
    if (!(from.*name).empty() && !(to.*name).empty()) pairs.emplace_back(from.*name, to.*name);
  }
  return pairs;
}

std::string in_layer(std::string pattern, int layer) {
  if (const auto at = pattern.find("{}"); at != std::string::npos)
    pattern.replace(at, 2, std::to_string(layer));
  return pattern;
}

// Row `row` of a published q or k lies here in a GGUF with pairs.
std::int64_t row_in_pairs(std::int64_t row, std::int64_t head_dim) {
  const std::int64_t in_head = row % head_dim;
  const std::int64_t half = head_dim / 2;
  return row - in_head + (in_head < half ? 2 * in_head : 2 * (in_head - half) + 1);
}

// ---- GGUF to directory

struct Written {
  std::string name;
  const TensorView* tensor;
  bool in_pairs;
  bool minus_one;
};

nlohmann::json config_of(const DecoderSpec& spec) {
  nlohmann::json config = {{"model_type", spec.family == "gemma3" ? "gemma3_text" : spec.family},
                           {"vocab_size", spec.vocabulary},
                           {"hidden_size", spec.hidden},
                           {"intermediate_size", spec.intermediate},
                           {"num_hidden_layers", spec.layer_count},
                           {"num_attention_heads", spec.heads},
                           {"num_key_value_heads", spec.kv_heads},
                           {"head_dim", spec.head_dim},
                           {"max_position_embeddings", spec.context_length},
                           {"rms_norm_eps", spec.norm.epsilon},
                           {"rope_theta", spec.rotary[0].theta},
                           {"tie_word_embeddings", spec.tied_head}};
  if (spec.family == "gemma3") {
    config["query_pre_attn_scalar"] = std::lround(1.0F / (spec.attention_scale * spec.attention_scale));
    config["rope_local_base_freq"] = spec.rotary[1].theta;
    for (const auto& layer : spec.layers) {
      config["layer_types"].push_back(layer.window > 0 ? "sliding_attention" : "full_attention");
      if (layer.window > 0) config["sliding_window"] = layer.window;
    }
  }
  return config;
}

TensorNames directory_names(const std::string& architecture) {
  auto config = config_of({.family = architecture,
                           .hidden = 2,
                           .layer_count = 1,
                           .heads = 1,
                           .kv_heads = 1,
                           .head_dim = 2,
                           .value_dim = 2,
                           .intermediate = 1,
                           .vocabulary = 1,
                           .context_length = 1,
                           .rotary = {{}, {}},
                           .layers = {{}},
                           .attention_scale = 1.0F});
  return must(native::decoder_spec(must(HfConfig::parse(config.dump(), "config.json")))).names;
}

std::vector<Written> tensors_to_write(const DecoderSpec& spec, const Checkpoint& checkpoint) {
  std::vector<Written> tensors;
  for (const auto& [gguf, published] : pair_names(spec.names, directory_names(spec.family))) {
    const int layers = gguf.find("{}") == std::string::npos ? 1 : spec.layer_count;
    for (int layer = 0; layer < layers; ++layer) {
      for (const char* suffix : {".weight", ".bias"}) {
        const TensorView* tensor = checkpoint.find(in_layer(gguf, layer) + suffix);
        if (tensor == nullptr) continue;
        const bool q_or_k = gguf == spec.names.q || gguf == spec.names.k;
        tensors.push_back({.name = in_layer(published, layer) + suffix,
                           .tensor = tensor,
                           .in_pairs = q_or_k && has_pairs(spec.family),
                           .minus_one = is_gemma(spec.family) && gguf.ends_with("norm")});
      }
    }
  }
  return tensors;
}

void write_rows(std::ofstream& out, const Written& written, const DecoderSpec& spec,
                const kernels::Kernels& kernels) {
  const TensorView& tensor = *written.tensor;
  const std::int64_t rows = tensor.shape.size() == 2 ? tensor.shape[0] : 1;
  const std::int64_t cols = tensor.shape.back();
  const WeightMatrix matrix = dense_weight(weight_type_of(tensor.ggml).value(), rows, cols, tensor.data);
  std::vector<float> row(static_cast<std::size_t>(cols));
  for (std::int64_t i = 0; i < rows; ++i) {
    kernels.dequantize_row(matrix, written.in_pairs ? row_in_pairs(i, spec.head_dim) : i, row.data());
    if (written.minus_one) {
      for (float& number : row) number -= 1;
    }
    out.write(reinterpret_cast<const char*>(row.data()),
              static_cast<std::streamsize>(row.size() * sizeof(float)));
  }
}

}  // namespace

void write_f32_directory(const fs::path& path, const fs::path& directory) {
  const DecoderSpec spec = must(native::decoder_spec(must(gguf::open_model(path))));
  const auto checkpoint = must(Checkpoint::open(must(describe(path))));
  fs::create_directories(directory);
  std::ofstream(directory / "config.json") << config_of(spec).dump();

  const auto tensors = tensors_to_write(spec, *checkpoint);
  nlohmann::json header;
  std::uint64_t offset = 0;
  for (const Written& written : tensors) {
    const auto end = offset + static_cast<std::uint64_t>(written.tensor->elements()) * sizeof(float);
    header[written.name] = {
        {"dtype", "F32"}, {"shape", written.tensor->shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  std::ofstream out(directory / "model.safetensors", std::ios::binary);
  out << gguf_bytes<std::uint64_t>(text.size()) << text;
  ThreadPool pool(1);
  const kernels::Kernels kernels(kernels::best_isa(), pool);
  for (const Written& written : tensors) write_rows(out, written, spec, kernels);
  if (!out.flush()) throw std::runtime_error("cannot write " + directory.string());
}

// ---- directory to GGUF

namespace {

void add_vocabulary(GgufBuilder& builder, int size) {
  std::vector<std::string> tokens = {"<unk>", "<s>", "</s>"};
  std::vector<std::int32_t> types = {2, 3, 3};  // unknown, control, control
  for (int byte = 0; byte < 256; ++byte) {
    tokens.push_back(fmt::format("<0x{:02X}>", byte));
    types.push_back(6);
  }
  while (tokens.size() < static_cast<std::size_t>(size)) {
    tokens.push_back(fmt::format("word{}", tokens.size()));
    types.push_back(1);
  }
  std::vector<float> scores;
  for (std::size_t i = 0; i < tokens.size(); ++i) scores.push_back(-static_cast<float>(i));
  builder.string("tokenizer.ggml.model", "llama").string("tokenizer.ggml.pre", "default");
  builder.strings("tokenizer.ggml.tokens", tokens).array("tokenizer.ggml.scores", scores);
  builder.array("tokenizer.ggml.token_type", types);
  builder.u32("tokenizer.ggml.bos_token_id", 1).u32("tokenizer.ggml.eos_token_id", 2);
}

std::string floats_as_bytes(std::span<const float> numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes()};
}

void add_vector(GgufBuilder& builder, const std::string& name, const std::vector<float>& numbers) {
  builder.tensor({.name = name, .dims = {numbers.size()}, .data = floats_as_bytes(numbers)});
}

void add_rotary(GgufBuilder& builder, const std::string& architecture, const DecoderSpec& spec) {
  if (spec.rotary.empty()) return;
  const native::RotarySpec& rotary = spec.rotary[0];
  const auto key = [&](const char* suffix) { return architecture + ".rope." + suffix; };
  builder.u32(key("dimension_count"), static_cast<std::uint32_t>(rotary.dims));
  builder.f32(key("freq_base"), rotary.theta);
  if (spec.rotary.size() > 1) builder.f32(key("freq_base_swa"), spec.rotary[1].theta);
  switch (rotary.kind) {
    case native::RotaryKind::Linear:
      builder.string(key("scaling.type"), "linear").f32(key("scaling.factor"), rotary.factor);
      break;
    case native::RotaryKind::Yarn:
      builder.string(key("scaling.type"), "yarn").f32(key("scaling.factor"), rotary.factor);
      builder.u32(key("scaling.original_context_length"), rotary.original_positions);
      break;
    case native::RotaryKind::Llama3: {
      native::RotarySpec plain = rotary;
      plain.kind = native::RotaryKind::Default;
      auto factors = rotary_frequencies(plain, 1);
      const auto scaled = rotary_frequencies(rotary, 1);
      std::ranges::transform(factors, scaled, factors.begin(), std::divides());
      add_vector(builder, "rope_freqs.weight", factors);
      break;
    }
    case native::RotaryKind::LongRope:
      builder.u32(key("scaling.original_context_length"), rotary.original_positions);
      builder.f32(key("scaling.attn_factor"), rotary.attention_factor);
      add_vector(builder, "rope_factors_short.weight", rotary.short_factors);
      add_vector(builder, "rope_factors_long.weight", rotary.long_factors);
      break;
    default:
      break;
  }
}

void add_keys(GgufBuilder& builder, const std::string& architecture, const DecoderSpec& spec) {
  const auto key = [&](const char* suffix) { return architecture + "." + suffix; };
  const auto count = [&](const char* suffix, auto number) {
    builder.u32(key(suffix), static_cast<std::uint32_t>(number));
  };
  builder.string("general.architecture", architecture).string("general.type", "model");
  count("block_count", spec.layer_count);
  count("context_length", spec.context_length);
  count("embedding_length", spec.hidden);
  count("feed_forward_length", spec.intermediate);
  count("attention.head_count", spec.heads);
  count("attention.head_count_kv", spec.kv_heads);
  count("attention.key_length", spec.head_dim);
  count("attention.value_length", spec.value_dim);
  builder.f32(key(spec.norm.kind == native::NormKind::Rms ? "attention.layer_norm_rms_epsilon"
                                                          : "attention.layer_norm_epsilon"),
              spec.norm.epsilon);
  std::vector<bool> windowed;
  int window = 0;
  for (const auto& layer : spec.layers) {
    window = std::max(window, layer.window);
    windowed.push_back(layer.window > 0);
  }
  if (window > 0) count("attention.sliding_window", window);
  if (window > 0 && is_gemma(architecture)) {
    std::string flags;
    for (const bool flag : windowed) flags += gguf_bytes<bool>(flag);
    builder.raw_array(key("attention.sliding_window_pattern"), gguf_type::kBool, windowed.size(), flags);
  }
  if (spec.attention_softcap > 0) builder.f32(key("attn_logit_softcapping"), spec.attention_softcap);
  if (spec.logit_softcap > 0) builder.f32(key("final_logit_softcapping"), spec.logit_softcap);
  if (architecture == "granite") {
    builder.f32(key("attention.scale"), spec.attention_scale)
        .f32(key("embedding_scale"), spec.embedding_scale);
    builder.f32(key("residual_scale"), spec.residual_scale).f32(key("logit_scale"), 1 / spec.logit_scale);
  }
  if (architecture == "gptneox")
    builder.boolean(key("use_parallel_residual"), spec.residual != native::Residual::Sequential);
  if (spec.experts.count > 0) {
    count("expert_count", spec.experts.count);
    count("expert_used_count", spec.experts.used);
    if (architecture != "llama") count("expert_feed_forward_length", spec.experts.intermediate);
    if (spec.experts.shared_intermediate > 0)
      count("expert_shared_feed_forward_length", spec.experts.shared_intermediate);
  }
  add_rotary(builder, architecture, spec);
}

TensorNames gguf_names(const std::string& architecture, const DecoderSpec& published) {
  const bool fused = published.qkv != native::QkvLayout::Separate;
  TensorNames names{.embedding = "token_embd",
                    .position_embedding = "position_embd",
                    .output_norm = "output_norm",
                    .head = "output",
                    .attention_norm = "blk.{}.attn_norm",
                    .post_attention_norm = "blk.{}.post_attention_norm",
                    .mlp_norm = "blk.{}.ffn_norm",
                    .post_mlp_norm = "blk.{}.post_ffw_norm",
                    .q = fused ? "" : "blk.{}.attn_q",
                    .k = fused ? "" : "blk.{}.attn_k",
                    .v = fused ? "" : "blk.{}.attn_v",
                    .qkv = fused ? "blk.{}.attn_qkv" : "",
                    .o = "blk.{}.attn_output",
                    .q_norm = "blk.{}.attn_q_norm",
                    .k_norm = "blk.{}.attn_k_norm",
                    .gate = "blk.{}.ffn_gate",
                    .up = architecture == "phi3" ? "" : "blk.{}.ffn_up",
                    .gate_up = "blk.{}.ffn_up",
                    .down = "blk.{}.ffn_down",
                    .router = "blk.{}.ffn_gate_inp",
                    .stacked_gate = "blk.{}.ffn_gate_exps",
                    .stacked_up = "blk.{}.ffn_up_exps",
                    .stacked_down = "blk.{}.ffn_down_exps",
                    .shared_gate = "blk.{}.ffn_gate_shexp",
                    .shared_up = "blk.{}.ffn_up_shexp",
                    .shared_down = "blk.{}.ffn_down_shexp",
                    .shared_router = "blk.{}.ffn_gate_inp_shexp"};
  if (architecture == "falcon" && !published.names.mlp_norm.empty()) {
    names.mlp_norm = names.attention_norm;
    names.attention_norm = "blk.{}.attn_norm_2";
  }
  return names;
}

// Rows as the converter orders them.
std::vector<float> reordered(const std::vector<float>& numbers, std::int64_t rows, std::int64_t cols,
                             const std::function<std::int64_t(std::int64_t row)>& new_row) {
  std::vector<float> out(numbers.size());
  for (std::int64_t r = 0; r < rows; ++r)
    std::copy_n(numbers.begin() + r * cols, cols, out.begin() + new_row(r) * cols);
  return out;
}

// q, k and v of each group of heads become all q, all k, all v.
std::int64_t row_after_regrouping(std::int64_t row, const DecoderSpec& spec) {
  const std::int64_t per_group = spec.heads / spec.kv_heads;
  const std::int64_t head = row / spec.head_dim;
  const std::int64_t group = head / (per_group + 2);
  const std::int64_t in_group = head % (per_group + 2);
  const std::int64_t to = in_group < per_group    ? group * per_group + in_group
                          : in_group == per_group ? spec.heads + group
                                                  : spec.heads + spec.kv_heads + group;
  return to * spec.head_dim + row % spec.head_dim;
}

void add_experts(GgufBuilder& builder, const Checkpoint& checkpoint, const DecoderSpec& spec,
                 const TensorNames& names, int layer) {
  const std::array stacks = {std::pair{&spec.names.expert_gate, &names.stacked_gate},
                             std::pair{&spec.names.expert_up, &names.stacked_up},
                             std::pair{&spec.names.expert_down, &names.stacked_down}};
  for (const auto& [published, gguf] : stacks) {
    std::string data;
    std::vector<std::uint64_t> dims;
    for (int e = 0; e < spec.experts.count; ++e) {
      std::string name = in_layer(*published, layer);
      name.replace(name.find("{e}"), 3, std::to_string(e));
      const TensorView* tensor = must(checkpoint.require(name + ".weight"));
      data += floats_as_bytes(must(checkpoint.floats(*tensor)));
      dims = {static_cast<std::uint64_t>(tensor->shape[1]), static_cast<std::uint64_t>(tensor->shape[0]),
              static_cast<std::uint64_t>(spec.experts.count)};
    }
    builder.tensor({.name = in_layer(*gguf, layer) + ".weight", .dims = dims, .data = std::move(data)});
  }
}

void add_tensor(GgufBuilder& builder, const Checkpoint& checkpoint, const TensorView& tensor,
                const std::string& name, const std::string& architecture, const DecoderSpec& spec) {
  auto numbers = must(checkpoint.floats(tensor));
  std::vector<std::int64_t> shape = tensor.shape;
  const bool is_linear = shape.size() == 2 && !name.starts_with("token_embd") &&
                         !name.starts_with("position_embd") && !name.starts_with("output");
  if (spec.transposed && is_linear) {
    std::vector<float> turned(numbers.size());
    for (std::int64_t i = 0; i < shape[0]; ++i) {
      for (std::int64_t j = 0; j < shape[1]; ++j)
        turned[static_cast<std::size_t>(j * shape[0] + i)] =
            numbers[static_cast<std::size_t>(i * shape[1] + j)];
    }
    numbers = std::move(turned);
    std::swap(shape[0], shape[1]);
  }
  if (has_pairs(architecture) &&
      (name.find("attn_q.") != std::string::npos || name.find("attn_k.") != std::string::npos)) {
    numbers = reordered(numbers, shape[0], shape.size() == 2 ? shape[1] : 1,
                        [&](std::int64_t row) { return row_in_pairs(row, spec.head_dim); });
  }
  const bool grouped = spec.qkv == native::QkvLayout::PerHead || spec.qkv == native::QkvLayout::PerGroup;
  if (grouped && name.find("attn_qkv.") != std::string::npos) {
    numbers = reordered(numbers, shape[0], shape.size() == 2 ? shape[1] : 1,
                        [&](std::int64_t row) { return row_after_regrouping(row, spec); });
  }
  if (is_gemma(architecture) && name.ends_with("norm.weight")) {
    for (float& number : numbers) number += 1;
  }
  if (name.find("ffn_gate_inp_shexp") != std::string::npos) shape.erase(shape.begin());  // one row
  std::ranges::reverse(shape);
  builder.tensor({.name = name, .dims = {shape.begin(), shape.end()}, .data = floats_as_bytes(numbers)});
}

}  // namespace

GgufBuilder gguf_of_directory(const fs::path& directory, const std::string& architecture) {
  const DecoderSpec spec = must(native::decoder_spec(must(HfConfig::open(directory))));
  const auto checkpoint = must(Checkpoint::open(must(describe(directory))));
  GgufBuilder builder;
  add_keys(builder, architecture, spec);
  add_vocabulary(builder, spec.vocabulary);
  const TensorNames names = gguf_names(architecture, spec);
  for (int layer = 0; layer < spec.layer_count && spec.experts.count > 0; ++layer)
    add_experts(builder, *checkpoint, spec, names, layer);
  for (const auto& [published, gguf] : pair_names(spec.names, names)) {
    const int layers = gguf.find("{}") == std::string::npos ? 1 : spec.layer_count;
    if (spec.tied_head && gguf == "output") continue;
    for (int layer = 0; layer < layers; ++layer) {
      for (const char* suffix : {".weight", ".bias"}) {
        const TensorView* tensor = checkpoint->find(in_layer(published, layer) + suffix);
        if (tensor != nullptr)
          add_tensor(builder, *checkpoint, *tensor, in_layer(gguf, layer) + suffix, architecture, spec);
      }
    }
  }
  return builder;
}

}  // namespace minerva::testing
