// Constrained output: which tokens may come next so that an answer matches a schema, an expression or a
// grammar.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>

#include "base/error.h"
#include "base/limits.h"
#include "minerva/generation.h"
#include "text/tokenizer/tokenizer.h"

namespace minerva {

/// Follows one answer. Not thread-safe.
class GrammarMatcher {
 public:
  virtual ~GrammarMatcher() = default;
  /// One bit a token of the vocabulary, least significant first, set where the token may come next. An
  /// end-of-generation token may come where the answer is complete. `mask` has (vocabulary_size + 31) / 32
  /// words. Errors: InvalidRequest when it would take so long that others must not wait for it.
  virtual Result<void> fill_mask(std::span<std::uint32_t> mask) = 0;
  /// Goes on by `id`, which the mask allowed. Errors: Internal when it did not, which changes nothing;
  /// InvalidRequest as above.
  virtual Result<void> accept(TokenId id) = 0;
  /// Whether the answer may end here, and whether it must (nothing but an end may follow).
  virtual bool may_end() const = 0;
  virtual bool must_end() = 0;
};

/// A constraint compiled for one tokenizer. Thread-safe.
class CompiledGrammar {
 public:
  virtual ~CompiledGrammar() = default;
  virtual std::unique_ptr<GrammarMatcher> matcher() const = 0;
};

/// Compiles constraints for one tokenizer and keeps the last ones. Thread-safe.
class GrammarCompiler {
 public:
  /// How long the caller waits.
  struct Wait {
    std::stop_token stop = {};
    std::optional<std::chrono::steady_clock::time_point> deadline = {};
  };
  virtual ~GrammarCompiler() = default;
  /// Compiles on a thread of its own, once for all who ask for the same. Errors: InvalidRequest: not valid
  /// JSON / schema / expression / grammar, or a part that cannot be honoured (named), or beyond the limits of
  /// depth, size and time; Cancelled when `wait` is over; OutOfMemory (no thread can be started).
  virtual Result<std::shared_ptr<const CompiledGrammar>> compile(const OutputConstraint& constraint,
                                                                 const Wait& wait) = 0;
  Result<std::shared_ptr<const CompiledGrammar>> compile(const OutputConstraint& constraint) {
    return compile(constraint, Wait());
  }
};

/// `vocabulary_size`: the number of logits, which may exceed the tokenizer's. The tokenizer is kept.
/// `processor_time_max`: what compiling one constraint may take.
std::unique_ptr<GrammarCompiler> make_grammar_compiler(
    std::shared_ptr<const Tokenizer> tokenizer, std::size_t vocabulary_size,
    std::chrono::milliseconds processor_time_max = std::chrono::seconds(limits::kGrammarSecondsMax));

}  // namespace minerva
