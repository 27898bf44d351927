#include "support/gguf_mutator.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <random>
#include <utility>

#include "support/gguf_builder.h"
#include "tensor/ggml_type.h"

namespace minerva::testing {
namespace {

constexpr std::uint64_t kAlignment = 32;
constexpr std::uint64_t kTensorBytesMax = 1U << 20U;

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  bool ok() const { return ok_; }
  std::size_t position() const { return position_; }
  std::string_view take(std::uint64_t count) {
    if (count > bytes_.size() - position_) {
      ok_ = false;
      return {};
    }
    const auto result = bytes_.substr(position_, static_cast<std::size_t>(count));
    position_ += static_cast<std::size_t>(count);
    return result;
  }
  template <class T>
  T number() {
    T value{};
    const auto bytes = take(sizeof(T));
    if (ok_) std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }
  std::string_view string() { return take(number<std::uint64_t>()); }
  // Moves over one value of `type`; false where that is nonsense.
  bool skip_value(std::uint32_t type) {
    constexpr std::array<std::uint64_t, 13> kBytes = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    if (type >= kBytes.size()) return false;
    if (type == gguf_type::kString) {
      string();
    } else if (type == gguf_type::kArray) {
      const auto element = number<std::uint32_t>();
      const auto count = number<std::uint64_t>();
      if (element == gguf_type::kArray || count > bytes_.size()) return false;
      for (std::uint64_t i = 0; i < count && ok_; ++i) {
        if (!skip_value(element)) return false;
      }
    } else {
      take(kBytes[type]);
    }
    return ok_;
  }
  std::string_view since(std::size_t start) const { return bytes_.substr(start, position_ - start); }

 private:
  std::string_view bytes_;
  std::size_t position_ = 0;
  bool ok_ = true;
};

std::uint64_t align(std::uint64_t value) {
  return (value + kAlignment - 1) / kAlignment * kAlignment;
}

// Bytes of a tensor, or nothing where the type or shape is nonsense or too large to fuzz with.
std::optional<std::uint64_t> bytes_of(const LooseGguf::Tensor& tensor) {
  const GgmlTypeTraits* const type = find_ggml_type(tensor.type);
  if (type == nullptr) return std::nullopt;
  std::uint64_t elements = 1;
  for (const std::uint64_t dim : tensor.dims) {
    if (dim == 0 || dim > kTensorBytesMax || elements > kTensorBytesMax) return std::nullopt;
    elements *= dim;
  }
  if (!tensor.dims.empty() && tensor.dims.front() % type->block_elements != 0) return std::nullopt;
  const std::uint64_t bytes = elements / type->block_elements * type->block_bytes;
  return bytes <= kTensorBytesMax ? std::optional(bytes) : std::nullopt;
}

class Mutator {
 public:
  Mutator(LooseGguf& gguf, unsigned seed) : gguf_(gguf), random_(seed) {}

  void run() {
    for (std::uint64_t i = 0, count = 1 + pick(4); i < count; ++i) {
      const bool of_tensor = !gguf_.tensors.empty() && pick(3) == 0;
      if (of_tensor) {
        change_tensor();
      } else if (!gguf_.key_values.empty()) {
        change_key_value();
      }
    }
  }

 private:
  std::uint64_t pick(std::uint64_t bound) { return random_() % bound; }
  template <class Range>
  auto& choose(Range& range) {
    return range[static_cast<std::size_t>(pick(std::size(range)))];
  }

