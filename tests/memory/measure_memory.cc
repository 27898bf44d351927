// measure_memory MODEL [key=value ...]: what memory was foretold for a model and a context, and what this
// process then really took, as one JSON object. Each case needs a process of its own: the most that a process
// has held never goes down.
//
// backend=llama|native  numeric=exact|fast  context=2048  sequences=1  batch=512  threads=1
// fill=TOKENS  decoded in all, dealt evenly to the sequences (the whole context unless given)
// mmap=0  for llama to read the weights instead of mapping them
// logits=ROWS  of the last batch that ask for logits (at most one a sequence unless given)
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "backends/llama/llama_backend.h"
#include "backends/native/native_backend.h"
#include "base/memory.h"
#include "text/tokenizer/load.h"

namespace minerva {
namespace {

using Settings = std::map<std::string, std::string, std::less<>>;

std::uint32_t number(const Settings& settings, std::string_view key, std::uint32_t fallback) {
  const auto found = settings.find(key);
  if (found == settings.end()) return fallback;
  std::uint32_t value = fallback;
  std::from_chars(found->second.data(), found->second.data() + found->second.size(), value);
  return value;
}

bool is(const Settings& settings, std::string_view key, std::string_view value) {
  const auto found = settings.find(key);
  return found != settings.end() && found->second == value;
}

// Rows [first, first + count) of a sequence; the last one asks for logits where `logits`.
void add_rows(std::vector<BatchRow>& batch, SequenceId sequence, std::uint32_t first, std::uint32_t count,
              std::size_t vocabulary, bool logits) {
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto token = static_cast<TokenId>((100 + std::size_t{first + i} * 7) % vocabulary);
    batch.push_back({.input = token,
                     .sequence = sequence,
                     .position = static_cast<Position>(first + i),
                     .output = logits && i + 1 == count ? RowOutput::Logits : RowOutput::None});
  }
}

Result<void> compute(Context& context, const std::vector<BatchRow>& batch) {
  const DecodeResult result = context.decode(batch);
  if (result.status == DecodeStatus::Ok) return {};
  return std::unexpected(result.error);
}

// A prompt for each sequence, in full batches, and then some steps of one row for each: as answers come.
Result<void> fill(Context& context, std::uint32_t tokens, std::size_t vocabulary, std::uint32_t logits_rows) {
  constexpr std::uint32_t kSteps = 4;
  const std::uint32_t sequences = context.sequences_max();
  const std::uint32_t each = std::max(tokens / sequences, 1U);
  const std::uint32_t steps = std::min(kSteps, each - 1);
  std::vector<BatchRow> batch;
  for (std::uint32_t sequence = 0; sequence < sequences; ++sequence) {
    const auto id = static_cast<SequenceId>(sequence);
    MINERVA_TRY(context.begin(id, static_cast<Position>(each)));
    for (std::uint32_t done = 0; done < each - steps; done += static_cast<std::uint32_t>(batch.size())) {
      batch.clear();
      add_rows(batch, id, done, std::min(context.batch_tokens(), each - steps - done), vocabulary, true);
      for (std::size_t i = 0; i < std::min<std::size_t>(logits_rows, batch.size()); ++i)
        batch[batch.size() - 1 - i].output = RowOutput::Logits;
      MINERVA_TRY(compute(context, batch));
    }
  }
  for (std::uint32_t step = 0; step < steps; ++step) {
    batch.clear();
    for (std::uint32_t sequence = 0; sequence < sequences; ++sequence)
      add_rows(batch, static_cast<SequenceId>(sequence), each - steps + step, 1, vocabulary, true);
    MINERVA_TRY(compute(context, batch));
  }
  return {};
}

Result<std::string> measure(const std::string& path, const Settings& settings) {
  const std::uint64_t before = resident_bytes();
  const auto backend = is(settings, "backend", "native") ? make_native_backend() : make_llama_backend();
  const LoadOptions load{.use_mmap = !is(settings, "mmap", "0"),
                         .numeric_mode = is(settings, "numeric", "exact")  ? NumericMode::Exact
                                         : is(settings, "numeric", "fast") ? NumericMode::Fast
                                                                           : NumericMode::Default};
  const ContextOptions options{.context_tokens = number(settings, "context", 2048),
                               .sequences_max = number(settings, "sequences", 1),
                               .batch_tokens = number(settings, "batch", 512),
                               .threads = static_cast<int>(number(settings, "threads", 1))};
  MINERVA_ASSIGN(const ModelDescription description, describe(path));
  MINERVA_ASSIGN(const MemoryNeed need, backend->memory_needed(description, load, options));
  const std::uint64_t asked = resident_bytes();
  MINERVA_ASSIGN(const std::shared_ptr<Model> model, backend->load(description, load, {}));
  std::shared_ptr<const Tokenizer> tokenizer = model->vocabulary();
  const std::uint64_t loaded = resident_bytes();
  if (tokenizer == nullptr) {
    MINERVA_ASSIGN(tokenizer, load_tokenizer(description));
  }
  const std::uint64_t with_tokenizer = resident_bytes();
  std::uint64_t kv = 0;
  std::uint64_t with_context = 0;
  {
    MINERVA_ASSIGN(const std::unique_ptr<Context> context, model->new_context(options));
    with_context = resident_bytes();
    MINERVA_TRY(fill(*context, number(settings, "fill", options.context_tokens),
                     model->info().vocabulary_size, number(settings, "logits", 0)));
    kv = context->kv_bytes();
  }
  return fmt::format(
      R"({{"weights":{},"kv":{},"compute":{},"told":{},"taken":{},"kv_held":{},"asked":{},"loaded":{},"tokenizer":{},"context":{}}})",
      need.weights_bytes, need.kv_bytes, need.compute_bytes, need.total(), peak_resident_bytes() - before, kv,
      asked - before, loaded - before, with_tokenizer - loaded, with_context - with_tokenizer);
}

}  // namespace
}  // namespace minerva

int main(int argc, char** argv) {
  minerva::Settings settings;
  for (int i = 2; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const auto equals = argument.find('=');
    if (equals == std::string_view::npos) {
      fmt::print(stderr, "measure_memory: '{}' is no setting\n", argument);
      return 2;
    }
    settings.emplace(argument.substr(0, equals), argument.substr(equals + 1));
  }
  if (argc < 2) {
    fmt::print(stderr, "usage: measure_memory MODEL [key=value ...]\n");
    return 2;
  }
  const auto measured = minerva::measure(argv[1], settings);
  if (!measured) {
    fmt::print(stderr, "error: {}\n{}\n", measured.error().message, measured.error().remedy);
    return 1;
  }
  fmt::print("{}\n", *measured);
  return 0;
}
