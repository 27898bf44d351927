#include "backends/llama/llama_backend.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/memory.h"
#include "model/llama_fixture.h"
#include "support/temp_dir.h"

namespace minerva {
namespace {

using namespace testing;

// Computing the same rows in other company changes the order of sums, no more.
constexpr float kTolerance = 1.0F;
// llama.cpp makes nothing of how long a sequence will be.
constexpr Position kPlan = 2048;

class LlamaModelTest : public ::testing::TestWithParam<const char*> {
 protected:
  static std::filesystem::path path_of(std::string_view name) {
    return name == "gemma3" ? gemma3_gguf() : smollm2_gguf();
  }
  void SetUp() override {
    path_ = path_of(GetParam());
    MINERVA_NEEDS_MODEL(path_);
    model_ = load_llama(path_);
    ASSERT_NE(model_, nullptr);
    tokenizer_ = model_->vocabulary();
    ASSERT_NE(tokenizer_, nullptr);
  }
  // One thread: where tests run side by side, threads that wait for each other's turn take minutes.
  std::unique_ptr<Context> make_context(ContextOptions options = {.context_tokens = 2048}) {
    if (options.threads == 0) options.threads = 1;
    auto context = model_->new_context(options);
    EXPECT_TRUE(context) << context.error().message;
    return context ? std::move(*context) : nullptr;
  }
  std::vector<TokenId> encode(std::string_view text) {
    return tokenizer_->encode(text).value_or(std::vector<TokenId>{});
  }

  // Where the model forgets, longer than it remembers (its window of 512 and a batch).
  bool has_window() const { return std::string_view(GetParam()) == "gemma3"; }
  Position long_length() const { return has_window() ? 1700 : 300; }

  std::filesystem::path path_;
  std::shared_ptr<Model> model_;
  std::shared_ptr<const Tokenizer> tokenizer_;
};

INSTANTIATE_TEST_SUITE_P(Models, LlamaModelTest, ::testing::Values("smollm2", "gemma3"),
                         [](const auto& test) { return std::string(test.param); });

TEST_P(LlamaModelTest, GreedyEqualsPlainLibllama) {
  for (const char* text : {"The capital of France is", "def fibonacci(n):\n"}) {
    const auto context = make_context({.context_tokens = 4096});
    const auto prompt = encode(text);
    EXPECT_EQ(generate_greedy(*context, prompt, 16), generate_greedy_plain(path_, prompt, 16)) << text;
  }
}

TEST_P(LlamaModelTest, GreedyEqualsPlainLibllamaOnALongPrompt) {
  const auto context = make_context({.context_tokens = 4096});
  const auto prompt = long_prompt(*tokenizer_, static_cast<std::size_t>(long_length()));
  EXPECT_EQ(generate_greedy(*context, prompt, 4), generate_greedy_plain(path_, prompt, 4));
}

TEST_P(LlamaModelTest, SequencesInOneBatchEqualSeparateOnes) {
  const std::vector<std::vector<TokenId>> prompts = {encode("The weather in Oslo"), encode("Two plus two is"),
                                                     encode("A list of animals: cat, dog,")};
  std::vector<std::vector<float>> alone;
  for (const auto& prompt : prompts) {
    const auto context = make_context();
    alone.push_back(decode_all(*context, prompt));
  }
  const auto context = make_context({.context_tokens = 2048, .sequences_max = 3});
  std::vector<BatchRow> rows;
  std::vector<std::size_t> last_rows;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const auto more = make_rows(prompts[i], static_cast<SequenceId>(i), 0);
    rows.insert(rows.end(), more.begin(), more.end());
    last_rows.push_back(rows.size() - 1);
  }
  ASSERT_EQ(context->decode(rows).status, DecodeStatus::Ok);
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const auto logits = context->outputs(last_rows[i]);
    EXPECT_LT(max_difference(logits, alone[i]), kTolerance) << i;
    EXPECT_EQ(best(logits), best(alone[i])) << i;
    EXPECT_EQ(context->length(static_cast<SequenceId>(i)), static_cast<Position>(prompts[i].size()));
  }
  EXPECT_TRUE(context->outputs(0).empty()) << "a row that asked for nothing";
  EXPECT_TRUE(context->outputs(99999).empty());
}

