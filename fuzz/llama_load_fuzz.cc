// A GGUF file all the way through: description, our checks, libllama's load, tokenizer, context, decode.
#include <fcntl.h>
#include <fmt/format.h>
#include <ggml.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "backends/llama/llama_backend.h"
#include "base/log.h"
#include "support/gguf_mutator.h"

// libllama frees nothing where it gives up.
extern "C" const char* __asan_default_options();  // NOLINT(bugprone-reserved-identifier): ASan's name
extern "C" const char* __asan_default_options() {
  return "detect_leaks=0";
}

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

using namespace minerva;

/// A file in memory that lives as long as the process, with a path to open it by.
class MemoryFile {
 public:
  MemoryFile()
      : descriptor_(::memfd_create("model.gguf", 0)), path_(fmt::format("/proc/self/fd/{}", descriptor_)) {}
  const std::string& path() const { return path_; }
  bool write(const std::uint8_t* data, std::size_t size) const {
    return ::ftruncate(descriptor_, 0) == 0 &&
           ::pwrite(descriptor_, data, size, 0) == static_cast<ssize_t>(size);
  }

 private:
  int descriptor_;
  std::string path_;
};

void use_tokenizer(const Tokenizer& tokenizer, std::vector<TokenId>& ids) {
  for (const std::string_view text : {"the a\n<|im_end|></s> 12 \xC3\xA9\xE4\xB8\x80 x'll", "", " "}) {
    for (const bool parse : {true, false}) {
      const auto encoded = tokenizer.encode(text, {.add_special = parse, .parse_special = parse});
      if (encoded) ids.insert(ids.end(), encoded->begin(), encoded->end());
      if (encoded) static_cast<void>(tokenizer.decode(*encoded, parse));
    }
  }
  const auto size = static_cast<TokenId>(tokenizer.vocabulary_size());
  for (TokenId id = -2; id < size + 2; id += 1 + size / 64) {
    tokenizer.token_bytes(id, id % 2 == 0);
    tokenizer.is_special(id);
    tokenizer.is_end_of_generation(id);
  }
  tokenizer.bos_text();
  tokenizer.eos_text();
}

void use_context(Context& context, const std::vector<TokenId>& ids) {
  std::vector<BatchRow> rows;
  for (std::size_t i = 0; i < ids.size() && i < 12; ++i)
    rows.push_back({.input = ids[i], .sequence = 0, .position = static_cast<Position>(i)});
  rows.push_back({.input = TokenId{0}, .sequence = 0, .position = static_cast<Position>(rows.size())});
  rows.back().output = RowOutput::Logits;
  if (context.decode(rows).status != DecodeStatus::Ok) return;
  static_cast<void>(context.outputs(rows.size() - 1));
  const auto plan = static_cast<Position>(rows.size());
  const Position half = context.reusable_prefix(0, plan / 2, plan);
  static_cast<void>(context.truncate(0, half, plan));
  static_cast<void>(context.copy(0, 1, half, plan));
  const BatchRow next{.input = TokenId{0}, .sequence = 1, .position = half, .output = RowOutput::Logits};
  context.decode(std::span(&next, 1));
  const auto saved = context.snapshot(1);
  if (saved) static_cast<void>(context.restore(0, *saved));
}

void run(const std::string& path) {
  const auto description = describe(path);
  if (!description) return;
  const auto backend = make_llama_backend();
  if (backend->supports(*description).support != Support::Yes) return;
  const ContextOptions options{.context_tokens = 64, .sequences_max = 2, .batch_tokens = 32, .threads = 1};
  const auto need = backend->memory_needed(*description, {}, options);
  if (!need || need->total() > 1U << 30U) return;
  const auto model = backend->load(*description, {.use_mmap = false}, {});
  if (!model) return;
  std::vector<TokenId> ids;
  use_tokenizer(*(*model)->vocabulary(), ids);
  const auto context = (*model)->new_context(options);
  if (context) use_context(**context, ids);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const MemoryFile file = [] {
    minerva::log().set_level(spdlog::level::off);
    return MemoryFile();
  }();
  // MINERVA_FUZZ_STRICT: what our checks let through must not even reach an assertion of libllama's.
  if (std::getenv("MINERVA_FUZZ_STRICT") != nullptr) {
    make_llama_backend();
    ggml_set_abort_callback(nullptr);
  }
  if (file.write(data, size)) run(file.path());
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  auto gguf = minerva::testing::LooseGguf::parse({reinterpret_cast<const char*>(data), size});
  if (!gguf || seed % 16 == 0) return LLVMFuzzerMutate(data, size, max_size);
  minerva::testing::mutate_gguf(*gguf, seed);
  const std::string out = gguf->serialize();
  if (out.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, out.data(), out.size());
  return out.size();
}
