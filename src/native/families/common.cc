#include "native/families/common.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace minerva::native {
namespace {

using kernels::Activation;

constexpr std::array<std::pair<std::string_view, RotaryKind>, 9> kRotaryKinds = {{
    {"default", RotaryKind::Default},
    {"linear", RotaryKind::Linear},
    {"dynamic", RotaryKind::Dynamic},
    {"llama3", RotaryKind::Llama3},
    {"yarn", RotaryKind::Yarn},
    {"longrope", RotaryKind::LongRope},
    {"su", RotaryKind::LongRope},
    {"proportional", RotaryKind::Proportional},
    {"mrope", RotaryKind::Default},  // text positions are equal in all sections
}};

constexpr double kStretchedPositionsMax = 1e9;

struct ActivationName {
  std::string_view name;
  Activation activation;
  bool learned = false;  ///< with parameters in the file
};
constexpr std::array kActivations = {
    ActivationName{"gelu", Activation::Gelu},
    ActivationName{"gelu_10", Activation::Gelu10},
    ActivationName{"gelu_accurate", Activation::GeluTanh},
    ActivationName{"gelu_fast", Activation::GeluTanh},
    ActivationName{"gelu_new", Activation::GeluTanh},
    ActivationName{"gelu_python", Activation::Gelu},
    ActivationName{"gelu_python_tanh", Activation::GeluTanh},
    ActivationName{"gelu_pytorch_tanh", Activation::GeluTanh},
    ActivationName{"hardswish", Activation::HardSwish},
    ActivationName{"laplace", Activation::Laplace},
    ActivationName{"leaky_relu", Activation::LeakyRelu},
    ActivationName{"linear", Activation::Linear},
    ActivationName{"mish", Activation::Mish},
    ActivationName{"prelu", Activation::LeakyRelu, true},
    ActivationName{"quick_gelu", Activation::QuickGelu},
    ActivationName{"relu", Activation::Relu},
    ActivationName{"relu2", Activation::Relu2},
    ActivationName{"relu6", Activation::Relu6},
    ActivationName{"sigmoid", Activation::Sigmoid},
    ActivationName{"silu", Activation::Silu},
    ActivationName{"sqrtsoftplus", Activation::SqrtSoftplus},
    ActivationName{"swish", Activation::Silu},
    ActivationName{"tanh", Activation::Tanh},
    ActivationName{"xielu", Activation::XIelu, true},
};

double yarn_mscale(double factor, double mscale) {
  return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

float yarn_attention_factor(ConfigFields& f, float factor) {
  const double mscale = f.number("mscale", 0.0);
  const double all_dim = f.number("mscale_all_dim", 0.0);
  if (mscale != 0 && all_dim != 0) {
    return static_cast<float>(yarn_mscale(factor, mscale) / yarn_mscale(factor, all_dim));
  }
  return static_cast<float>(yarn_mscale(factor, 1));
}

void read_yarn(ConfigFields& f, std::optional<bool> truncate, RotarySpec& rotary) {
  rotary.factor = f.number("factor", static_cast<double>(rotary.max_positions) / rotary.original_positions);
  rotary.attention_factor =
      f.has("attention_factor") ? f.number("attention_factor") : yarn_attention_factor(f, rotary.factor);
  rotary.beta_fast = f.number("beta_fast", 32.0);
  rotary.beta_slow = f.number("beta_slow", 1.0);
  rotary.truncate = truncate.value_or(f.boolean("truncate", true));
}

std::vector<float> read_factors(ConfigFields& f, std::string_view name, int dims) {
  const auto numbers = f.numbers(name);
  if (numbers.size() != static_cast<std::size_t>(dims) / 2) {
    f.reject(name, "has " + std::to_string(numbers.size()) + " factors where " + std::to_string(dims / 2) +
                       " are needed");
    return std::vector<float>(static_cast<std::size_t>(dims) / 2, 1.0F);
  }
  return {numbers.begin(), numbers.end()};
}

void read_longrope(ConfigFields& f, RotarySpec& rotary) {
  rotary.short_factors = read_factors(f, "short_factor", rotary.dims);
  rotary.long_factors = read_factors(f, "long_factor", rotary.dims);
  const double factor =
      f.number("factor", static_cast<double>(rotary.max_positions) / rotary.original_positions);
  const double automatic =
      factor <= 1 ? 1.0 : std::sqrt(1 + std::log(factor) / std::log(rotary.original_positions));
  rotary.attention_factor = f.number("attention_factor", automatic);
}

// What every kind has, with the values that older files keep outside of the object.
struct RotaryBasis {
  double theta;
  double partial_factor;
  bool partial;  // whether the family looks at the factor: if not, "default" ignores it, and others can't
  std::uint32_t positions;
  std::optional<std::uint32_t> original_positions;  // stated outside of the object
  std::optional<bool> truncate = {};                // the same
  bool type_is_old = true;                          // whether "type" may stand for "rope_type"
};

RotarySpec read_rotary(ConfigFields& f, const RotaryBasis& basis, const DecoderSpec& spec) {
  RotarySpec rotary{.kind = RotaryKind::Default};
  const bool old = basis.type_is_old && !f.has("rope_type");
  const std::string name = f.text(old ? "type" : "rope_type", "default");
  const auto kind = std::ranges::find(kRotaryKinds, name, [](const auto& entry) { return entry.first; });
  if (kind == kRotaryKinds.end()) {
    f.reject("rope_type", "is '" + name + "', which Minerva does not know");
  } else {
    rotary.kind = kind->second;
  }
  rotary.theta = f.number("rope_theta", basis.theta);
  rotary.head_dim = spec.head_dim;
  float partial = f.number("partial_rotary_factor", basis.partial_factor);
  if (!basis.partial && partial != 1 && rotary.kind != RotaryKind::Proportional) {
    if (rotary.kind != RotaryKind::Default) {
      f.reject("partial_rotary_factor", "is not 1, and this family rotates whole heads");
    }
    partial = 1;
  }
  rotary.dims =
      partial >= 0 && partial <= 1 ? static_cast<int>(static_cast<float>(spec.head_dim) * partial) : 0;
  rotary.max_positions = basis.positions;
  if (!(rotary.theta > 0)) f.reject("rope_theta", "is not above 0");
  if (rotary.dims < 2 || rotary.dims > spec.head_dim || rotary.dims % 2 != 0) {
    f.reject("partial_rotary_factor", "makes " + std::to_string(rotary.dims) + " of a head's " +
                                          std::to_string(spec.head_dim) +
                                          " elements rotate; expected an even number, at least 2");
    rotary.dims = 2;
  }
  rotary.original_positions =
      basis.original_positions
          ? *basis.original_positions
          : static_cast<std::uint32_t>(f.integer("original_max_position_embeddings", basis.positions));
  switch (rotary.kind) {
    case RotaryKind::Linear:
    case RotaryKind::Dynamic:
      rotary.factor = f.number("factor");
      break;
    case RotaryKind::Proportional:
      rotary.factor = f.number("factor", 1.0);
      break;
    case RotaryKind::Llama3:
      rotary.factor = f.number("factor");
      rotary.low_freq_factor = f.number("low_freq_factor");
      rotary.high_freq_factor = f.number("high_freq_factor");
      if (rotary.low_freq_factor <= 0 || rotary.high_freq_factor <= rotary.low_freq_factor) {
        f.reject("high_freq_factor", "is not above a positive low_freq_factor");
      }
      break;
    case RotaryKind::Yarn:
      read_yarn(f, basis.truncate, rotary);
      break;
    case RotaryKind::LongRope:
      read_longrope(f, rotary);
      break;
    case RotaryKind::Default:
    case RotaryKind::None:
      break;
  }
  if (!(rotary.factor > 0)) f.reject("factor", "is not above 0");
  return rotary;
}

RotaryBasis rotary_basis(ConfigFields& fields, const ClassDefaults& defaults, const DecoderSpec& spec) {
  RotaryBasis basis{
      .theta = fields.number("rope_theta", defaults.theta),
      .partial_factor = fields.number("partial_rotary_factor", defaults.partial_rotary.value_or(1.0)),
      .partial = defaults.partial_rotary.has_value(),
      .positions = spec.context_length,
      .original_positions = {}};
  if (fields.has("original_max_position_embeddings")) {
    basis.original_positions = static_cast<std::uint32_t>(fields.integer("original_max_position_embeddings"));
  }
  return basis;
}

// The object with the parameters: `rope_scaling` is the older name.
std::optional<HfConfig> rotary_object(ConfigFields& fields) {
  auto scaling = fields.object("rope_scaling");
  return scaling && !scaling->keys().empty() ? scaling : fields.object("rope_parameters");
}

RotarySpec read_rotary_in(ConfigFields& fields, const std::optional<HfConfig>& object,
                          const RotaryBasis& basis, const DecoderSpec& spec,
                          std::string_view otherwise = "{}") {
  ConfigFields inner(object ? *object : *HfConfig::parse(otherwise, "config.json"));
  RotarySpec rotary = read_rotary(inner, basis, spec);
  fields.adopt(inner);
  return rotary;
}

}  // namespace

TensorNames llama_names() {
  return {.embedding = "model.embed_tokens",
          .output_norm = "model.norm",
          .head = "lm_head",
          .attention_norm = "model.layers.{}.input_layernorm",
          .mlp_norm = "model.layers.{}.post_attention_layernorm",
          .q = "model.layers.{}.self_attn.q_proj",
          .k = "model.layers.{}.self_attn.k_proj",
          .v = "model.layers.{}.self_attn.v_proj",
          .o = "model.layers.{}.self_attn.o_proj",
          .gate = "model.layers.{}.mlp.gate_proj",
          .up = "model.layers.{}.mlp.up_proj",
          .down = "model.layers.{}.mlp.down_proj",
          .activation = "model.layers.{}.mlp.act_fn"};
}

TensorNames gpt2_names() {
  return {.embedding = "transformer.wte",
          .position_embedding = "transformer.wpe",
          .output_norm = "transformer.ln_f",
          .head = "lm_head",
          .attention_norm = "transformer.h.{}.ln_1",
          .mlp_norm = "transformer.h.{}.ln_2",
          .qkv = "transformer.h.{}.attn.c_attn",
          .o = "transformer.h.{}.attn.c_proj",
          .up = "transformer.h.{}.mlp.c_fc",
          .down = "transformer.h.{}.mlp.c_proj",
          .activation = "transformer.h.{}.mlp.act"};
}

void name_qk_norms(DecoderSpec& spec) {
  spec.qk_norm = QkNorm::PerHead;
  spec.names.q_norm = "model.layers.{}.self_attn.q_norm";
  spec.names.k_norm = "model.layers.{}.self_attn.k_norm";
}

void name_experts(DecoderSpec& spec) {
  spec.names.router = "model.layers.{}.mlp.gate";
  spec.names.expert_gate = "model.layers.{}.mlp.experts.{e}.gate_proj";
  spec.names.expert_up = "model.layers.{}.mlp.experts.{e}.up_proj";
  spec.names.expert_down = "model.layers.{}.mlp.experts.{e}.down_proj";
  spec.names.stacked_gate = "model.layers.{}.mlp.switch_mlp.gate_proj";
  spec.names.stacked_up = "model.layers.{}.mlp.switch_mlp.up_proj";
  spec.names.stacked_down = "model.layers.{}.mlp.switch_mlp.down_proj";
}

void rotate_pairs(DecoderSpec& spec) {
  for (RotarySpec& rotary : spec.rotary) rotary.pairs = true;
}

void read_activation(ConfigFields& fields, std::string_view field, std::string_view fallback,
                     DecoderSpec& spec) {
  const std::string name = fields.text(field, fallback);
  const auto found = std::ranges::find(kActivations, name, &ActivationName::name);
  if (found == kActivations.end()) {
    fields.reject(field, "is '" + name + "', which Minerva does not know");
    return;
  }
  spec.activation = found->activation;
  spec.learned_activation = found->learned;
}

void read_attention_bias(ConfigFields& fields, DecoderSpec& spec, std::string_view field, bool fallback) {
  spec.biases.qkv = spec.biases.o = fields.boolean(field, fallback);
}

void llama_like(ConfigFields& fields, const ClassDefaults& d, DecoderSpec& spec) {
  spec.vocabulary = fields.integer("vocab_size", d.vocabulary, 1, kWidthMax);
  spec.hidden = fields.integer("hidden_size", d.hidden, 1, kWidthMax);
  spec.intermediate = fields.integer("intermediate_size", d.intermediate, 1, kWidthMax);
  spec.layer_count = fields.integer("num_hidden_layers", d.layers, 1, kLayersMax);
  spec.heads = fields.integer("num_attention_heads", d.heads, 1, kHeadsMax);
  // A null is not the class default, but "follows from the others".
  const bool all_heads = d.kv_heads == 0 || fields.is_null("num_key_value_heads");
  spec.kv_heads = fields.integer("num_key_value_heads", all_heads ? spec.heads : d.kv_heads, 1, kHeadsMax);
  const bool derived = d.head_dim == 0 || fields.is_null("head_dim");
  spec.head_dim =
      fields.integer("head_dim", derived ? std::max(1, spec.hidden / spec.heads) : d.head_dim, 1, kHeadMax);
  if (spec.head_dim > kHeadMax) {  // the derived one was not looked at yet
    fields.reject("hidden_size", "makes heads of " + std::to_string(spec.head_dim) +
                                     " elements; expected at most " + std::to_string(kHeadMax));
    spec.head_dim = 2;
  }
  spec.value_dim = spec.head_dim;
  spec.context_length = static_cast<std::uint32_t>(fields.integer("max_position_embeddings", d.positions));
  spec.norm.epsilon = fields.number(d.epsilon_name, d.epsilon);
  if (!d.activation_name.empty()) read_activation(fields, d.activation_name, d.activation, spec);
  spec.tied_head = fields.boolean("tie_word_embeddings", d.tied);
  spec.attention_scale = 1.0F / std::sqrt(static_cast<float>(spec.head_dim));
  spec.layers.assign(static_cast<std::size_t>(spec.layer_count), {});
  spec.names = llama_names();
  add_rotary(fields, d, spec);
}

float yarn_score_scale(ConfigFields& fields) {
  const auto object = rotary_object(fields);
  if (!object) return 1.0F;
  ConfigFields inner(*object);
  const double all_dim = inner.number("mscale_all_dim", 0.0);
  const bool scaled = inner.text(inner.has("rope_type") ? "rope_type" : "type", "default") != "default";
  const float scale =
      scaled && all_dim != 0 ? static_cast<float>(yarn_mscale(inner.number("factor"), all_dim)) : 1.0F;
  fields.adopt(inner);
  return scale;
}

void add_rotary(ConfigFields& fields, const ClassDefaults& defaults, DecoderSpec& spec) {
  spec.rotary = {read_rotary_in(fields, rotary_object(fields), rotary_basis(fields, defaults, spec), spec,
                                defaults.rope_parameters)};
  const RotarySpec& rotary = spec.rotary.front();
  if (rotary.kind == RotaryKind::Dynamic) {  // max_position_embeddings is the length before it is stretched
    const double stretched = spec.context_length * std::max(1.0, static_cast<double>(rotary.factor));
    spec.context_length = static_cast<std::uint32_t>(std::min(stretched, kStretchedPositionsMax));
  }
}

// As transformers 5.24 does, oddities included: `rope_parameters` counts only where it is nested,
// `rope_scaling` is for full attention and does not know "type", and `truncate` stands beside the nested
// objects, not in them.
void add_rotary_per_layer_type(ConfigFields& fields, const ClassDefaults& defaults, double local_theta,
                               DecoderSpec& spec) {
  RotaryBasis full = rotary_basis(fields, defaults, spec);
  full.original_positions.reset();
  full.truncate = true;
  std::optional<HfConfig> full_object;
  std::optional<HfConfig> sliding_object;
  if (const auto object = fields.object("rope_parameters")) {
    ConfigFields inner(*object);
    full_object = inner.object("full_attention");
    sliding_object = inner.object("sliding_attention");
    full.truncate = inner.boolean("truncate", true);
    fields.adopt(inner);
  }
  RotaryBasis sliding = full;
  sliding.theta = local_theta;
  if (const auto scaling = fields.object("rope_scaling")) {
    if (full_object) {
      ConfigFields inner(*full_object);
      full.theta = inner.number("rope_theta", full.theta);
      fields.adopt(inner);
    }
    full_object = scaling;
    full.type_is_old = false;
  }
  spec.rotary = {read_rotary_in(fields, full_object, full, spec),
                 read_rotary_in(fields, sliding_object, sliding, spec)};
  for (LayerSpec& layer : spec.layers) layer.rotary_index = layer.window > 0 ? 1 : 0;
}

void set_qwen_windows(ConfigFields& fields, DecoderSpec& spec) {
  const bool on = fields.boolean("use_sliding_window", false);
  const int window =
      on ? fields.window("sliding_window", 4096) : -1;  // one that is off is refused if asked for
  const int first = on ? fields.integer("max_window_layers", 28, 0) : spec.layer_count;
  set_windows(fields, spec, window, [&](int i) { return i >= first; });
}

}  // namespace minerva::native
