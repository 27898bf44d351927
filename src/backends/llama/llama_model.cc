#include "backends/llama/llama_model.h"

#include <llama.h>

#include <algorithm>
#include <utility>

#include "backends/llama/llama_context.h"
#include "backends/llama/memory_need.h"

namespace minerva {

LlamaModel::LlamaModel(std::shared_ptr<llama_model> model, Preflight preflight, std::uint64_t weights_bytes,
                       std::vector<WatchedFile> files, std::shared_ptr<const Tokenizer> vocabulary)
    : model_(std::move(model)),
      vocabulary_(std::move(vocabulary)),
      preflight_(std::move(preflight)),
      weights_bytes_(weights_bytes) {
  for (WatchedFile& file : files) {
    Error changed = file_state_error(FileState::Changed, file.name());
    Error failed = file_state_error(FileState::Failed, file.name());
    files_.push_back({std::move(file), std::move(changed), std::move(failed)});
  }
  const llama_model* const raw = model_.get();
  info_ = {.vocabulary_size = static_cast<std::size_t>(llama_vocab_n_tokens(llama_model_get_vocab(raw))),
           .hidden_size = static_cast<std::size_t>(llama_model_n_embd(raw)),
           .context_length = static_cast<std::uint32_t>(llama_model_n_ctx_train(raw)),
           .weights_bytes = llama_model_size(raw),
           .numeric_mode = "default"};
  traits_ = {.recurrent = llama_model_is_recurrent(raw) || llama_model_is_hybrid(raw),
             .partial_removal = !preflight_.architecture->exotic_memory,
             .sliding_window = static_cast<std::uint32_t>(std::max(llama_model_n_swa(raw), 0))};
}

MemoryNeed LlamaModel::memory_needed(const ContextOptions& context) const noexcept {
  return estimate_memory(preflight_, weights_bytes_, context);
}

Result<std::unique_ptr<Context>> LlamaModel::new_context(const ContextOptions& options) {
  if (const Error* error = poisoned()) return std::unexpected(*error);
  return LlamaContext::make(shared_from_this(), options);
}

const Error* LlamaModel::poisoned() const noexcept {
  if (const Error* error = poison_.load(std::memory_order_acquire)) return error;
  for (const File& entry : files_) {
    const FileState state = entry.file.state();
    if (state == FileState::Intact) continue;
    const Error* const error = state == FileState::Changed ? &entry.changed : &entry.failed;
    poison_.store(error, std::memory_order_release);  // for good: zeros may be in its place
    return error;
  }
  return nullptr;
}

}  // namespace minerva
