#include "runtime/memory_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace minerva {
namespace {

std::string gigabytes(std::uint64_t bytes) {
  constexpr double kGigabyte = 1e9;
  const double value = static_cast<double>(bytes) / kGigabyte;
  return value < 0.1 ? fmt::format("{:.1f} MB", value * 1e3) : fmt::format("{:.1f} GB", value);
}

// The largest context, in steps of 256 tokens, that fits; 0 when none does.
std::uint32_t largest_context(const InferenceBackend& backend, const ModelDescription& description,
                              const LoadOptions& load, ContextOptions context,
                              std::uint64_t available_bytes) {
  constexpr std::uint32_t kStep = 256;
  std::uint32_t low = 0;
  std::uint32_t high = context.context_tokens / kStep;
  while (low < high) {
    const std::uint32_t middle = low + (high - low + 1) / 2;
    context.context_tokens = middle * kStep;
    const auto need = backend.memory_needed(description, load, context);
    if (need && need->total() <= available_bytes) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low * kStep;
}

// Bytes per weight of common quantisations, measured on Llama-shaped files (scales included), best first.
struct Quantisation {
  std::string_view name;
  double bytes_per_weight;
};
constexpr std::array kQuantisations = {Quantisation{"Q8_0", 8.5 / 8}, Quantisation{"Q6_K", 6.57 / 8},
                                       Quantisation{"Q4_K_M", 4.85 / 8}, Quantisation{"Q3_K_M", 3.9 / 8},
                                       Quantisation{"Q2_K", 3.0 / 8}};

std::string smaller_quantisation(const ModelDescription& description, std::uint64_t other_bytes,
                                 std::uint64_t available_bytes) {
  for (const Quantisation& q : kQuantisations) {
    const auto weights =
        static_cast<std::uint64_t>(static_cast<double>(description.parameter_count) * q.bytes_per_weight);
    if (weights < description.tensor_bytes && weights + other_bytes <= available_bytes) {
      return fmt::format("a {} quantisation of this model (about {})", q.name, gigabytes(weights));
    }
  }
  return {};
}

std::string what_would_fit(const InferenceBackend& backend, const ModelDescription& description,
                           const LoadOptions& load, const ContextOptions& context, const MemoryNeed& need,
                           std::uint64_t available_bytes) {
  const std::uint32_t tokens = largest_context(backend, description, load, context, available_bytes);
  if (tokens > 0) return fmt::format("A context of {} tokens would fit: -c {}.", tokens, tokens);
  const std::string quantisation =
      smaller_quantisation(description, need.total() - need.weights_bytes, available_bytes);
  if (!quantisation.empty()) return fmt::format("What would fit: {}.", quantisation);
  return "Use a smaller model, close other programs, or raise the memory limit.";
}

}  // namespace

Result<void> check_memory(const InferenceBackend& backend, const ModelDescription& description,
                          const LoadOptions& load, const ContextOptions& context,
                          std::uint64_t available_bytes) {
  MINERVA_ASSIGN(const MemoryNeed need, backend.memory_needed(description, load, context));
  if (need.total() <= available_bytes) return {};
  return fail(
      ErrorCode::OutOfMemory,
      fmt::format("'{}' with a context of {} tokens requires {} but only {} is available (weights {}, KV "
                  "cache {}, working memory {})",
                  description.name.empty() ? description.path.filename().string() : description.name,
                  context.context_tokens, gigabytes(need.total()), gigabytes(available_bytes),
                  gigabytes(need.weights_bytes), gigabytes(need.kv_bytes), gigabytes(need.compute_bytes)),
      what_would_fit(backend, description, load, context, need, available_bytes));
}

}  // namespace minerva
