// Which experts compute a token, and with what weight.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "native/decoder_spec.h"

namespace minerva::native {

struct ExpertChoice {
  std::int64_t row;
  int expert;
  float weight;
};

/// Appends the choices for `row` to `choices`. `scores`: the router's logits, changed in place. `correction`:
/// one number for each expert that counts for the choice but not for the weight (deepseek_v3), or none.
void route(std::span<float> scores, const ExpertsSpec& spec, const std::vector<float>& correction,
           std::int64_t row, std::vector<ExpertChoice>& choices);

}  // namespace minerva::native
