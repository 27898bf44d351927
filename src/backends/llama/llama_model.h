// A GGUF loaded by llama.cpp.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "backends/backend.h"
#include "backends/llama/preflight.h"
#include "base/mapping.h"

struct llama_model;

namespace minerva {

/// What LlamaContext may believe of a model's memory (KV cache or recurrent state).
struct MemoryTraits {
  bool recurrent = false;            ///< recurrent or hybrid: never goes back
  bool partial_removal = true;       ///< a tail can be removed
  std::uint32_t sliding_window = 0;  ///< tokens; 0: none
};

class LlamaModel final : public Model, public std::enable_shared_from_this<LlamaModel> {
 public:
  /// `weights_bytes`: what was foretold of the model's memory.
  LlamaModel(std::shared_ptr<llama_model> model, Preflight preflight, std::uint64_t weights_bytes,
             std::vector<WatchedFile> files, std::shared_ptr<const Tokenizer> vocabulary);

  const ModelInfo& info() const noexcept override { return info_; }
  MemoryNeed memory_needed(const ContextOptions& context) const noexcept override;
  Result<std::unique_ptr<Context>> new_context(const ContextOptions& options) override;
  std::shared_ptr<const Tokenizer> vocabulary() const override { return vocabulary_; }
  const Error* poisoned() const noexcept override;

  llama_model* get() const noexcept { return model_.get(); }
  const MemoryTraits& memory_traits() const noexcept { return traits_; }
  const Preflight& preflight() const noexcept { return preflight_; }

 private:
  struct File {
    WatchedFile file;
    Error changed;
    Error failed;
  };

  std::vector<File> files_;  // before model_: watched until it is unmapped
  std::shared_ptr<llama_model> model_;
  std::shared_ptr<const Tokenizer> vocabulary_;
  ModelInfo info_;
  MemoryTraits traits_;
  Preflight preflight_;
  std::uint64_t weights_bytes_;
  mutable std::atomic<const Error*> poison_ = nullptr;
};

}  // namespace minerva
