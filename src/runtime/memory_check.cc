#include "runtime/memory_check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/cpu.h"

namespace minerva {
namespace {

constexpr std::uint32_t kStep = 256;  // tokens; backends round contexts up to it

// What is offered must work when it is tried: then a little less may be available, and a little more be
// taken, than now.
std::uint64_t offered_bytes(std::uint64_t available_bytes) {
  constexpr std::uint64_t kMarginMin = 8'000'000;
  constexpr std::uint64_t kMarginShare = 50;
  return available_bytes - std::min(available_bytes, std::max(kMarginMin, available_bytes / kMarginShare));
}

std::string gigabytes(std::uint64_t bytes) {
  constexpr double kGigabyte = 1e9;
  const double value = static_cast<double>(bytes) / kGigabyte;
  return value < 1 ? fmt::format("{:.1f} MB", value * 1e3) : fmt::format("{:.1f} GB", value);
}

// Where rounding would make both numbers the same, they are shown as they are.
std::string requires_but_only(std::uint64_t needed, std::uint64_t available) {
  const std::string need = gigabytes(needed);
  const std::string have = gigabytes(available);
  if (need != have) return fmt::format("requires {} but only {} is available", need, have);
  return fmt::format("requires {} bytes but only {} are available", needed, available);
}

// The question, but for the context that is looked for.
struct Question {
  const ModelDescription& description;
  LoadOptions load;
  ContextOptions context;
  std::uint64_t bytes = 0;  // that it must fit into
};

// The largest context, in steps of 256 tokens and no larger than the one asked for, that fits; 0: none does.
std::uint32_t largest_context(const InferenceBackend& backend, Question question) {
  std::uint32_t low = 0;
  std::uint32_t high = question.context.context_tokens / kStep;
  while (low < high) {
    const std::uint32_t middle = low + (high - low + 1) / 2;
    question.context.context_tokens = middle * kStep;
    const auto need = backend.memory_needed(question.description, question.load, question.context);
    if (need && need->total() <= question.bytes) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low * kStep;
}

// What another backend needs for the same, or for a smaller context.
std::string other_backend(const InferenceBackend& backend, Question question) {
  if (backend.supports(question.description).support != Support::Yes) return {};
  if (!backend.capabilities().numeric_modes && question.load.numeric_mode != NumericMode::Default) return {};
  const auto need = backend.memory_needed(question.description, question.load, question.context);
  if (!need) return {};
  if (need->total() <= question.bytes)
    return fmt::format("the {} backend, which needs {} (--backend {})", backend.name(),
                       gigabytes(need->total()), backend.name());
  const std::uint32_t tokens = largest_context(backend, question);
  if (tokens == 0) return {};
  return fmt::format("the {} backend with a context of {} tokens (--backend {} -c {})", backend.name(),
                     tokens, backend.name(), tokens);
}

// Common quantisations as the quantiser makes them of Llama-shaped models, best first: bytes per weight, and
// of those of the output, which most keep more exactly. `copied`: some backend keeps a second copy in the
// order that its kernels like, on x86 or on ARM.
struct Quantisation {
  std::string_view name;
  double bytes_per_weight;
  double bytes_per_output_weight;
  bool super_blocks;  // of 256: rows of other lengths become another type
  bool copied_on_x86;
  bool copied_on_arm;
};
constexpr std::array kQuantisations = {Quantisation{"Q8_0", 8.5 / 8, 8.5 / 8, false, false, true},
                                       Quantisation{"Q6_K", 6.57 / 8, 6.57 / 8, true, false, true},
                                       Quantisation{"Q5_K_M", 5.7 / 8, 6.57 / 8, true, false, true},
                                       Quantisation{"Q4_K_M", 4.9 / 8, 6.57 / 8, true, true, true},
                                       Quantisation{"Q3_K_M", 3.9 / 8, 6.57 / 8, true, false, false},
                                       Quantisation{"Q2_K", 3.0 / 8, 6.57 / 8, true, true, false}};

// The best one that fits in place of the weights as they are.
std::string smaller_quantisation(const Question& question, const MemoryNeed& need) {
  constexpr std::uint32_t kSuperBlock = 256;
  const ModelDescription& model = question.description;
  const std::uint64_t embedding = std::min(
      model.parameter_count, std::uint64_t{model.vocabulary_size} * std::uint64_t{model.embedding_length});
  // What is not weights: the tokenizer among them.
  const std::uint64_t weights_now = std::min(need.weights_bytes, model.tensor_bytes);
  for (const Quantisation& q : kQuantisations) {
    if (q.super_blocks && model.embedding_length % kSuperBlock != 0) continue;
    const auto size = static_cast<std::uint64_t>(static_cast<double>(model.parameter_count - embedding) *
                                                     q.bytes_per_weight +
                                                 static_cast<double>(embedding) * q.bytes_per_output_weight);
    const bool copied = cpu_info().features.dotprod ? q.copied_on_arm : q.copied_on_x86;
    const std::uint64_t held = (copied ? 2 : 1) * size + (need.total() - weights_now);
    if (size < model.tensor_bytes && held <= question.bytes)
      return fmt::format("a {} quantisation of this model (about {})", q.name, gigabytes(size));
  }
  return {};
}

std::string what_would_fit(const InferenceBackend& backend,
                           std::span<const std::shared_ptr<InferenceBackend>> others,
                           const Question& question, const MemoryNeed& need) {
  std::vector<std::string> offers;
  if (const std::uint32_t tokens = largest_context(backend, question); tokens > 0)
    offers.push_back(fmt::format("a context of {} tokens (-c {})", tokens, tokens));
  for (const auto& other : others) {
    if (other->name() == backend.name()) continue;
    if (std::string offer = other_backend(*other, question); !offer.empty())
      offers.push_back(std::move(offer));
  }
  if (std::string offer = smaller_quantisation(question, need); !offer.empty())
    offers.push_back(std::move(offer));
  if (offers.empty()) return "Use a smaller model, close other programs, or raise the memory limit.";
  return fmt::format("What would fit: {}.", fmt::join(offers, ", or "));
}

}  // namespace

Result<void> check_memory(const InferenceBackend& backend, const ModelDescription& description,
                          const LoadOptions& load, const ContextOptions& context,
                          std::uint64_t available_bytes,
                          std::span<const std::shared_ptr<InferenceBackend>> others) {
  MINERVA_ASSIGN(const MemoryNeed need, backend.memory_needed(description, load, context));
  if (need.total() <= available_bytes) return {};
  return fail(
      ErrorCode::OutOfMemory,
      fmt::format("'{}' with a context of {} tokens {} (weights {}, KV cache {}, working memory {})",
                  description.name.empty() ? description.path.filename().string() : description.name,
                  context.context_tokens, requires_but_only(need.total(), available_bytes),
                  gigabytes(need.weights_bytes), gigabytes(need.kv_bytes), gigabytes(need.compute_bytes)),
      what_would_fit(backend, others, {description, load, context, offered_bytes(available_bytes)}, need));
}

}  // namespace minerva
