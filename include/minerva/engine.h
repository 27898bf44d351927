// The public face of Minerva: open a model, generate.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "minerva/error.h"
#include "minerva/export.h"
#include "minerva/generation.h"
#include "minerva/model_description.h"
#include "minerva/types.h"

namespace minerva {

/// How a model is opened.
struct ModelOptions {
  /// Backends to try, in order: "llama", "native". Empty: Minerva chooses by format.
  std::vector<std::string> backends = {};
  NumericMode numeric_mode = NumericMode::Default;
  /// Context in tokens, prompt and answer together. 0: what the model was trained for, at most 8,192 unless
  /// a request needs more.
  std::uint32_t context_tokens = 0;
  std::uint32_t batch_tokens = 512;  ///< prompt tokens computed at once, [1, 65536]
  int threads = 0;                   ///< 0: one per core this process may use
  bool use_mmap = true;
};

/// Why a backend that was preferred did not run the model.
struct Fallback {
  std::string backend;
  std::string reason;
};

class LoadedModelImpl;
class EngineImpl;

/// A model ready to generate. Thread-safe: requests to one model wait for each other.
class MINERVA_API LoadedModel {
 public:
  explicit LoadedModel(std::unique_ptr<LoadedModelImpl> impl);
  ~LoadedModel();
  LoadedModel(const LoadedModel&) = delete;
  LoadedModel& operator=(const LoadedModel&) = delete;

  const ModelDescription& description() const noexcept;
  std::string_view backend() const noexcept;         ///< "llama" or "native"
  std::string_view backend_reason() const noexcept;  ///< one sentence
  const std::vector<Fallback>& fallbacks() const noexcept;
  std::string_view numeric_mode() const noexcept;

  /// Ids of `text`. Errors: InvalidRequest (not UTF-8, too long).
  Result<std::vector<TokenId>> tokenize(std::string_view text, bool add_special = true,
                                        bool parse_special = true) const;
  /// Text of `ids`. Errors: InvalidRequest (an id outside the vocabulary).
  Result<std::string> detokenize(const std::vector<TokenId>& ids, bool skip_special = false) const;

  bool has_chat_template() const noexcept;
  /// The prompt for a conversation, ending where the assistant answers: a request to `generate` with its
  /// prompt fields set. Errors: InvalidRequest (no template, or the
  /// template rejects the messages), ModelLoading (the template is damaged).
  Result<GenerationRequest> render_chat(const std::vector<ChatMessage>& messages) const;

  /// Generates; blocks until done. What was computed for the last request is reused as far as the prompts
  /// agree. A request that is cancelled returns what it has, with FinishReason::Cancelled.
  /// Errors: InvalidRequest, ContextOverflow, OutOfMemory, ModelLoading (the file failed while in use).
  Result<Generation> generate(const GenerationRequest& request, const TextCallback& on_text = {});

 private:
  std::unique_ptr<LoadedModelImpl> impl_;
};

struct BackendInfo {
  std::string name;
  std::string version;
};

struct EngineOptions {
  /// Upper bound in bytes for what models may use; 0: what the system and its cgroup have available.
  std::uint64_t memory_limit_bytes = 0;
};

/// Opens models. Thread-safe. Keep one per process.
class MINERVA_API Engine {
 public:
  explicit Engine(const EngineOptions& options = {});
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Detects, describes, chooses a backend, checks memory, loads. Errors: InvalidRequest (format, options),
  /// ModelLoading, OutOfMemory, Cancelled.
  Result<std::shared_ptr<LoadedModel>> open(const std::filesystem::path& path,
                                            const ModelOptions& options = {},
                                            const LoadProgress& progress = {});

  std::vector<BackendInfo> backends() const;

 private:
  std::unique_ptr<EngineImpl> impl_;
};

/// Minerva's version, "MAJOR.MINOR.PATCH".
MINERVA_API std::string_view version() noexcept;

}  // namespace minerva