  std::uint64_t boundary() {
    static constexpr auto kValues = std::to_array<std::uint64_t>(
        {0,          1,         2,     3,           4,           5,          7,
         8,          15,        16,    17,          31,          32,         33,
         63,         64,        65,    127,         128,         255,        256,
         288,        511,       512,   513,         1024,        4096,       32767,
         32768,      65535,     65536, 65537,       0x7fffffff,  0x80000000, 0xfffffffe,
         0xffffffff, 1U << 20U, ~0ULL, 1ULL << 63U, 1ULL << 32U, 1ULL << 24U});
    return pick(3) == 0 ? pick(70) : choose(kValues);
  }
  float boundary_float() {
    static constexpr auto kValues = std::to_array<float>(
        {0.0F, -0.0F, 1.0F, -1.0F, 0.5F, 2.0F, 1e-5F, 1e-30F, 1e30F, -1e30F, 1e4F, 8.0F,
         std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
         std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::denorm_min()});
    return choose(kValues);
  }
  std::string number_bytes(std::uint32_t type) {
    using namespace gguf_type;
    const std::uint64_t value = boundary();
    switch (type) {
      case kU8:
      case kI8:
        return gguf_bytes(static_cast<std::uint8_t>(value));
      case kBool:
        return gguf_bytes(static_cast<std::uint8_t>(value & 1U));
      case kU16:
      case kI16:
        return gguf_bytes(static_cast<std::uint16_t>(value));
      case kU32:
      case kI32:
        return gguf_bytes(static_cast<std::uint32_t>(value));
      case kF32:
        return gguf_bytes(boundary_float());
      case kF64:
        return gguf_bytes(static_cast<double>(boundary_float()));
      default:
        return gguf_bytes(value);
    }
  }
  std::string some_string() {
    static const std::vector<std::string> kStrings = {"",
                                                      "a",
                                                      "llama",
                                                      "none",
                                                      "linear",
                                                      "yarn",
                                                      "longrope",
                                                      "gpt2",
                                                      "bert",
                                                      "t5",
                                                      "rwkv",
                                                      "no_vocab",
                                                      "plamo2",
                                                      "gemma4",
                                                      "default",
                                                      "llama-bpe",
                                                      "qwen2",
                                                      "tekken",
                                                      "gpt-4o",
                                                      "deepseek-llm",
                                                      "smollm",
                                                      "chameleon",
                                                      "superbpe",
                                                      "poro-chat",
                                                      "whitespace",
                                                      "hybriddna",
                                                      "test",
                                                      std::string(3000, 'x'),
                                                      std::string("a\0b", 3),
                                                      "\xff\xfe",
                                                      "<0x0A>",
                                                      "<0x",
                                                      " ",
                                                      "\n",
                                                      "a b",
                                                      " a",
                                                      "a ",
                                                      "<|im_end|>",
                                                      "</s>",
                                                      "<|end|>",
                                                      "phi-3",
                                                      "model"};
    return gguf_string(choose(kStrings));
  }
  std::string array_bytes(std::uint32_t element, std::uint64_t count) {
    std::string content;
    for (std::uint64_t i = 0; i < count; ++i)
      content += element == gguf_type::kString ? some_string() : number_bytes(element);
    return gguf_bytes(element) + gguf_bytes(count) + content;
  }
  std::string value_bytes(std::uint32_t type) {
    if (type == gguf_type::kString) return some_string();
    if (type != gguf_type::kArray) return number_bytes(type);
    static constexpr auto kElements =
        std::to_array<std::uint32_t>({gguf_type::kU32, gguf_type::kI32, gguf_type::kF32, gguf_type::kString,
                                      gguf_type::kBool, gguf_type::kU8, gguf_type::kU64});
    static constexpr auto kCounts = std::to_array<std::uint64_t>({0, 1, 2, 3, 4, 5, 288, 289, 512, 513});
    return array_bytes(choose(kElements), choose(kCounts));
  }

