#include "convert/families.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "formats/quote.h"
#include "native/families/common.h"

namespace minerva::convert {
namespace {

using kernels::Activation;
using native::ConfigFields;
using native::DecoderSpec;

// Llama with squared ReLU instead of a gated MLP.
void arcee(ConfigFields& fields, DecoderSpec& spec) {
  native::llama_like(
      fields,
      {.hidden = 2560, .intermediate = 18432, .positions = 4096, .epsilon = 1e-5, .activation = "relu2"},
      spec);
  spec.gated = false;
  native::read_attention_bias(fields, spec);
  spec.biases.mlp = fields.boolean("mlp_bias", false);
  spec.names.gate.clear();
}

// StarCoder: GPT-2 with one key and one value head for all queries, and weights stored [out, in].
void gpt_bigcode(ConfigFields& fields, DecoderSpec& spec) {
  spec.vocabulary = fields.integer("vocab_size", 50257, 1, native::kWidthMax);
  spec.hidden = fields.integer({"n_embd", "hidden_size"}, 768, 1, native::kWidthMax);
  spec.layer_count = fields.integer({"n_layer", "num_hidden_layers"}, 12, 1, native::kLayersMax);
  spec.heads = fields.integer({"n_head", "num_attention_heads"}, 12, 1, native::kHeadsMax);
  spec.intermediate = fields.integer("n_inner", std::int64_t{4} * spec.hidden, 1, native::kWidthMax);
  spec.context_length =
      static_cast<std::uint32_t>(fields.integer({"n_positions", "max_position_embeddings"}, 1024));
  spec.kv_heads = 1;
  if (!fields.boolean("multi_query", true)) {
    fields.reject("multi_query", "is false: each head has keys of its own, which is not converted");
  }
  if (!fields.boolean("scale_attn_weights", true)) {
    fields.reject("scale_attn_weights", "is false, which is not converted");
  }
  spec.head_dim = std::max(1, spec.hidden / spec.heads);
  spec.value_dim = spec.head_dim;
  spec.attention_scale = 1.0F / std::sqrt(static_cast<float>(spec.head_dim));
  spec.norm = {.kind = native::NormKind::Layer, .epsilon = fields.number("layer_norm_epsilon", 1e-5)};
  native::read_activation(fields, "activation_function", "gelu_pytorch_tanh", spec);
  spec.gated = false;
  spec.tied_head = fields.boolean("tie_word_embeddings", true);
  spec.positions = native::PositionKind::Learned;
  spec.qkv = native::QkvLayout::Concatenated;
  spec.biases = {.qkv = true, .o = true, .mlp = true, .norms = true};
  spec.layers.assign(static_cast<std::size_t>(spec.layer_count), {.rotary = false});
  spec.names = native::gpt2_names();
}

constexpr std::array kFamilies = {
    Family{.model_type = "llama",
           .architecture = "llama",
           .query_key_pairs = true,
           .output_bias = true,
           .mlp_bias = true,
           .frequency_factors = true,
           .yarn = true},
    Family{.model_type = "mistral",
           .architecture = "llama",
           .query_key_pairs = true,
           .frequency_factors = true,
           .yarn = true},
    Family{.model_type = "qwen2", .architecture = "qwen2", .square_attention = true, .yarn = true},
    Family{.model_type = "qwen3", .architecture = "qwen3", .yarn = true},
    Family{.model_type = "gemma",
           .architecture = "gemma",
           .activation = Activation::GeluTanh,
           .own_head = false},
    Family{.model_type = "gemma2",
           .architecture = "gemma2",
           .activation = Activation::GeluTanh,
           .window_pattern = true,
           .always_windows = true,
           .pattern = 2,
           .wide_scale_layers = 46,
           .softcaps = true,
           .own_head = false},
    Family{.model_type = "gemma3_text",
           .architecture = "gemma3",
           .activation = Activation::GeluTanh,
           .window_pattern = true,
           .pattern = 6,
           .wide_scale_layers = 62},
    Family{.model_type = "phi3", .architecture = "phi3", .square_attention = true, .partial_rotary = true},
    Family{.model_type = "arcee",
           .architecture = "arcee",
           .spec = arcee,
           .activation = Activation::Relu2,
           .query_key_pairs = true,
           .frequency_factors = true,
           .yarn = true},
    Family{.model_type = "gpt_bigcode",
           .architecture = "starcoder",
           .spec = gpt_bigcode,
           .activation = Activation::GeluTanh,
           .output_bias = true,
           .mlp_bias = true,
           .square_attention = true},
};

std::string names_of_families() {
  std::array<std::string_view, kFamilies.size()> names;
  std::ranges::transform(kFamilies, names.begin(), &Family::model_type);
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

const Family* find_family(std::string_view model_type) noexcept {
  const auto found = std::ranges::find(kFamilies, model_type, &Family::model_type);
  return found == kFamilies.end() ? nullptr : &*found;
}

Result<Source> read_source(const HfConfig& config) {
  MINERVA_ASSIGN(const HfConfig text, config.text());
  MINERVA_ASSIGN(const std::string model_type, text.require_string("model_type"));
  const Family* const family = find_family(model_type);
  if (family == nullptr) {
    return invalid_request(
        fmt::format("the architecture {} is not converted to GGUF", quoted(model_type)),
        fmt::format("Those that are: {}. llama.cpp's own converter knows more.", names_of_families()));
  }
  if (config.has("vision_config") || config.has("audio_config")) {
    return invalid_request("the model also sees or hears, which is not converted to GGUF",
                           "Use its text-only version, or llama.cpp's own converter.");
  }
  Source source{.family = family, .spec = {}};
  const auto function = family->spec != nullptr ? family->spec : native::find_family(model_type);
  MINERVA_ASSIGN(source.spec, native::decoder_spec(config, function));
  return source;
}

}  // namespace minerva::convert
