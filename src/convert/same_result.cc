// What llama.cpp computes differently from what a checkpoint means: found before anything is converted.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "convert/families.h"

namespace minerva::convert {
namespace {

using native::RotaryKind;
using native::RotarySpec;

std::unexpected<Error> differs(std::string_view what) {
  return invalid_request(fmt::format("llama.cpp would compute this model differently: {}", what),
                         "Run the directory with the native backend where it can, or convert it all the same "
                         "with 'minerva convert --approximate'.");
}

bool about(double a, double b) {
  return std::abs(a - b) <= 1e-5 * std::max(std::abs(a), std::abs(b));
}

class Check {
 public:
  explicit Check(const Source& source) : family_(*source.family), spec_(source.spec) {}

  Result<void> run() const {
    MINERVA_TRY(activation());
    MINERVA_TRY(windows());
    MINERVA_TRY(attention());
    MINERVA_TRY(softcaps());
    MINERVA_TRY(shapes());
    return rotations();
  }

 private:
  Result<void> activation() const {
    if (spec_.activation == family_.activation) return {};
    // Gemma's first config.json names the exact GELU; the model was trained with the tanh form.
    if (family_.model_type == "gemma" && spec_.activation == kernels::Activation::Gelu) return {};
    return differs(fmt::format("its '{}' has another activation", family_.architecture));
  }

  // A window that is never full is none.
  bool limits(int window) const {
    return window > 0 && static_cast<std::uint32_t>(window) < spec_.context_length;
  }

  Result<void> windows() const {
    const auto has_window = [](const native::LayerSpec& layer) { return layer.window > 0; };
    if (family_.always_windows && std::ranges::none_of(spec_.layers, has_window)) {
      return differs(fmt::format("its '{}' has layers with a sliding window, and this model none",
                                 family_.architecture));
    }
    const auto limited = std::ranges::find_if(spec_.layers, [&](const auto& l) { return limits(l.window); });
    if (limited == spec_.layers.end()) return {};
    if (!family_.window_pattern) {
      return differs(
          fmt::format("its '{}' has no sliding window, and this model's layers see {} of {} tokens",
                      family_.architecture, limited->window, spec_.context_length));
    }
    const bool same = std::ranges::all_of(
        spec_.layers, [&](const auto& l) { return l.window == 0 || l.window == limited->window; });
    if (!same) return differs("it has one sliding window for all layers");
    return {};
  }

  Result<void> attention() const {
    const bool wide = family_.wide_scale_layers > 0 && spec_.layer_count == family_.wide_scale_layers;
    const double expected = 1.0 / std::sqrt(wide ? spec_.hidden / spec_.heads : spec_.head_dim);
    if (about(spec_.attention_scale, expected)) return {};
    return differs(fmt::format("it scales attention by {:.6g}, and this model by {:.6g}", expected,
                               spec_.attention_scale));
  }

  Result<void> softcaps() const {
    if (family_.softcaps) {
      if (spec_.attention_softcap > 0 && spec_.logit_softcap > 0) return {};
      return differs("its soft caps can't be switched off");
    }
    if (spec_.attention_softcap == 0) return {};
    return differs(fmt::format("its '{}' has no soft cap of attention", family_.architecture));
  }

  Result<void> shapes() const {
    if (family_.square_attention && spec_.heads * spec_.head_dim != spec_.hidden) {
      return differs(
          fmt::format("its '{}' has heads that make up the hidden size ({}), and this model's {} "
                      "heads have {} elements each",
                      family_.architecture, spec_.hidden, spec_.heads, spec_.head_dim));
    }
    if (!family_.own_head && !spec_.tied_head) {
      return differs(fmt::format("its '{}' has no output matrix beside the embedding", family_.architecture));
    }
    return {};
  }

  Result<void> rotations() const {
    for (std::size_t i = 0; i < spec_.rotary.size(); ++i) MINERVA_TRY(rotation(spec_.rotary[i], i > 0));
    return {};
  }

  Result<void> rotation(const RotarySpec& rotary, bool of_windows) const {
    if (of_windows && rotary.kind != RotaryKind::Default) {
      return differs("it scales no rotary positions in layers with a window");
    }
    switch (rotary.kind) {
      case RotaryKind::None:
      case RotaryKind::Default:
        return {};
      case RotaryKind::Linear:
        if (!family_.partial_rotary) return {};
        break;
      case RotaryKind::Llama3:
        if (family_.frequency_factors) return {};
        break;
      case RotaryKind::Yarn:
        if (family_.yarn) return yarn(rotary);
        break;
      case RotaryKind::LongRope:
        if (!family_.partial_rotary) break;
        return differs(
            "it chooses longrope's factors by the size of the context, and this model by the length of the "
            "text");
      case RotaryKind::Dynamic:
      case RotaryKind::Proportional:
        break;
    }
    return differs(fmt::format("its '{}' does not scale rotary positions in this way", family_.architecture));
  }

  Result<void> yarn(const RotarySpec& rotary) const {
    if (!rotary.truncate) return differs("it rounds yarn's range of dimensions, and this model does not");
    if (rotary.beta_fast == RotarySpec{}.beta_fast && rotary.beta_slow == RotarySpec{}.beta_slow) return {};
    return differs(fmt::format("its '{}' has yarn's betas fixed at 32 and 1, and this model {} and {}",
                               family_.architecture, rotary.beta_fast, rotary.beta_slow));
  }

  const Family& family_;
  const native::DecoderSpec& spec_;
};

}  // namespace

Result<void> check_same_result(const Source& source) {
  return Check(source).run();
}

}  // namespace minerva::convert