TEST_P(LlamaModelTest, LogitsOfEveryRow) {  // more than llama.cpp gives in one call
  const auto prompt = long_prompt(*tokenizer_, 120);
  auto rows = make_rows(prompt, 0, 0);
  for (BatchRow& row : rows) row.output = RowOutput::Logits;
  const auto context = make_context({.context_tokens = 512});
  ASSERT_EQ(context->decode(rows).status, DecodeStatus::Ok);
  const auto other = make_context({.context_tokens = 512});
  for (const std::size_t end : {1U, 17U, 86U, 120U}) {
    const auto expected = decode_all(*other, std::span(prompt).first(end));
    EXPECT_LT(max_difference(context->outputs(end - 1), expected), 3 * kTolerance) << end;
    other->release(0);
  }
}

TEST_P(LlamaModelTest, TruncateAndGoOnEqualsFresh) {
  const Position length = long_length();
  const auto prompt = long_prompt(*tokenizer_, static_cast<std::size_t>(length));
  // Always in portions with the same borders: other portions are other sums in another order.
  const std::vector<Position> borders = {0, 1, 50, has_window() ? 1300 : 100, length - 10, length};
  const auto decode_to = [&](Context& context, Position end) {
    for (std::size_t i = 1; i < borders.size() && borders[i] <= end; ++i) {
      if (borders[i - 1] < context.length(0)) continue;
      decode_all(context,
                 std::span(prompt).subspan(static_cast<std::size_t>(borders[i - 1]),
                                           static_cast<std::size_t>(borders[i] - borders[i - 1])),
                 0, borders[i - 1]);
    }
  };
  const auto next_row = [&](Context& context) {
    const Position end = context.length(0);
    return decode_all(context, std::span(prompt).subspan(static_cast<std::size_t>(end - 1), 1), 0, end);
  };
  const auto context = make_context();
  decode_to(*context, length);
  int reused = 0;
  for (std::size_t i = borders.size() - 2; i > 0; --i) {
    const Position kept = context->reusable_prefix(0, borders[i], kPlan);
    ASSERT_TRUE(kept == 0 || kept == borders[i]) << kept;
    if (kept == 0) break;  // forgotten, as are all before
    ++reused;
    ASSERT_TRUE(context->truncate(0, kept, kPlan)) << kept;
    EXPECT_EQ(context->length(0), kept);
    const auto logits = next_row(*context);
    const auto fresh = make_context();
    decode_to(*fresh, kept);
    EXPECT_LT(max_difference(logits, next_row(*fresh)), 1e-3F) << kept;
  }
  EXPECT_EQ(reused, has_window() ? 2 : 4);
}

TEST_P(LlamaModelTest, TruncatePastWhatIsKeptIsRefused) {
  const Position length = long_length();
  const auto context = make_context();
  decode_all(*context, long_prompt(*tokenizer_, static_cast<std::size_t>(length)));
  if (has_window()) {
    EXPECT_EQ(context->reusable_prefix(0, 300, kPlan), 0);
    const auto result = context->truncate(0, 300, kPlan);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::InvalidRequest);
    EXPECT_EQ(context->length(0), length);
    EXPECT_FALSE(context->copy(0, 0, 300, kPlan));
  }
  EXPECT_FALSE(context->truncate(0, length + 1, kPlan));
  EXPECT_FALSE(context->truncate(0, -1, kPlan));
  EXPECT_TRUE(context->truncate(0, length, kPlan));
  EXPECT_TRUE(context->truncate(0, 0, kPlan));
  EXPECT_EQ(context->length(0), 0);
}

TEST_P(LlamaModelTest, CopiedPrefixGoesOnLikeTheOriginal) {
  const auto context = make_context({.context_tokens = 2048, .sequences_max = 3});
  const auto prompt = encode("The three largest cities of Japan are Tokyo,");
  const auto expected = generate_greedy(*make_context(), prompt, 8);
  decode_all(*context, std::span(prompt).first(prompt.size() - 1));
  const auto shared = static_cast<Position>(prompt.size()) - 1;
  ASSERT_TRUE(context->copy(0, 1, shared, kPlan));
  ASSERT_TRUE(context->copy(0, 2, shared - 3, kPlan));
  EXPECT_EQ(context->length(1), shared);
  EXPECT_EQ(context->length(2), shared - 3);
  for (const SequenceId sequence : {2, 1, 0}) {
    auto position = context->length(sequence);
    auto logits = decode_all(*context, std::span(prompt).subspan(static_cast<std::size_t>(position)),
                             sequence, position);
    std::vector<TokenId> answer;
    position = static_cast<Position>(prompt.size());
    while (answer.size() < expected.size()) {
      answer.push_back(best(logits));
      logits = decode_all(*context, std::span(answer).last(1), sequence, position++);
    }
    EXPECT_EQ(answer, expected) << sequence;
  }
  // Releasing one leaves the others.
  context->release(0);
  EXPECT_EQ(context->length(0), 0);
  EXPECT_GT(context->length(1), shared);
  EXPECT_FALSE(context->copy(0, 1, 5, kPlan)) << "nothing to copy";
  EXPECT_FALSE(context->copy(0, 7, 0, kPlan)) << "no such sequence";
}