  void change_architecture() {
    static const std::vector<std::string> kArchitectures = {
        "llama",      "gemma3",    "qwen2",       "qwen3",    "phi3",          "gemma2",    "gemma",
        "llama4",     "mamba",     "mamba2",      "falcon",   "gpt2",          "qwen2moe",  "qwen3moe",
        "deepseek2",  "granite",   "olmo2",       "stablelm", "starcoder2",    "phi2",      "gptneox",
        "bloom",      "mpt",       "command-r",   "cohere2",  "gemma3n",       "gpt-oss",   "smollm3",
        "bert",       "t5",        "rwkv6",       "rwkv7",    "jamba",         "lfm2",      "nemotron",
        "exaone",     "minicpm",   "internlm2",   "baichuan", "chatglm",       "glm4",      "dbrx",
        "arctic",     "deci",      "orion",       "qwen",     "plamo",         "refact",    "starcoder",
        "xverse",     "openelm",   "olmoe",       "mistral3", "granitehybrid", "falcon-h1", "plamo2",
        "nemotron_h", "qwen3next", "hunyuan-moe", "ernie4_5", "arwkv7",        "seed_oss",  "apertus",
        "gemma4"};
    std::string old;
    for (const auto& kv : gguf_.key_values) {
      if (kv.key == "general.architecture" && kv.type == gguf_type::kString && kv.bytes.size() > 8)
        old = kv.bytes.substr(8);
    }
    const std::string& name = choose(kArchitectures);
    for (auto& kv : gguf_.key_values) {
      if (kv.key == "general.architecture") kv.bytes = gguf_string(name);
      if (!old.empty() && kv.key.starts_with(old + ".")) kv.key = name + kv.key.substr(old.size());
    }
  }

