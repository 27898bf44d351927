// The tokens a draw chooses from, and what narrows them down.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "minerva/types.h"
#include "runtime/sampling_settings.h"

namespace minerva {

/// Tokens with their logits, which are all finite. A step whose setting is "off" does nothing; none leaves
/// fewer than one. Not thread-safe.
class Candidates {
 public:
  void clear() {
    all_.clear();
    temperature_ = 1;
  }
  void add(TokenId id, float logit) { all_.push_back({.id = id, .logit = logit}); }

  /// All that follows, in llama.cpp's order or in transformers' (`settings.temperature_first`).
  void narrow(const SamplingSettings& settings);

  /// Divides the logits.
  void apply_temperature(float temperature);
  void keep_top_k(int k);
  /// Meister et al. 2022: the tokens whose surprise is nearest to the entropy, up to the mass `typical_p`.
  void keep_typical(float typical_p);
  /// Holtzman et al. 2020: the likeliest, up to the mass `top_p`.
  void keep_top_p(float top_p);
  void keep_min_p(float min_p);
  /// Of the 100 likeliest, as many as hold `top_h` of their entropy.
  void keep_top_h(float top_h);
  /// Hewitt et al. 2022: those of at least the probability `epsilon`.
  void keep_epsilon(float epsilon);
  /// Hewitt et al. 2022: as that, but less where the entropy is high.
  void keep_eta(float eta);

  /// One of them, by their probabilities; `random` holds 53 bits.
  TokenId draw(std::uint64_t random) const;
  /// The likeliest, the first of equals.
  TokenId best() const;
  std::vector<TokenId> ids() const;

 private:
  struct Candidate {
    TokenId id;
    float logit;
  };
  struct Distant {  // how far the surprise is from the expected one
    double distance;
    Candidate candidate;
  };
  struct Softmax {
    double log_sum;  // the logarithm of the sum of all exponentials
    double probability(float logit) const;
  };

  float max_logit() const;
  Softmax softmax() const;
  double entropy(const Softmax& softmax) const;
  void keep_probability(double least, const Softmax& softmax);
  std::vector<Candidate> all_;
  std::vector<Distant> distant_;  // keep_typical's
  float temperature_ = 1;         // still to be applied
};

}  // namespace minerva
