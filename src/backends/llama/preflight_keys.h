// The hyper-parameters of a GGUF, checked one by one and against each other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "formats/gguf/metadata.h"

namespace minerva {

/// What later checks and the memory estimate need. Per-layer numbers have block_count elements.
struct HyperParameters {
  std::uint32_t block_count = 0;
  std::uint32_t context_length = 0;
  std::uint32_t embedding_length = 0;
  std::uint32_t vocabulary_size = 0;  ///< 0 where the file has no vocabulary
  std::uint32_t key_length = 0;       ///< per head
  std::uint32_t value_length = 0;
  std::uint32_t key_length_swa = 0;  ///< of layers with a sliding window
  std::uint32_t value_length_swa = 0;
  std::uint32_t expert_count = 0;
  std::uint32_t expert_used = 0;                 ///< the most of all layers
  std::optional<std::uint32_t> sliding_window;   ///< as stated, where it is one number
  std::vector<bool> has_window;                  ///< per layer, where the file lists them
  std::uint32_t window_pattern = 0;              ///< as stated; 0: not stated
  bool latent_attention = false;                 ///< keys and values are one compressed vector (MLA)
  std::uint32_t state_elements = 0;              ///< of one layer's recurrent state; 0: none
  std::uint32_t full_attention_interval = 0;     ///< every n-th layer attends, the others are recurrent
  std::uint32_t expert_feed_forward_length = 0;  ///< the most of all layers
  std::vector<std::uint32_t> head_count;
  std::vector<std::uint32_t> head_count_kv;
  std::vector<std::uint32_t> feed_forward_length;
};

/// Errors: ModelLoading naming the key, what was expected and what was found.
Result<HyperParameters> check_hyper_parameters(const gguf::Metadata& metadata, std::string_view architecture);

}  // namespace minerva
