#include "backends/llama/llama_backend.h"

#include <fmt/format.h>
#include <llama.h>

#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "backends/llama/llama_model.h"
#include "backends/llama/memory_need.h"
#include "backends/llama/preflight.h"
#include "formats/quote.h"
#include "text/llama_library.h"
#include "text/tokenizer/gguf_vocabulary_check.h"
#include "text/tokenizer/llama_vocabulary.h"

namespace minerva {
namespace {

// Handed through llama.cpp's progress callback.
struct LoadState {
  const LoadProgress* progress;
  bool cancelled = false;
};

bool on_progress(float fraction, void* data) {
  auto& state = *static_cast<LoadState*>(data);
  if (*state.progress && !(*state.progress)(fraction)) state.cancelled = true;
  return !state.cancelled;
}

llama_model_params make_params(const LoadOptions& options, LoadState& state) {
  llama_model_params params = llama_model_default_params();
  params.n_gpu_layers = 0;
  params.load_mode = options.use_mmap ? LLAMA_LOAD_MODE_MMAP : LLAMA_LOAD_MODE_NONE;
  params.lazy_mode = LLAMA_LAZY_MODE_OFF;
  params.load_mtp = false;
  params.progress_callback = on_progress;
  params.progress_callback_user_data = &state;
  return params;
}

Result<std::shared_ptr<llama_model>> load_model(const gguf::Model& opened, const LoadOptions& options,
                                                LoadState& state) {
  std::vector<const char*> paths;
  for (const auto& path : opened.paths) paths.push_back(path.c_str());
  std::shared_ptr<llama_model> model;
  auto loaded = guard_llama(fmt::format("load '{}'", opened.first().name()), [&] {
    const llama_model_params params = make_params(options, state);
    llama_model* const raw = paths.size() == 1
                                 ? llama_model_load_from_file(paths.front(), params)
                                 : llama_model_load_from_splits(paths.data(), paths.size(), params);
    model.reset(raw, [](llama_model* pointer) { llama_model_free(pointer); });
    return raw != nullptr;
  });
  if (loaded) return model;
  if (state.cancelled) return fail(ErrorCode::Cancelled, "loading was cancelled", "Open the model again.");
  return std::unexpected(std::move(loaded).error());
}

// A model's headers, opened and checked.
struct Opened {
  gguf::Model model;
  Preflight preflight;
};

Result<std::shared_ptr<const Opened>> open_checked(const ModelDescription& description) {
  if (description.weight_files.empty()) return internal_error("a GGUF description without files");
  MINERVA_ASSIGN(gguf::Model model, gguf::open_model(description.weight_files.front()));
  MINERVA_ASSIGN(Preflight preflight, check_for_llama(model));
  return std::make_shared<const Opened>(std::move(model), std::move(preflight));
}

class LlamaBackend final : public InferenceBackend {
 public:
  std::string_view name() const noexcept override { return "llama"; }
  std::string version() const override { return fmt::format("llama.cpp {}", llama_version()); }
  BackendCapabilities capabilities() const noexcept override { return {.snapshots = true}; }

  SupportAnswer supports(const ModelDescription& description) const override {
    if (description.format != Format::Gguf)
      return {Support::AfterConversion, "the llama backend runs GGUF files only"};
    const Architecture* const architecture = find_architecture(description.architecture);
    if (architecture == nullptr) {
      return {Support::No,
              fmt::format("llama.cpp does not know the architecture {}", quoted(description.architecture))};
    }
    if (architecture->use != ArchitectureUse::Generator) {
      return {Support::No, fmt::format("a model of the architecture {} {}", quoted(description.architecture),
                                       use_text(architecture->use))};
    }
    return {Support::Yes, ""};
  }

  Result<MemoryNeed> memory_needed(const ModelDescription& description, const LoadOptions& load,
                                   const ContextOptions& context) const override {
    MINERVA_ASSIGN(const auto opened, open_checked(description));
    return estimate_memory(opened->preflight, weights_memory(opened->model, opened->preflight, load),
                           context);
  }

  Result<std::shared_ptr<Model>> load(const ModelDescription& description, const LoadOptions& options,
                                      const LoadProgress& progress) override {
    start_llama_library();
    MINERVA_ASSIGN(const auto opened, open_checked(description));
    std::vector<WatchedFile> files;
    for (const auto& path : opened->model.paths) {
      MINERVA_ASSIGN(WatchedFile file, WatchedFile::open(path));
      files.push_back(std::move(file));
    }
    LoadState state{.progress = &progress};
    auto raw = load_model(opened->model, options, state);
    if (!raw) {
      if (raw.error().code == ErrorCode::ModelLoading)
        MINERVA_TRY(check_gguf_vocabulary_thoroughly(opened->model.first()));
      return std::unexpected(std::move(raw).error());
    }
    // A file may come without one: for those who bring the tokenizer of the directory it was made from.
    std::shared_ptr<const Tokenizer> vocabulary;
    if (llama_vocab_type(llama_model_get_vocab(raw->get())) != LLAMA_VOCAB_TYPE_NONE) {
      MINERVA_ASSIGN(vocabulary, make_llama_tokenizer(*raw));
    }
    auto model = std::make_shared<LlamaModel>(std::move(*raw), opened->preflight,
                                              weights_memory(opened->model, opened->preflight, options),
                                              std::move(files), std::move(vocabulary));
    if (const Error* error = model->poisoned()) return std::unexpected(*error);
    return model;
  }
};

}  // namespace

std::shared_ptr<InferenceBackend> make_llama_backend() {
  return std::make_shared<LlamaBackend>();
}

}  // namespace minerva