  void add_known_key() {
    static const std::vector<std::pair<std::string, std::uint32_t>> kKeys = {
        {"attention.key_length", 4},
        {"attention.value_length", 4},
        {"attention.sliding_window", 4},
        {"attention.sliding_window_pattern", 9},
        {"attention.sliding_window_pattern", 4},
        {"attention.causal", 7},
        {"attention.layer_norm_epsilon", 6},
        {"attention.layer_norm_rms_epsilon", 6},
        {"attention.head_count_kv", 4},
        {"attention.head_count_kv", 9},
        {"attention.head_count", 9},
        {"feed_forward_length", 9},
        {"attention.clamp_kqv", 6},
        {"attention.max_alibi_bias", 6},
        {"attention.scale", 6},
        {"attention.q_lora_rank", 4},
        {"attention.kv_lora_rank", 4},
        {"attention.key_length_mla", 4},
        {"attention.value_length_mla", 4},
        {"attention.temperature_length", 4},
        {"attention.chunk_size", 4},
        {"attention.group_norm_groups", 4},
        {"attention.shared_kv_layers", 4},
        {"attention.key_length_swa", 4},
        {"attention.value_length_swa", 4},
        {"rope.dimension_count", 4},
        {"rope.dimension_count_swa", 4},
        {"rope.dimension_sections", 9},
        {"rope.freq_base", 6},
        {"rope.freq_base_swa", 6},
        {"rope.scaling.type", 8},
        {"rope.scaling.factor", 6},
        {"rope.scaling.attn_factor", 6},
        {"rope.scaling.original_context_length", 4},
        {"rope.scaling.yarn_log_multiplier", 6},
        {"rope.scaling.yarn_ext_factor", 6},
        {"expert_count", 4},
        {"expert_used_count", 4},
        {"expert_used_count", 9},
        {"expert_shared_count", 4},
        {"expert_group_count", 4},
        {"expert_group_used_count", 4},
        {"expert_weights_scale", 6},
        {"expert_weights_norm", 7},
        {"expert_gating_func", 4},
        {"expert_feed_forward_length", 4},
        {"expert_shared_feed_forward_length", 4},
        {"leading_dense_block_count", 4},
        {"interleave_moe_layer_step", 4},
        {"moe_every_n_layers", 4},
        {"nextn_predict_layers", 4},
        {"pooling_type", 4},
        {"logit_scale", 6},
        {"residual_scale", 6},
        {"embedding_scale", 6},
        {"final_logit_softcapping", 6},
        {"attn_logit_softcapping", 6},
        {"embedding_length_out", 4},
        {"embedding_length_per_layer_input", 4},
        {"use_parallel_residual", 7},
        {"vocab_size", 4},
        {"ssm.conv_kernel", 4},
        {"ssm.inner_size", 4},
        {"ssm.state_size", 4},
        {"ssm.time_step_rank", 4},
        {"ssm.group_count", 4},
        {"ssm.dt_b_c_rms", 7},
        {"wkv.head_size", 4},
        {"time_mix_extra_dim", 4},
        {"time_decay_extra_dim", 4},
        {"rescale_every_n_layers", 4},
        {"token_shift_count", 4},
        {"decoder_start_token_id", 4},
        {"classifier.output_labels", 9},
        {"block_count", 4},
        {"context_length", 4},
        {"embedding_length", 4},
        {"feed_forward_length", 4},
        {"attention.head_count", 4},
        {"full_attention_interval", 4},
        {"n_deepstack_layers", 4},
        {"altup.active_idx", 4},
        {"altup.num_inputs", 4},
        {"activation_sparsity_scale", 9},
        {"swin_norm", 7},
        {"shortconv.l_cache", 4},
        {"attention.relative_buckets_count", 4},
        {"attention.indexer.top_k", 4},
        {"attention.indexer.head_count", 4},
        {"attention.indexer.key_length", 4}};
    static const std::vector<std::pair<std::string, std::uint32_t>> kTokenizerKeys = {
        {"tokenizer.ggml.bos_token_id", 4},
        {"tokenizer.ggml.eos_token_id", 4},
        {"tokenizer.ggml.eot_token_id", 4},
        {"tokenizer.ggml.eom_token_id", 4},
        {"tokenizer.ggml.unknown_token_id", 4},
        {"tokenizer.ggml.seperator_token_id", 4},
        {"tokenizer.ggml.padding_token_id", 4},
        {"tokenizer.ggml.mask_token_id", 4},
        {"tokenizer.ggml.add_bos_token", 7},
        {"tokenizer.ggml.add_eos_token", 7},
        {"tokenizer.ggml.add_sep_token", 7},
        {"tokenizer.ggml.add_space_prefix", 7},
        {"tokenizer.ggml.remove_extra_whitespaces", 7},
        {"tokenizer.ggml.precompiled_charsmap", 9},
        {"tokenizer.ggml.merges", 9},
        {"tokenizer.ggml.scores", 9},
        {"tokenizer.ggml.token_type", 9},
        {"tokenizer.ggml.tokens", 9},
        {"tokenizer.ggml.pre", 8},
        {"tokenizer.ggml.model", 8},
        {"tokenizer.ggml.token_type_count", 4},
        {"tokenizer.ggml.suppress_tokens", 9},
        {"tokenizer.ggml.fim_pad_token_id", 4},
        {"tokenizer.ggml.normalizer.lowercase", 7},
        {"general.alignment", 4},
        {"general.name", 8},
        {"general.file_type", 4},
        {"split.count", 2},
        {"general.quantization_version", 4}};
    std::string prefix = "llama.";
    for (const auto& kv : gguf_.key_values) {
      if (kv.key == "general.architecture" && kv.bytes.size() > 8) prefix = kv.bytes.substr(8) + ".";
    }
    const bool of_tokenizer = pick(3) == 0;
    const auto& [name, type] = of_tokenizer ? choose(kTokenizerKeys) : choose(kKeys);
    const std::string key = of_tokenizer ? name : prefix + name;
    std::erase_if(gguf_.key_values, [&](const auto& kv) { return kv.key == key; });
    gguf_.key_values.push_back({key, type, value_bytes(type)});
  }

  void change_key_value() {
    auto& kv = choose(gguf_.key_values);
    switch (pick(10)) {
      case 0:
        kv.type = static_cast<std::uint32_t>(pick(13));
        kv.bytes = value_bytes(kv.type);
        break;
      case 1:
        gguf_.key_values.erase(gguf_.key_values.begin() + (&kv - gguf_.key_values.data()));
        break;
      case 2:
        if (pick(3) == 0) change_architecture();
        break;
      case 3:
      case 4:
      case 5:
        add_known_key();
        break;
      case 6:
        change_array(kv);
        break;
      default:
        kv.bytes = kv.type == gguf_type::kArray && pick(2) == 0 ? kv.bytes : value_bytes(kv.type);
    }
  }

