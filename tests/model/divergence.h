// How far a computation strays from a reference, token by token of a text.
#pragma once

#include <span>
#include <vector>

#include "backends/backend.h"

namespace minerva::testing {

struct Divergence {
  double kl = 0;    ///< mean KL(other || reference) of the next token's distributions, nats
  double top1 = 0;  ///< share of positions whose likeliest token is the reference's
};

/// Of each of `others` from `reference`, at every position of `ids`. Opens their contexts; holds the
/// reference's logits (tokens x vocabulary floats).
Result<std::vector<Divergence>> measure_divergence(Model& reference, const std::vector<Model*>& others,
                                                   std::span<const TokenId> ids);

}  // namespace minerva::testing
