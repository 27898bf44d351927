#include "backends/llama/memory_need.h"

#include <algorithm>

namespace minerva {
namespace {

constexpr std::uint64_t kLogitsBytesAtOnce = 64U << 20U;
constexpr std::uint64_t kCellBytes = 2;  // F16
constexpr std::uint32_t kCellsStep = 256;

}  // namespace

std::uint32_t logits_rows_at_once(const ContextOptions& options, std::size_t vocabulary_size) {
  const std::uint64_t row_bytes = std::max<std::uint64_t>(vocabulary_size, 1) * sizeof(float);
  const auto rows = static_cast<std::uint32_t>(
      std::clamp<std::uint64_t>(kLogitsBytesAtOnce / row_bytes, 1, options.batch_tokens));
  return std::max(rows, options.sequences_max);
}

std::uint64_t kv_bytes_of(const ModelDescription& description, std::uint32_t cells,
                          const ContextOptions& /*options*/) {
  return std::uint64_t{cells} * description.layer_count * description.kv_head_count *
         (std::uint64_t{description.key_length} + description.value_length) * kCellBytes;
}

Result<MemoryNeed> estimate_memory(const ModelDescription& description, const LoadOptions& /*load*/,
                                   const ContextOptions& context) {
  const std::uint32_t tokens =
      context.context_tokens > 0 ? context.context_tokens : description.context_length;
  const std::uint32_t cells = (tokens + kCellsStep - 1) / kCellsStep * kCellsStep;
  const std::uint64_t logits = std::uint64_t{logits_rows_at_once(context, description.vocabulary_size)} *
                               description.vocabulary_size * sizeof(float);
  return MemoryNeed{.weights_bytes = description.file_bytes,
                    .kv_bytes = kv_bytes_of(description, cells, context),
                    .compute_bytes = logits + (64U << 20U)};
}

}  // namespace minerva