  // One element of an array, or its length, everything else as it was.
  void change_array(LooseGguf::KeyValue& kv) {
    if (kv.type != gguf_type::kArray) return;
    Reader reader(kv.bytes);
    const auto element = reader.number<std::uint32_t>();
    const auto count = reader.number<std::uint64_t>();
    std::vector<std::string> items;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::size_t start = reader.position();
      if (!reader.skip_value(element)) return;
      items.emplace_back(reader.since(start));
    }
    const auto fresh = [&] { return element == gguf_type::kString ? some_string() : number_bytes(element); };
    switch (items.empty() ? 3 : pick(5)) {
      case 0:
        choose(items) = fresh();
        break;
      case 1:
        items.pop_back();
        break;
      case 2:
        choose(items) = choose(items);
        break;
      case 3:
        items.push_back(fresh());
        break;
      default:
        std::swap(choose(items), choose(items));
    }
    kv.bytes = gguf_bytes(element) + gguf_bytes<std::uint64_t>(items.size());
    for (const std::string& item : items) kv.bytes += item;
  }

  void change_tensor() {
    auto& tensor = choose(gguf_.tensors);
    switch (pick(8)) {
      case 0: {
        static const std::vector<std::uint32_t> kTypes = {0,  1,  2,  3,  6,  7,  8,  9,  10,
                                                          11, 12, 13, 14, 15, 16, 20, 23, 24,
                                                          25, 26, 27, 28, 29, 30, 34, 35, 39};
        tensor.type = choose(kTypes);
        break;
      }
      case 1:
        gguf_.tensors.erase(gguf_.tensors.begin() + (&tensor - gguf_.tensors.data()));
        return;
      case 2:
        if (!tensor.dims.empty()) std::swap(choose(tensor.dims), choose(tensor.dims));
        break;
      case 3:
        if (!tensor.dims.empty()) choose(tensor.dims) = boundary();
        break;
      case 4:
        tensor.dims.push_back(1 + pick(3));
        break;
      case 5:
        rename_tensor(tensor);
        return;
      case 6:
        add_tensor(tensor);
        return;
      default:
        if (!tensor.data.empty()) {
          for (int i = 0; i < 8; ++i) choose(tensor.data) = static_cast<char>(pick(256));
          if (pick(4) == 0) std::ranges::fill(tensor.data, '\xff');
        }
        return;
    }
    const auto bytes = bytes_of(tensor);
    tensor.data.resize(static_cast<std::size_t>(bytes.value_or(tensor.data.size())), '\1');
  }

  static const std::vector<std::string>& part_names() {
    static const std::vector<std::string> kParts = {"attn_q.weight",
                                                    "attn_k.weight",
                                                    "attn_v.weight",
                                                    "attn_output.weight",
                                                    "attn_norm.weight",
                                                    "attn_norm.bias",
                                                    "attn_q.bias",
                                                    "attn_k.bias",
                                                    "attn_v.bias",
                                                    "attn_output.bias",
                                                    "attn_qkv.weight",
                                                    "attn_qkv.bias",
                                                    "attn_q_norm.weight",
                                                    "attn_k_norm.weight",
                                                    "post_attention_norm.weight",
                                                    "post_ffw_norm.weight",
                                                    "ffn_norm.weight",
                                                    "ffn_gate.weight",
                                                    "ffn_up.weight",
                                                    "ffn_down.weight",
                                                    "ffn_up.bias",
                                                    "ffn_down.bias",
                                                    "ffn_gate_inp.weight",
                                                    "ffn_gate_exps.weight",
                                                    "ffn_up_exps.weight",
                                                    "ffn_down_exps.weight",
                                                    "ffn_gate_shexp.weight",
                                                    "ssm_in.weight",
                                                    "ssm_conv1d.weight",
                                                    "ssm_a",
                                                    "ssm_d",
                                                    "ssm_dt.weight",
                                                    "ssm_dt.bias",
                                                    "ssm_out.weight",
                                                    "attn_sinks.weight",
                                                    "rope_freqs.weight",
                                                    "attn_q.scale",
                                                    "exp_probs_b.bias"};
    return kParts;
  }
  void rename_tensor(LooseGguf::Tensor& tensor) {
    static const std::vector<std::string> kNames = {"output.weight",
                                                    "output.bias",
                                                    "token_embd.weight",
                                                    "output_norm.weight",
                                                    "output_norm.bias",
                                                    "rope_freqs.weight",
                                                    "rope_factors_long.weight",
                                                    "rope_factors_short.weight",
                                                    "token_embd_norm.weight",
                                                    "position_embd.weight",
                                                    "cls.weight"};
    tensor.name =
        pick(2) == 0 ? choose(kNames) : "blk." + std::to_string(pick(3)) + "." + choose(part_names());
  }
  void add_tensor(const LooseGguf::Tensor& like) {
    LooseGguf::Tensor tensor = like;
    rename_tensor(tensor);
    gguf_.tensors.push_back(std::move(tensor));
  }

