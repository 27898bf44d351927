// The architectures of llama.cpp, by the name that stands in general.architecture.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace minerva {

enum class ArchitectureUse : std::uint8_t {
  Generator,  ///< generates text
  Encoder,    ///< embeds or classifies; comes later
  Diffusion,  ///< fills in masked text; no engine for that
  Part,       ///< a draft head, projector or vocoder: no model of its own
};

/// What a model of this use does instead of generating text: "makes embeddings".
std::string_view use_text(ArchitectureUse use) noexcept;

struct Architecture {
  std::string_view name;
  ArchitectureUse use = ArchitectureUse::Generator;
  /// Our checks were written against this architecture's code: a file that passes them needs no trial
  /// computation.
  bool reviewed = false;
  /// Its memory is neither a plain KV cache nor a sliding window nor recurrent: what a truncation forgets is
  /// not known, so nothing is reused.
  bool exotic_memory = false;
  /// Of `window_pattern` layers the last (or with `window_dense_first` the first) sees everything, the others
  /// a sliding window; 0: all see everything, unless the file lists the layers.
  std::uint8_t window_pattern = 0;
  bool window_dense_first = false;
  std::uint16_t default_window = 0;  ///< tokens, where the file does not say
  /// Its graph has rotary embeddings (llama_model_rope_type is not NONE): of no dimension they never end.
  bool rotates = true;
  /// libllama reads its memory as one with a window without asking whether it is.
  bool needs_window = false;
};

/// Null when llama.cpp (as pinned) does not know `name`.
const Architecture* find_architecture(std::string_view name) noexcept;

/// All, in llama.cpp's order.
std::span<const Architecture> architectures() noexcept;

}  // namespace minerva
