#include "runtime/context_size.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace minerva {
namespace {

// A context costs memory whether it is used or not: long ones are made when a request needs them.
constexpr std::uint32_t kUnaskedTokensMax = 8192;
// For files that do not say what they were trained for.
constexpr std::uint32_t kUnstatedTokens = 4096;
constexpr std::uint64_t kStep = 256;

}  // namespace

std::uint32_t default_context_tokens(const ModelOptions& options, std::uint32_t trained_tokens) noexcept {
  if (options.context_tokens > 0) return options.context_tokens;
  return std::min(trained_tokens > 0 ? trained_tokens : kUnstatedTokens, kUnaskedTokensMax);
}

std::uint32_t longest_context_tokens(const ModelOptions& options, std::uint32_t trained_tokens) noexcept {
  if (options.context_tokens > 0) return options.context_tokens;
  return trained_tokens > 0 ? trained_tokens : kUnstatedTokens;
}

Result<std::uint32_t> choose_context_tokens(const ModelOptions& options, std::uint32_t trained_tokens,
                                            std::size_t prompt_tokens,
                                            std::optional<std::uint32_t> max_tokens) {
  const bool asked = options.context_tokens > 0;
  const std::uint64_t limit = longest_context_tokens(options, trained_tokens);
  const std::uint64_t needed = std::uint64_t{prompt_tokens} + max_tokens.value_or(1);
  if (needed > limit) {
    const std::string what =
        max_tokens
            ? fmt::format("the prompt has {} tokens and {} more are to be generated, {} in all",
                          prompt_tokens, *max_tokens, needed)
            : fmt::format("the prompt has {} tokens, which leaves no room for an answer", prompt_tokens);
    return fail(
        ErrorCode::ContextOverflow, fmt::format("{}, but the context holds {}", what, limit),
        asked && needed <= trained_tokens
            ? fmt::format("Use a larger context (-c {}; the model was trained for {}), a shorter prompt or "
                          "fewer new tokens.",
                          needed, trained_tokens)
            : "Shorten the prompt, ask for fewer new tokens, or use a model with a longer context.");
  }
  if (asked) return options.context_tokens;
  const std::uint64_t rounded = (needed + kStep - 1) / kStep * kStep;
  return static_cast<std::uint32_t>(
      std::min(limit, std::max<std::uint64_t>(default_context_tokens(options, trained_tokens), rounded)));
}

}  // namespace minerva
