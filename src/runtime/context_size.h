// How large a context a request gets.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "minerva/engine.h"

namespace minerva {

/// The tokens a context should hold for a request of `prompt_tokens` that may generate `max_tokens` (absent:
/// until it is full). `options.context_tokens` decides where it is set; else the model's trained length, at
/// most 8,192 unless the request needs more. Errors: ContextOverflow with both numbers.
Result<std::uint32_t> choose_context_tokens(const ModelOptions& options, std::uint32_t trained_tokens,
                                            std::size_t prompt_tokens,
                                            std::optional<std::uint32_t> max_tokens);

/// The most that one request can be given.
std::uint32_t longest_context_tokens(const ModelOptions& options, std::uint32_t trained_tokens) noexcept;

/// The context a model is opened with, before any request is known.
std::uint32_t default_context_tokens(const ModelOptions& options, std::uint32_t trained_tokens) noexcept;

}  // namespace minerva