TEST_P(LlamaModelTest, SnapshotAndRestore) {
  const std::size_t count = has_window() ? 700 : 100;
  const auto length = static_cast<Position>(count) - 1;
  const auto prompt = long_prompt(*tokenizer_, count);
  const auto context = make_context();
  auto expected = decode_all(*context, std::span(prompt).first(count - 1));
  EXPECT_GT(context->state_bytes(0), 1000U);
  const auto snapshot = context->snapshot(0);
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  EXPECT_EQ(snapshot->length, length);
  expected = decode_all(*context, std::span(prompt).last(1), 0, length);

  const auto other = make_context({.context_tokens = 1024, .sequences_max = 2});
  ASSERT_TRUE(other->restore(1, *snapshot));
  EXPECT_EQ(other->length(1), length);
  const auto logits = decode_all(*other, std::span(prompt).last(1), 1, length);
  EXPECT_LT(max_difference(logits, expected), 0.01F);

  const auto small = make_context({.context_tokens = 64});
  const auto refused = small->restore(0, *snapshot);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::ContextOverflow);
  EXPECT_EQ(small->length(0), 0);
  SequenceSnapshot damaged = *snapshot;
  damaged.bytes.resize(damaged.bytes.size() / 2);
  EXPECT_FALSE(context->restore(0, damaged));
  EXPECT_EQ(context->length(0), 0);
  EXPECT_FALSE(generate_greedy(*context, encode("Hello"), 2).empty()) << "still usable";
}

TEST_P(LlamaModelTest, ReleaseMakesRoom) {
  const auto context = make_context({.context_tokens = 256, .sequences_max = 4});
  const auto prompt = long_prompt(*tokenizer_, 120);
  decode_all(*context, prompt, 0);
  decode_all(*context, prompt, 1);
  EXPECT_EQ(context->decode(make_rows(prompt, 2, 0)).status, DecodeStatus::NoSlot);
  EXPECT_EQ(context->length(2), 0);
  EXPECT_EQ(context->length(0), 120);
  EXPECT_EQ(context->length(1), 120);
  context->release(0);
  const auto logits = decode_all(*context, prompt, 2);
  const auto expected = decode_all(*make_context({.context_tokens = 512}), prompt);
  EXPECT_LT(max_difference(logits, expected), 2 * kTolerance);
}

TEST_P(LlamaModelTest, AbortInThePromptLeavesAUsableContext) {
  const auto context = make_context();
  const auto prompt = long_prompt(*tokenizer_, 712);
  decode_all(*context, std::span(prompt).first(200));
  std::stop_source source;
  DecodeResult result;
  {
    std::jthread stopper([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
      source.request_stop();
    });
    result = context->decode(make_rows(std::span(prompt).subspan(200, 512), 0, 200), source.get_token());
  }
  ASSERT_EQ(result.status, DecodeStatus::Aborted);
  EXPECT_EQ(result.error.code, ErrorCode::Cancelled);
  const Position kept = context->reusable_prefix(0, 200, kPlan);
  ASSERT_TRUE(context->truncate(0, kept, kPlan));
  const auto logits =
      decode_all(*context, std::span(prompt).subspan(static_cast<std::size_t>(kept)), 0, kept);
  const auto expected = decode_all(*make_context(), prompt);
  EXPECT_LT(max_difference(logits, expected), 2 * kTolerance);
}

