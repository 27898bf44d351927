#include "backends/native/native_backend.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include "backends/native/native_model.h"
#include "base/log.h"
#include "formats/checkpoint.h"
#include "formats/gguf/split.h"
#include "formats/hf_config/hf_config.h"
#include "formats/quote.h"
#include "kernels/kernels.h"
#include "minerva/version.h"
#include "native/families/families.h"
#include "native/forward.h"
#include "native/gguf/architectures.h"
#include "native/kv_cache.h"
#include "text/tokenizer/memory.h"

namespace minerva {
namespace {

bool is_directory_format(Format format) {
  return format == Format::HfSafetensors || format == Format::HfTorchBin || format == Format::HfMlx;
}

// What headers tell: the decoder, and how much the tokenizer will take.
struct Headers {
  native::DecoderSpec spec;
  std::uint64_t tokenizer_bytes = 0;
};

Result<Headers> read_headers(const ModelDescription& description) {
  Headers headers;
  if (description.format == Format::Gguf) {
    MINERVA_ASSIGN(const gguf::Model model, gguf::open_model(description.path));
    MINERVA_ASSIGN(headers.spec, native::decoder_spec(model));
    headers.tokenizer_bytes =
        gguf_vocabulary_bytes(model.metadata(), static_cast<std::uint64_t>(headers.spec.vocabulary));
    return headers;
  }
  MINERVA_ASSIGN(const HfConfig config, HfConfig::open(description.path));
  MINERVA_ASSIGN(headers.spec, native::decoder_spec(config));
  headers.tokenizer_bytes = hf_tokenizer_bytes(description);
  return headers;
}

std::uint64_t weights_memory(const ModelDescription& description, const Headers& headers) noexcept {
  return (description.tensor_bytes > 0 ? description.tensor_bytes : description.file_bytes) +
         headers.tokenizer_bytes;
}

NumericMode mode_of(const LoadOptions& options) noexcept {
  return options.numeric_mode == NumericMode::Default ? NumericMode::Fast : options.numeric_mode;
}

// Files may hold more than the model that config.json describes; as transformers does, it is said and left
// out.
void warn_of_unread(const ModelDescription& description, const native::DecoderWeights& weights) {
  constexpr std::size_t kShown = 3;
  if (weights.unread.empty()) return;
  std::vector<std::string> shown;
  for (const std::string& name : weights.unread | std::views::take(kShown)) shown.push_back(quoted(name));
  log().warn("'{}': {} of {} tensors are not used: the model that config.json describes has no {}{}",
             description.path.string(), weights.unread.size(), weights.checkpoint->tensors().size(),
             fmt::join(shown, ", "), weights.unread.size() > kShown ? " ..." : "");
}

class NativeBackend final : public InferenceBackend {
 public:
  std::string_view name() const noexcept override { return "native"; }
  std::string version() const override {
    return fmt::format("{} ({})", MINERVA_VERSION_STRING, kernels::isa_name(kernels::best_isa()));
  }
  BackendCapabilities capabilities() const noexcept override {
    return {.embedding_rows = true,
            .hidden_states = true,
            .numeric_modes = true,
            .snapshots = true,
            .batch_invariant = true};
  }

  SupportAnswer supports(const ModelDescription& description) const override {
    const bool is_gguf = description.format == Format::Gguf;
    if (!is_gguf && !is_directory_format(description.format)) {
      return {Support::No, fmt::format("it does not run {} files yet", format_name(description.format))};
    }
    const bool known = is_gguf ? native::find_gguf_architecture(description.architecture) != nullptr
                               : native::find_family(description.architecture) != nullptr;
    if (known) return {Support::Yes, "it runs this architecture"};
    return {
        Support::No,
        fmt::format("it does not know the architecture '{}'{}, only {}", description.architecture,
                    is_gguf ? " as GGUF" : "",
                    fmt::join(is_gguf ? native::gguf_architecture_names() : native::family_names(), ", "))};
  }

  Result<MemoryNeed> memory_needed(const ModelDescription& description, const LoadOptions& load,
                                   const ContextOptions& context) const override {
    MINERVA_ASSIGN(const Headers headers, read_headers(description));
    return NativeModel::memory_needed(headers.spec, weights_memory(description, headers), mode_of(load),
                                      context);
  }

  Result<std::shared_ptr<Model>> load(const ModelDescription& description, const LoadOptions& options,
                                      const LoadProgress& progress) override {
    MINERVA_ASSIGN(Headers headers, read_headers(description));
    const std::uint64_t weights_bytes = weights_memory(description, headers);
    native::DecoderSpec spec = std::move(headers.spec);
    MINERVA_ASSIGN(std::shared_ptr<Checkpoint> checkpoint, Checkpoint::open(description));
    MINERVA_ASSIGN(native::DecoderWeights weights,
                   native::bind_weights(spec, std::move(checkpoint), progress));
    if (is_directory_format(description.format)) warn_of_unread(description, weights);
    return std::make_shared<NativeModel>(std::move(spec), std::move(weights), weights_bytes,
                                         mode_of(options));
  }
};

}  // namespace

std::shared_ptr<InferenceBackend> make_native_backend() {
  return std::make_shared<NativeBackend>();
}

}  // namespace minerva
