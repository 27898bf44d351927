// The numbers a model's files may recommend for a generation: their names in files and the values that make
// sense.
#pragma once

#include <span>
#include <string_view>

#include "minerva/model_description.h"

namespace minerva {

struct SamplingField {
  std::string_view gguf_name;  ///< after "general.sampling."; empty where GGUF has none
  std::string_view hf_name;    ///< in generation_config.json; empty where transformers has none
  std::string_view range;      ///< for messages: "0 to 100"
  /// Stores `value` when it is in range (a NaN never is), else returns false.
  bool (*set)(double value, SamplingDefaults& out);
};

std::span<const SamplingField> sampling_fields() noexcept;

}  // namespace minerva