TEST_P(LlamaModelTest, StopAskedBeforehandComputesNothing) {
  const auto context = make_context();
  std::stop_source source;
  source.request_stop();
  EXPECT_EQ(context->decode(make_rows(encode("Hello there"), 0, 0), source.get_token()).status,
            DecodeStatus::Aborted);
  EXPECT_EQ(context->length(0), 0);
}

TEST_P(LlamaModelTest, WrongBatchesAreRefusedAndChangeNothing) {
  const auto context = make_context({.context_tokens = 300, .batch_tokens = 64});
  EXPECT_EQ(context->batch_tokens(), 64U);
  EXPECT_EQ(context->context_tokens(), 300U);
  const auto prompt = long_prompt(*tokenizer_, 320);
  decode_all(*context, std::span(prompt).first(10));
  const std::vector<float> vector(model_->info().hidden_size);
  const auto vocabulary = static_cast<TokenId>(model_->info().vocabulary_size);
  const std::vector<std::pair<BatchRow, ErrorCode>> cases = {
      {{.input = 1, .sequence = 0, .position = 9}, ErrorCode::InvalidRequest},
      {{.input = 1, .sequence = 0, .position = 11}, ErrorCode::InvalidRequest},
      {{.input = 1, .sequence = 0, .position = -1}, ErrorCode::InvalidRequest},
      {{.input = 1, .sequence = 1, .position = 0}, ErrorCode::InvalidRequest},
      {{.input = 1, .sequence = -1, .position = 0}, ErrorCode::InvalidRequest},
      {{.input = -1, .sequence = 0, .position = 10}, ErrorCode::InvalidRequest},
      {{.input = vocabulary, .sequence = 0, .position = 10}, ErrorCode::InvalidRequest},
      {{.input = std::span<const float>(vector), .sequence = 0, .position = 10}, ErrorCode::InvalidRequest},
      {{.input = 1, .sequence = 0, .position = 10, .output = RowOutput::HiddenState},
       ErrorCode::InvalidRequest},
  };
  for (const auto& [row, code] : cases) {
    const DecodeResult result = context->decode(std::span(&row, 1));
    EXPECT_EQ(result.status, DecodeStatus::Fatal);
    EXPECT_EQ(result.error.code, code);
    EXPECT_FALSE(result.error.remedy.empty());
  }
  EXPECT_EQ(context->decode(make_rows(std::span(prompt).subspan(10, 65), 0, 10)).status, DecodeStatus::Fatal);
  EXPECT_EQ(context->length(0), 10);
  decode_all(*context, std::span(prompt).subspan(10, 290), 0, 10, 64);
  const auto full = context->decode(make_rows(std::span(prompt).subspan(300, 1), 0, 300));
  EXPECT_EQ(full.status, DecodeStatus::NoSlot);
  EXPECT_EQ(full.error.code, ErrorCode::ContextOverflow);
  EXPECT_EQ(context->decode({}).status, DecodeStatus::Ok);
  EXPECT_FALSE(context->begin(0, 301));
  EXPECT_FALSE(context->begin(1, 1));
  EXPECT_TRUE(context->begin(0, 300));
  EXPECT_EQ(context->length(0), 0);
}

TEST_P(LlamaModelTest, ContextOptionsOutOfRange) {
  for (const ContextOptions options : {ContextOptions{.context_tokens = 256, .sequences_max = 0},
                                       ContextOptions{.context_tokens = 256, .sequences_max = 100'000},
                                       ContextOptions{.context_tokens = 256, .batch_tokens = 0}}) {
    const auto context = model_->new_context(options);
    ASSERT_FALSE(context);
    EXPECT_EQ(context.error().code, ErrorCode::InvalidRequest);
  }
  EXPECT_EQ(make_context({.context_tokens = 1, .batch_tokens = 1})->context_tokens(), 1U);
}

TEST_P(LlamaModelTest, LoadProgressAndCancel) {
  const auto backend = make_llama_backend();
  std::vector<float> seen;
  const auto description = describe_gguf(path_);
  ASSERT_TRUE(backend->load(description, {}, [&](float fraction) {
    seen.push_back(fraction);
    return true;
  }));
  ASSERT_FALSE(seen.empty());
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  EXPECT_GE(seen.front(), 0.0F);
  EXPECT_LE(seen.back(), 1.0F);
  const auto cancelled = backend->load(description, {}, [](float) { return false; });
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code, ErrorCode::Cancelled);
}

