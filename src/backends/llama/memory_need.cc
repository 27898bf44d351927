#include "backends/llama/memory_need.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "base/cpu.h"
#include "text/tokenizer/memory.h"

namespace minerva {
namespace {

constexpr std::uint64_t kLogitsBytesAtOnce = 16U << 20U;
constexpr std::uint64_t kCellElementBytes = 2;    // F16
constexpr std::uint64_t kStateElementBytes = 4;   // F32
constexpr std::uint32_t kCellsStep = 256;         // llama.cpp rounds caches up to it
constexpr std::uint64_t kGraphBytes = 8U << 20U;  // nodes of graphs, buffers of threads

std::uint32_t round_up(std::uint64_t value) noexcept {
  return static_cast<std::uint32_t>((value + kCellsStep - 1) / kCellsStep * kCellsStep);
}

std::uint32_t micro_batch(const ContextOptions& options) noexcept {
  return std::min(options.batch_tokens, kMicroBatchRows);
}

std::uint32_t window_of(const Preflight& preflight) noexcept {
  return preflight.parameters.sliding_window.value_or(preflight.architecture->default_window);
}

bool has_window(const Preflight& preflight, std::uint32_t layer) noexcept {
  const HyperParameters& p = preflight.parameters;
  const bool listed = !p.has_window.empty();
  if (window_of(preflight) == 0 || (!listed && preflight.architecture->window_pattern == 0)) return false;
  if (listed) return p.has_window[layer];
  const std::uint32_t pattern =
      p.window_pattern > 0 ? p.window_pattern : preflight.architecture->window_pattern;
  return preflight.architecture->window_dense_first ? layer % pattern != 0 : layer % pattern < pattern - 1;
}

std::uint32_t window_cells(const Preflight& preflight, std::uint32_t cells,
                           const ContextOptions& options) noexcept {
  const std::uint64_t wanted =
      std::uint64_t{window_of(preflight)} * options.sequences_max + micro_batch(options);
  return round_up(std::min<std::uint64_t>(cells, wanted));
}

// The copies that llama.cpp makes of weights in the order its kernels like (ggml-cpu/repack.cpp); mapped
// originals stay beside them.
bool is_repacked(const gguf::TensorInfo& tensor, bool embedding_is_output) noexcept {
  if (tensor.dim_count < 2 || !tensor.name.ends_with(".weight") || tensor.dims[1] % 8 != 0) return false;
  if (tensor.name == "token_embd.weight" && !embedding_is_output) return false;
  const CpuFeatures& cpu = cpu_info().features;
  switch (tensor.type) {
    case GgmlType::Q4_0:
    case GgmlType::Q4_K:
    case GgmlType::IQ4_NL:
    case GgmlType::MXFP4:
      return cpu.avx2 || cpu.dotprod;
    case GgmlType::Q2_K:
      return cpu.avx512f;
    case GgmlType::Q5_K:
    case GgmlType::Q6_K:
    case GgmlType::Q8_0:
      return cpu.dotprod;
    default:
      return false;
  }
}

// What one layer computes with for each row: some vectors of the model's and the feed-forward's length, and
// which of the cells a row may see.
std::uint64_t activation_bytes(const Preflight& preflight, std::uint32_t cells,
                               const ContextOptions& options) noexcept {
  const HyperParameters& p = preflight.parameters;
  const std::uint64_t heads =
      std::uint64_t{std::ranges::max(p.head_count)} * std::max(p.key_length, p.key_length_swa);
  std::uint64_t feed_forward =
      std::uint64_t{p.expert_used} * (p.expert_feed_forward_length > 0 ? p.expert_feed_forward_length : 0);
  if (!p.feed_forward_length.empty())
    feed_forward = std::max<std::uint64_t>(feed_forward, std::ranges::max(p.feed_forward_length));
  const std::uint64_t row =
      (3 * feed_forward + 5 * std::uint64_t{p.embedding_length} + heads) * sizeof(float);
  std::uint64_t visible = cells;
  for (std::uint32_t layer = 0; layer < p.block_count; ++layer) {
    if (!has_window(preflight, layer)) continue;
    visible += window_cells(preflight, cells, options);
    break;
  }
  return micro_batch(options) * (row + visible * kCellElementBytes);
}

}  // namespace

std::uint64_t weights_memory(const gguf::Model& model, const Preflight& preflight,
                             const LoadOptions& load) noexcept {
  const auto has_output = [](const gguf::File& file) { return file.find_tensor("output.weight") != nullptr; };
  const bool embedding_is_output = std::ranges::none_of(model.files, has_output);
  std::uint64_t bytes = 0;
  for (const gguf::File& file : model.files) {
    bytes += file.tensor_bytes();
    for (const gguf::TensorInfo& tensor : file.tensors()) {
      if (load.use_mmap && is_repacked(tensor, embedding_is_output)) bytes += tensor.bytes;
    }
  }
  return bytes + gguf_vocabulary_bytes(model.metadata(), preflight.parameters.vocabulary_size);
}

std::uint32_t logits_rows_at_once(const ContextOptions& options, std::size_t vocabulary_size) noexcept {
  const std::uint64_t row_bytes = std::max<std::uint64_t>(vocabulary_size, 1) * sizeof(float);
  const auto rows = static_cast<std::uint32_t>(
      std::clamp<std::uint64_t>(kLogitsBytesAtOnce / row_bytes, 1, std::max(options.batch_tokens, 1U)));
  return std::max(rows, options.sequences_max);
}

std::uint64_t cache_bytes(const Preflight& preflight, std::uint32_t cells,
                          const ContextOptions& options) noexcept {
  const HyperParameters& p = preflight.parameters;
  std::uint64_t bytes = 0;
  for (std::uint32_t layer = 0; layer < p.block_count; ++layer) {
    const bool attends = p.full_attention_interval == 0 || (layer + 1) % p.full_attention_interval == 0;
    const bool windowed = has_window(preflight, layer);
    const std::uint64_t keys = windowed ? p.key_length_swa : p.key_length;
    const std::uint64_t values = p.latent_attention ? 0 : windowed ? p.value_length_swa : p.value_length;
    if (attends)
      bytes += (windowed ? window_cells(preflight, cells, options) : cells) * p.head_count_kv[layer] *
               (keys + values) * kCellElementBytes;
    if (!attends || p.full_attention_interval == 0)
      bytes += std::uint64_t{options.sequences_max} * p.state_elements * kStateElementBytes;
  }
  return bytes;
}

MemoryNeed estimate_memory(const Preflight& preflight, std::uint64_t weights_bytes,
                           const ContextOptions& context) noexcept {
  const HyperParameters& p = preflight.parameters;
  const std::uint32_t cells =
      round_up(context.context_tokens > 0 ? context.context_tokens : p.context_length);
  const std::uint64_t row_bytes = std::uint64_t{p.vocabulary_size} * sizeof(float);
  const std::uint64_t logits = logits_rows_at_once(context, p.vocabulary_size) * row_bytes;
  return {.weights_bytes = weights_bytes,
          .kv_bytes = cache_bytes(preflight, cells, context),
          .compute_bytes = std::max(logits, activation_bytes(preflight, cells, context)) +
                           context.sequences_max * row_bytes + kGraphBytes};
}

}  // namespace minerva