  LooseGguf& gguf_;
  std::mt19937_64 random_;
};

}  // namespace

std::optional<LooseGguf> LooseGguf::parse(std::string_view file) {
  Reader reader(file);
  if (reader.take(4) != "GGUF") return std::nullopt;
  reader.number<std::uint32_t>();
  const auto tensor_count = reader.number<std::uint64_t>();
  const auto key_value_count = reader.number<std::uint64_t>();
  if (!reader.ok() || tensor_count > file.size() || key_value_count > file.size()) return std::nullopt;
  LooseGguf gguf;
  for (std::uint64_t i = 0; i < key_value_count; ++i) {
    KeyValue kv{.key = std::string(reader.string()), .type = reader.number<std::uint32_t>(), .bytes = {}};
    const std::size_t start = reader.position();
    if (!reader.ok() || !reader.skip_value(kv.type)) return std::nullopt;
    kv.bytes = reader.since(start);
    gguf.key_values.push_back(std::move(kv));
  }
  std::vector<std::uint64_t> offsets;
  for (std::uint64_t i = 0; i < tensor_count; ++i) {
    Tensor tensor{.name = std::string(reader.string()), .dims = {}, .type = 0, .data = {}};
    const auto dim_count = reader.number<std::uint32_t>();
    if (!reader.ok() || dim_count > 8) return std::nullopt;
    for (std::uint32_t d = 0; d < dim_count; ++d) tensor.dims.push_back(reader.number<std::uint64_t>());
    tensor.type = reader.number<std::uint32_t>();
    offsets.push_back(reader.number<std::uint64_t>());
    if (!reader.ok()) return std::nullopt;
    gguf.tensors.push_back(std::move(tensor));
  }
  const std::uint64_t data = align(reader.position());
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    const auto bytes = bytes_of(gguf.tensors[i]);
    const std::uint64_t begin = data + offsets[i];
    if (!bytes || offsets[i] > file.size() || begin + *bytes > file.size()) return std::nullopt;
    gguf.tensors[i].data = file.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(*bytes));
  }
  return gguf;
}

std::string LooseGguf::serialize() const {
  std::string out = "GGUF" + gguf_bytes<std::uint32_t>(3) + gguf_bytes<std::uint64_t>(tensors.size()) +
                    gguf_bytes<std::uint64_t>(key_values.size());
  for (const KeyValue& kv : key_values) out += gguf_string(kv.key) + gguf_bytes(kv.type) + kv.bytes;
  std::uint64_t offset = 0;
  for (const Tensor& tensor : tensors) {
    out += gguf_string(tensor.name) + gguf_bytes(static_cast<std::uint32_t>(tensor.dims.size()));
    for (const std::uint64_t dim : tensor.dims) out += gguf_bytes(dim);
    out += gguf_bytes(tensor.type) + gguf_bytes(offset);
    offset = align(offset + tensor.data.size());
  }
  for (const Tensor& tensor : tensors) {
    out.resize(static_cast<std::size_t>(align(out.size())));
    out += tensor.data;
  }
  out.resize(static_cast<std::size_t>(align(out.size())));
  return out;
}

void mutate_gguf(LooseGguf& gguf, unsigned seed) {
  Mutator(gguf, seed).run();
}

}  // namespace minerva::testing