TEST_P(LlamaModelTest, WithoutMapping) {
  auto model = make_llama_backend()->load(describe_gguf(path_), {.use_mmap = false}, {});
  ASSERT_TRUE(model);
  const auto prompt = encode("The capital of France is");
  const auto expected = generate_greedy(*make_context(), prompt, 4);
  auto context = (*model)->new_context({.context_tokens = 256, .threads = 1});
  ASSERT_TRUE(context);
  EXPECT_EQ(generate_greedy(**context, prompt, 4), expected);
}

TEST_P(LlamaModelTest, TwoContextsInTwoThreads) {
  const auto prompt = encode("The capital of France is");
  const auto expected = generate_greedy(*make_context(), prompt, 12);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      const auto context = make_context();
      EXPECT_EQ(generate_greedy(*context, prompt, 12), expected);
    });
  }
}

class LlamaFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    MINERVA_NEEDS_MODEL(smollm2_gguf());
    path_ = folder_.path() / "model.gguf";
    std::filesystem::copy_file(smollm2_gguf(), path_);
    // Within one tick of the file system's clock a write would not show.
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    model_ = load_llama(path_);
    ASSERT_NE(model_, nullptr);
    auto context = model_->new_context({.context_tokens = 1024, .threads = 1});
    ASSERT_TRUE(context);
    context_ = std::move(*context);
    prompt_ = long_prompt(*model_->vocabulary(), 600);
  }
  // Decodes token after token until something is wrong.
  DecodeResult decode_until_error() {
    for (Position i = context_->length(0); i < 600; ++i) {
      DecodeResult result =
          context_->decode(make_rows(std::span(prompt_).subspan(static_cast<std::size_t>(i), 1), 0, i));
      if (result.status != DecodeStatus::Ok) return result;
    }
    return {};
  }

  TempDir folder_;
  std::filesystem::path path_;
  std::shared_ptr<Model> model_;
  std::unique_ptr<Context> context_;
  std::vector<TokenId> prompt_;
};

TEST_F(LlamaFileTest, TruncatedDuringDecode) {
  decode_all(*context_, std::span(prompt_).first(4));
  EXPECT_EQ(model_->poisoned(), nullptr);
  DecodeResult result;
  {
    std::jthread cutter([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      std::filesystem::resize_file(path_, 200'000);
    });
    result = decode_until_error();
  }
  EXPECT_EQ(result.status, DecodeStatus::Fatal);
  EXPECT_EQ(result.error.code, ErrorCode::ModelLoading);
  ASSERT_NE(model_->poisoned(), nullptr);
  EXPECT_EQ(model_->poisoned()->code, ErrorCode::ModelLoading);
  EXPECT_FALSE(model_->new_context({.context_tokens = 256}));
}

TEST_F(LlamaFileTest, OverwrittenDuringDecode) {
  decode_all(*context_, std::span(prompt_).first(4));
  DecodeResult result;
  {
    std::jthread writer([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(20'000'000);
      const std::string garbage(1'000'000, '\x7f');
      file.write(garbage.data(), static_cast<std::streamsize>(garbage.size()));
    });
    result = decode_until_error();
  }
  EXPECT_EQ(result.status, DecodeStatus::Fatal);
  EXPECT_NE(result.error.message.find("changed on disk"), std::string::npos) << result.error.message;
}

TEST_F(LlamaFileTest, ReplacedByRenameKeepsTheOldAnswer) {
  const auto before = decode_all(*context_, std::span(prompt_).first(8));
  std::filesystem::rename(folder_.write("other", "not a model"), path_);
  context_->release(0);
  EXPECT_EQ(decode_all(*context_, std::span(prompt_).first(8)), before);
  EXPECT_EQ(model_->poisoned(), nullptr);
}

TEST(LlamaBackend, NameAndCapabilities) {
  const auto backend = make_llama_backend();
  EXPECT_EQ(backend->name(), "llama");
  EXPECT_FALSE(backend->version().empty());
  EXPECT_TRUE(backend->capabilities().snapshots);
  EXPECT_FALSE(backend->capabilities().hidden_states);
  ModelDescription description;
  description.format = Format::HfSafetensors;
  const SupportAnswer answer = backend->supports(description);
  EXPECT_EQ(answer.support, Support::AfterConversion);
  EXPECT_FALSE(answer.reason.empty());
}

}  // namespace
}  // namespace minerva
