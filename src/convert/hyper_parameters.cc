#include "convert/hyper_parameters.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace minerva::convert {
namespace {

using native::DecoderSpec;
using native::RotaryKind;
using native::RotarySpec;

constexpr float kThetaDefault = 10000.0F;  // llama.cpp's, where a file gives none

class Setter {
 public:
  Setter(const Source& source, KeyValues& keys) : family_(*source.family), spec_(source.spec), keys_(keys) {}

  void run() {
    sizes();
    if (!spec_.rotary.empty()) rotary(spec_.rotary.front());
    if (spec_.rotary.size() > 1) set("rope.freq_base_swa", spec_.rotary[1].theta);
    windows();
    softcaps();
  }

 private:
  void set(const char* name, GgufValue value) {
    keys_.set(std::string(family_.architecture) + "." + name, std::move(value));
  }
  void set(const char* name, int value) { set(name, GgufValue(static_cast<std::uint32_t>(value))); }

  void sizes() {
    set("block_count", spec_.layer_count);
    set("context_length", GgufValue(spec_.context_length));
    set("embedding_length", spec_.hidden);
    set("feed_forward_length", spec_.intermediate);
    set("attention.head_count", spec_.heads);
    set("attention.head_count_kv", spec_.kv_heads);
    const bool rms = spec_.norm.kind == native::NormKind::Rms;
    set(rms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon", spec_.norm.epsilon);
    if (!family_.square_attention) {  // else it follows from the others
      set("attention.key_length", spec_.head_dim);
      set("attention.value_length", spec_.value_dim);
    }
    set("vocab_size", spec_.vocabulary);
  }

  void rotary(const RotarySpec& rotary) {
    // Gemma 1 and 2 have no such key in llama.cpp's files: it is left out where it says nothing.
    if (family_.own_head || rotary.theta != kThetaDefault) set("rope.freq_base", rotary.theta);
    if (family_.query_key_pairs || family_.partial_rotary) set("rope.dimension_count", rotary.dims);
    if (family_.partial_rotary) {
      set("rope.scaling.original_context_length", GgufValue(rotary.original_positions));
    }
    switch (rotary.kind) {
      case RotaryKind::Linear:
        set("rope.scaling.type", GgufValue(std::string("linear")));
        set("rope.scaling.factor", rotary.factor);
        break;
      case RotaryKind::Yarn:
        yarn(rotary);
        break;
      case RotaryKind::LongRope:  // its factors are tensors
        set("rope.scaling.attn_factor", rotary.attention_factor);
        break;
      default:  // llama3's factors are a tensor
        break;
    }
  }

  void yarn(const RotarySpec& rotary) {
    set("rope.scaling.type", GgufValue(std::string("yarn")));
    set("rope.scaling.factor", rotary.factor);
    set("rope.scaling.original_context_length", GgufValue(rotary.original_positions));
    if (rotary.beta_fast != RotarySpec{}.beta_fast) set("rope.scaling.yarn_beta_fast", rotary.beta_fast);
    if (rotary.beta_slow != RotarySpec{}.beta_slow) set("rope.scaling.yarn_beta_slow", rotary.beta_slow);
    // llama.cpp has a factor of its own that depends on the scale; this one is multiplied with it.
    const float automatic = rotary.factor <= 1 ? 1.0F : 0.1F * std::log(rotary.factor) + 1.0F;
    const float rest = rotary.attention_factor / automatic;
    if (std::abs(rest - 1.0F) > 1e-6F) set("rope.scaling.attn_factor", rest);
  }

  void windows() {
    if (family_.partial_rotary) {  // phi3: 0 tells those that have none from older ones
      set("attention.sliding_window", spec_.layers.front().window);
      return;
    }
    if (!family_.window_pattern) return;
    int window = 0;
    for (const auto& layer : spec_.layers) window = std::max(window, layer.window);
    if (window == 0) return;
    set("attention.sliding_window", window);
    bool as_usual = true;
    std::vector<bool> windowed;
    for (std::size_t i = 0; i < spec_.layers.size(); ++i) {
      windowed.push_back(spec_.layers[i].window > 0);
      const bool usually = (static_cast<int>(i) + 1) % family_.pattern != 0;
      as_usual = as_usual && windowed.back() == usually;
    }
    if (!as_usual) set("attention.sliding_window_pattern", GgufValue(windowed));
  }

  void softcaps() {
    if (family_.softcaps) set("attn_logit_softcapping", spec_.attention_softcap);
    if (spec_.logit_softcap > 0) set("final_logit_softcapping", spec_.logit_softcap);
  }

  void set(const char* name, float value) { set(name, GgufValue(value)); }

  const Family& family_;
  const DecoderSpec& spec_;
  KeyValues& keys_;
};

}  // namespace

void set_hyper_parameters(const Source& source, KeyValues& keys) {
  Setter(source, keys).run();
}

}  // namespace minerva::convert
