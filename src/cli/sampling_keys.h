// The sampling settings by the names users give them: one table for the flags and for chat's /set.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cli/arguments.h"
#include "minerva/generation.h"

namespace minerva::cli {

struct SamplingKey {
  std::string_view flags;        ///< "--temp,--temperature"
  std::string_view placeholder;  ///< "F"
  std::string_view help;
  Listed listed = Listed::InFull;
  Result<void> (*set)(SamplingOptions& options, std::string_view what, std::string_view value) = nullptr;
  /// Back to the model's or Minerva's own value.
  void (*reset)(SamplingOptions& options) = nullptr;
  /// The value now, or "default" when the model's or Minerva's own is used.
  std::string (*show)(const SamplingOptions& options) = nullptr;

  /// As /set knows it: the first long flag without dashes, "top_k".
  std::string name() const;
};

std::span<const SamplingKey> sampling_keys();

/// The key for a name as typed: "temp", "top-k", "--top_k", "temperature"; null when there is none.
const SamplingKey* find_sampling_key(std::string_view typed);

}  // namespace minerva::cli
