/// @file
/// The public face of Minerva: open a model, generate.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "minerva/chat.h"
#include "minerva/error.h"
#include "minerva/export.h"
#include "minerva/generation.h"
#include "minerva/model_description.h"
#include "minerva/types.h"

namespace minerva {

/// How a model is opened.
struct ModelOptions {
  /// Backends to try, in order: "llama", "native", "auto". Empty: the engine's preference.
  std::vector<std::string> backends = {};
  NumericMode numeric_mode = NumericMode::Default;  ///< other than the default: native backend only
  /// Context in tokens of one request, prompt and answer together. 0: what the model was trained for, at most
  /// 8,192 unless a request needs more.
  std::uint32_t context_tokens = 0;
  std::uint32_t batch_tokens = 512;  ///< prompt tokens computed at once, [1, 65536]
  int threads = 0;                   ///< 0: one per core this process may use
  bool use_mmap = true;              ///< map the files instead of reading them
  std::uint32_t parallel = 16;       ///< requests computed at the same time at the most, [1, 256]
};

/// Why a backend that was preferred did not run the model.
struct Fallback {
  std::string backend;  ///< its name
  std::string reason;   ///< why it could not
};

class ModelHandle;
class EngineImpl;

/// A model of an engine, ready to generate. Thread-safe: requests that come together are computed together.
/// While no request runs, its weights may be evicted to make room for other models; the next request loads
/// them again. Keeps the engine alive.
class MINERVA_API LoadedModel {
 public:
  /// Engine::open makes it.
  explicit LoadedModel(std::unique_ptr<ModelHandle> handle);
  ~LoadedModel();
  LoadedModel(const LoadedModel&) = delete;
  LoadedModel& operator=(const LoadedModel&) = delete;

  const ModelDescription& description() const noexcept;  ///< what its files hold
  std::string_view backend() const noexcept;             ///< "llama" or "native"
  std::string_view backend_reason() const noexcept;      ///< one sentence
  /// The backends that were preferred and did not run it, in order.
  const std::vector<Fallback>& fallbacks() const noexcept;
  std::string_view numeric_mode() const noexcept;  ///< how the backend computes

  /// Ids of `text`. Errors: InvalidRequest (not UTF-8, too long).
  Result<std::vector<TokenId>> tokenize(std::string_view text, bool add_special = true,
                                        bool parse_special = true) const;
  /// Text of `ids`. Errors: InvalidRequest (an id outside the vocabulary).
  Result<std::string> detokenize(const std::vector<TokenId>& ids, bool skip_special = false) const;

  bool has_chat_template() const noexcept;  ///< whether `render_chat` can work
  /// The prompt for a conversation, ending where the assistant answers: a request to `generate` with its
  /// prompt fields set; `options` says what else it is rendered with, and where else it may end. Errors:
  /// InvalidRequest (no template, or the template rejects the messages or has no place for what the options
  /// give), ModelLoading (the template is damaged).
  Result<GenerationRequest> render_chat(const std::vector<ChatMessage>& messages,
                                        const ChatOptions& options = {}) const;
  /// The same for messages as JSON, a list of objects as transformers' templates and OpenAI's requests have
  /// them: with "tool_calls", "tool_call_id", "name", "reasoning_content", content as a list of typed parts,
  /// or whatever else the template reads. A field that is null counts as absent.
  Result<GenerationRequest> render_chat_json(std::string_view messages,
                                             const ChatOptions& options = {}) const;

  /// Generates; blocks until done. What was computed for earlier requests is reused as far as the prompts
  /// agree. A request that is cancelled returns what it has, with FinishReason::Cancelled.
  /// Errors: InvalidRequest, ContextOverflow, OutOfMemory, Busy (the queue is full), ModelLoading (the file
  /// failed while in use).
  Result<Generation> generate(const GenerationRequest& request, const TextCallback& on_text = {});

 private:
  std::unique_ptr<ModelHandle> handle_;
};

/// A backend of the library.
struct BackendInfo {
  std::string name;     ///< "llama", "native"
  std::string version;  ///< of what computes
};

/// How an engine works.
struct EngineOptions {
  /// Upper bound in bytes for what all models together may use; 0: what the system and its cgroup have
  /// available, less a reserve.
  std::uint64_t memory_limit_bytes = 0;
  /// Preference for models opened without one. Empty: MINERVA_BACKEND, the configuration file, the format.
  std::vector<std::string> backends = {};
  /// How long a model that nobody uses stays in memory: negative = for ever, 0 = unload at once.
  std::chrono::milliseconds keep_alive = std::chrono::minutes(5);
  std::uint32_t queue_max = 64;  ///< requests that may wait for one model; more are refused as Busy
  /// For what was computed of earlier prompts, per model.
  std::uint64_t prefix_cache_bytes = 256U << 20U;
  /// Where converted models are kept. Empty: $MINERVA_CACHE, $XDG_CACHE_HOME/minerva, ~/.cache/minerva.
  std::filesystem::path cache_folder = {};
  std::uint64_t conversion_cache_bytes = std::uint64_t{20} << 30U;  ///< bound of that folder
};

/// One model in memory.
struct ResidentModelInfo {
  std::filesystem::path path;                      ///< canonical path of the file or directory
  std::string backend;                             ///< "llama" or "native"
  std::string backend_reason;                      ///< one sentence
  std::uint64_t weights_bytes = 0;                 ///< memory that the weights take
  std::uint64_t context_bytes = 0;                 ///< KV caches, working memory, kept prefixes
  std::uint32_t active_requests = 0;               ///< being computed
  std::uint32_t waiting_requests = 0;              ///< in the queue
  bool pinned = false;                             ///< neither evicted nor expired
  bool loading = false;                            ///< not ready yet
  std::chrono::system_clock::time_point last_use;  ///< when it was last asked for something
  /// When it will be unloaded if nobody uses it; absent: never.
  std::optional<std::chrono::system_clock::time_point> expires;
};

/// Opens models and keeps them in memory within a budget, least recently used out first. Thread-safe. Keep
/// one per process.
class MINERVA_API Engine {
 public:
  /// No model is opened yet. `options` holds for the engine's whole life.
  explicit Engine(const EngineOptions& options = {});
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Detects, describes, chooses a backend, makes room, loads. A model that is in memory already (same files,
  /// same options) is not loaded again; callers that open it at the same time share one load, which goes on
  /// until the last of them cancels. Errors: InvalidRequest (format, options), ModelLoading, OutOfMemory,
  /// Cancelled.
  Result<std::shared_ptr<LoadedModel>> open(const std::filesystem::path& path,
                                            const ModelOptions& options = {},
                                            const LoadProgress& progress = {}, std::stop_token cancel = {});

  /// Models in memory, last used first.
  std::vector<ResidentModelInfo> resident() const;
  /// Takes the model at `path` (with whatever options) out of memory once its requests have ended. Errors:
  /// InvalidRequest when it is not there.
  Result<void> unload(const std::filesystem::path& path);
  /// A pinned model is not evicted and does not expire. Errors: InvalidRequest when it is not in memory.
  Result<void> pin(const std::filesystem::path& path, bool pinned = true);
  /// How long `path` stays when nobody uses it, from now on. Errors: InvalidRequest when it is not in memory.
  Result<void> keep_alive(const std::filesystem::path& path, std::chrono::milliseconds duration);

  /// The backends of this library.
  std::vector<BackendInfo> backends() const;

 private:
  std::shared_ptr<EngineImpl> impl_;
};

/// Minerva's version, "MAJOR.MINOR.PATCH".
MINERVA_API std::string_view version() noexcept;

}  // namespace minerva
