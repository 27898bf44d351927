// GGUF files on the native engine: against transformers, against llama.cpp, and against the same weights as a
// Hugging Face directory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <llama.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "backends/native/native_backend.h"
#include "minerva/engine.h"
#include "model/divergence.h"
#include "model/gguf_rewrite.h"
#include "model/llama_fixture.h"
#include "support/gguf_mutator.h"
#include "support/paths.h"
#include "support/sanitizers.h"
#include "support/temp_dir.h"
#include "text/llama_library.h"
#include "text/tokenizer/load.h"

namespace minerva {
namespace {

using namespace testing;
namespace fs = std::filesystem;

// A directory without a tokenizer is described by hand.
ModelDescription describe_any(const fs::path& path) {
  if (!fs::is_directory(path)) return describe_gguf(path);
  return {.path = path, .format = Format::HfSafetensors};
}

std::shared_ptr<Model> load_native(const fs::path& path, NumericMode mode) {
  auto model = make_native_backend()->load(describe_any(path), {.numeric_mode = mode}, {});
  EXPECT_TRUE(model) << model.error().message;
  return model.value_or(nullptr);
}

std::unique_ptr<Context> open_context(Model& model, std::uint32_t tokens) {
  auto context = model.new_context({.context_tokens = tokens});
  EXPECT_TRUE(context) << context.error().message;
  return std::move(*context);
}

// ---- fixtures: what transformers computed

struct Fixture {
  const char* name;
  const char* architecture;
};

class NativeGgufFixtureTest : public ::testing::TestWithParam<Fixture> {
 protected:
  void SetUp() override {
    source_ = test_data() / "models" / GetParam().name;
    const auto builder = gguf_of_directory(source_, GetParam().architecture);
    path_ = dir_.write("model.gguf", builder.build());
    expected_ = nlohmann::json::parse(std::ifstream(source_ / "expected.json"));
  }

  TempDir dir_;
  fs::path source_, path_;
  nlohmann::json expected_;
};

class NativeGgufAndTransformersTest : public NativeGgufFixtureTest {};
TEST_P(NativeGgufAndTransformersTest, ComputeTheSame) {
  const auto from_gguf = load_native(path_, NumericMode::Exact);
  const auto published = load_native(source_, NumericMode::Exact);
  ASSERT_TRUE(from_gguf && published);
  for (const auto& c : expected_["cases"]) {
    const auto ids = c["prompt_ids"].get<std::vector<TokenId>>();
    const auto greedy = c["greedy_ids"].get<std::vector<TokenId>>();
    const auto planned = static_cast<Position>(ids.size() + greedy.size() - 1);
    const auto a = open_context(*from_gguf, 256);
    const auto b = open_context(*published, 256);
    ASSERT_TRUE(a->begin(0, planned) && b->begin(0, planned));
    EXPECT_LE(max_difference(decode_all(*a, ids), decode_all(*b, ids)), 1e-5F) << c["prompt"];
    const auto again = open_context(*from_gguf, 256);
    ASSERT_TRUE(again->begin(0, planned));
    EXPECT_EQ(generate_greedy(*again, ids, greedy.size()), greedy) << c["prompt"];
  }
}

// llama.cpp, whose key-value cache is in half precision, reads the same file: it is a GGUF as it should be.
class NativeGgufAndLlamaTest : public NativeGgufFixtureTest {};
TEST_P(NativeGgufAndLlamaTest, ComputeTheSame) {
  const auto native = load_native(path_, NumericMode::Exact);
  const auto llama = load_llama(path_);
  ASSERT_TRUE(native && llama);
  const auto a = open_context(*native, 256);
  const auto b = open_context(*llama, 256);
  for (const auto& c : expected_["cases"]) {
    const auto ids = c["prompt_ids"].get<std::vector<TokenId>>();
    const auto planned = static_cast<Position>(ids.size());
    ASSERT_TRUE(a->begin(0, planned) && b->begin(0, planned));
    const auto expected = decode_all(*b, ids);
    float largest = 0;
    for (const float logit : expected) largest = std::max(largest, std::abs(logit));
    EXPECT_LE(max_difference(decode_all(*a, ids), expected), 8e-3F * largest) << c["prompt"];
  }
}

std::string fixture_name(const ::testing::TestParamInfo<Fixture>& test) {
  std::string name = test.param.name;
  std::ranges::replace(name, '-', '_');
  return name;
}

constexpr std::array kSameEverywhere = {Fixture{"gemma", "gemma"},
                                        Fixture{"gemma2-default", "gemma2"},
                                        Fixture{"gemma3_text", "gemma3"},
                                        Fixture{"gpt2", "gpt2"},
                                        Fixture{"granite", "granite"},
                                        Fixture{"llama", "llama"},
                                        Fixture{"llama-linear-rope", "llama"},
                                        Fixture{"llama-tied-gqa-headdim", "llama"},
                                        Fixture{"llama-yarn", "llama"},
                                        Fixture{"llama3-rope", "llama"},
                                        Fixture{"mistral-full", "llama"},
                                        Fixture{"olmo2", "olmo2"},
                                        Fixture{"phi3-full", "phi3"},
                                        Fixture{"qwen2", "qwen2"},
                                        Fixture{"qwen2_moe", "qwen2moe"},
                                        Fixture{"qwen3_moe", "qwen3moe"},
                                        Fixture{"mixtral", "llama"},
                                        Fixture{"phi", "phi2"},
                                        Fixture{"gpt_neox", "gptneox"},
                                        Fixture{"falcon", "falcon"},
                                        Fixture{"stablelm", "stablelm"},
                                        Fixture{"qwen3", "qwen3"},
                                        Fixture{"starcoder2", "starcoder2"}};
INSTANTIATE_TEST_SUITE_P(Fixtures, NativeGgufAndTransformersTest, ::testing::ValuesIn(kSameEverywhere),
                         fixture_name);
INSTANTIATE_TEST_SUITE_P(Fixtures, NativeGgufAndLlamaTest, ::testing::ValuesIn(kSameEverywhere),
                         fixture_name);

// llama.cpp leaves Phi-3's window out and chooses its factors by the size of the context.
INSTANTIATE_TEST_SUITE_P(AsPublished, NativeGgufAndTransformersTest,
                         ::testing::Values(Fixture{"phi3", "phi3"}, Fixture{"phi3-longrope", "phi3"}),
                         fixture_name);
// Which of SmolLM3's layers do not rotate, a GGUF does not say.
INSTANTIATE_TEST_SUITE_P(AsInGguf, NativeGgufAndLlamaTest, ::testing::Values(Fixture{"smollm3", "smollm3"}),
                         fixture_name);

// ---- the engine: routing, vocabulary, generation

Generation generate_with(const fs::path& path, const char* backend) {
  Engine engine;
  auto model = engine.open(path, {.backends = {backend}});
  EXPECT_TRUE(model) << model.error().message;
  if (!model) return {};
  auto generation = (*model)->generate({.prompt = std::string("the cat"),
                                        .max_tokens = 12,
                                        .sampling = {.temperature = 0},
                                        .ignore_eos = true});
  EXPECT_TRUE(generation) << generation.error().message;
  return generation.value_or(Generation{});
}

void expect_the_same_generation(const fs::path& path) {
  const Generation native = generate_with(path, "native");
  const Generation llama = generate_with(path, "llama");
  EXPECT_EQ(native.prompt_tokens, llama.prompt_tokens);
  EXPECT_EQ(native.text, llama.text);
  EXPECT_EQ(native.tokens.size(), 12U);
}

TEST(NativeGguf, RunsATinyModelWithItsOwnVocabulary) {
  const TempDir dir;
  expect_the_same_generation(dir.write("tiny.gguf", tiny_llama().build()));
}

TEST(NativeGguf, RunsASplitModel) {
  const TempDir dir;
  GgufBuilder first = tiny_llama();
  GgufBuilder second;
  for (const char* name : {"blk.0.ffn_down.weight", "blk.0.attn_q.weight", "output_norm.weight"})
    second.tensor(first.take_tensor(name));
  for (auto [part, index] : {std::pair{&first, 0}, std::pair{&second, 1}}) {
    part->kv<std::uint16_t>("split.no", static_cast<std::uint16_t>(index))
        .kv<std::uint16_t>("split.count", 2);
    part->kv<std::int32_t>("split.tensors.count", 11);
  }
  dir.write("tiny-00002-of-00002.gguf", second.build());
  expect_the_same_generation(dir.write("tiny-00001-of-00002.gguf", first.build()));
}

// A vocabulary that libllama would answer with an assertion never reaches it.
TEST(NativeGguf, ChecksTheVocabularyFirst) {
  const TempDir dir;
  auto builder = tiny_llama();
  builder.erase("tokenizer.ggml.model").string("tokenizer.ggml.model", "nonsense");
  Engine engine;
  const auto model = engine.open(dir.write("tiny.gguf", builder.build()), {.backends = {"native"}});
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, ErrorCode::ModelLoading);
  EXPECT_THAT(model.error().message, ::testing::HasSubstr("tokenizer.ggml.model"));
}

TEST(NativeGguf, RefusesWhatItDoesNotKnow) {
  const auto backend = make_native_backend();
  const auto answer = backend->supports({.format = Format::Gguf, .architecture = "rwkv7"});
  EXPECT_EQ(answer.support, Support::No);
  EXPECT_TRUE(
      answer.reason.starts_with("it does not know the architecture 'rwkv7' as GGUF, only falcon, gemma,"))
      << answer.reason;
  EXPECT_EQ(backend->supports({.format = Format::Gguf, .architecture = "llama"}).support, Support::Yes);
}

// What a user would do with the file, as far as it goes.
Result<void> use(const fs::path& path) {
  MINERVA_ASSIGN(const ModelDescription description, describe(path));
  const auto backend = make_native_backend();
  const SupportAnswer answer = backend->supports(description);
  if (answer.support != Support::Yes) return invalid_request(answer.reason, "Use another model.");
  const ContextOptions options{.context_tokens = 64, .batch_tokens = 32, .threads = 1};
  MINERVA_ASSIGN(const MemoryNeed need, backend->memory_needed(description, {}, options));
  if (need.total() > (512ULL << 20U)) return fail(ErrorCode::OutOfMemory, "the test's limit", "None.");
  MINERVA_ASSIGN(const auto model, backend->load(description, {}, {}));
  MINERVA_ASSIGN(const auto context, model->new_context(options));
  const std::vector<TokenId> ids(5, 0);
  const DecodeResult result = context->decode(make_rows(ids, 0, 0));
  if (result.status != DecodeStatus::Ok) return std::unexpected(result.error);
  EXPECT_EQ(context->outputs(4).size(), model->info().vocabulary_size);
  return {};
}

class MutatedGgufTest : public ::testing::TestWithParam<Fixture> {};

TEST_P(MutatedGgufTest, RunsOrGivesAnError) {
  const TempDir dir;
  const fs::path source = test_data() / "models" / GetParam().name;
  const auto sound = LooseGguf::parse(gguf_of_directory(source, GetParam().architecture).build());
  ASSERT_TRUE(sound);
  EXPECT_TRUE(use(dir.write("model.gguf", sound->serialize())));
  int refused = 0;
  constexpr unsigned kSeeds = 400;
  for (unsigned seed = 0; seed < kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    LooseGguf gguf = *sound;
    mutate_gguf(gguf, seed);
    const auto result = use(dir.write("model.gguf", gguf.serialize()));
    if (result) continue;
    ++refused;
    EXPECT_NE(result.error().code, ErrorCode::Internal) << result.error().message;
    EXPECT_FALSE(result.error().remedy.empty());
  }
  EXPECT_GT(refused, 100);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, MutatedGgufTest,
                         ::testing::Values(Fixture{"llama3-rope", "llama"}, Fixture{"gemma3_text", "gemma3"},
                                           Fixture{"gpt2", "gpt2"}, Fixture{"phi3-longrope", "phi3"},
                                           Fixture{"qwen2_moe", "qwen2moe"}, Fixture{"falcon", "falcon"}),
                         fixture_name);

// Learned positions end where the table ends, whatever context was asked for.
TEST(NativeGguf, HasNoPositionsBeyondTheLearnedOnes) {
  const auto path = test_data() / "models" / "gpt2";
  const auto model = load_native(path, NumericMode::Exact);
  ASSERT_TRUE(model);
  const std::uint32_t positions = model->info().context_length;
  const auto context = open_context(*model, positions + 1);
  const std::vector<TokenId> ids(positions, 1);
  ASSERT_FALSE(decode_all(*context, ids).empty());
  const auto result =
      context->decode(make_rows(std::span(ids).first(1), 0, static_cast<Position>(positions)));
  EXPECT_EQ(result.status, DecodeStatus::Fatal);
  EXPECT_EQ(result.error.code, ErrorCode::ContextOverflow);
}

// What windows let go of does not count, and what is foretold covers what is taken.
TEST(NativeGguf, ForetellsItsMemory) {
  const TempDir dir;
  const fs::path source = test_data() / "models" / "gemma3_text";
  const auto path = dir.write("model.gguf", gguf_of_directory(source, "gemma3").build());
  const auto description = describe_gguf(path);
  const auto backend = make_native_backend();
  const auto need = [&](std::uint32_t tokens) {
    const auto answer = backend->memory_needed(description, {}, {.context_tokens = tokens});
    EXPECT_TRUE(answer) << answer.error().message;
    return answer.value_or(MemoryNeed{});
  };
  EXPECT_GE(need(100).weights_bytes, description.tensor_bytes);  // and the tokenizer of 512 tokens
  EXPECT_LE(need(100).weights_bytes, description.tensor_bytes + 200'000);
  const std::uint64_t position = std::uint64_t{2} * 2 * description.kv_head_count * description.key_length;
  EXPECT_EQ(need(100).kv_bytes, 100 * position * description.layer_count);
  EXPECT_LT(need(100'000).kv_bytes, 100'000 * position * description.layer_count / 2);
  EXPECT_LE(need(4'000'000'000).kv_bytes, std::uint64_t{1} << 62);
}

// ---- real models

std::vector<TokenId> some_text(const ModelDescription& description, std::size_t count) {
  std::ifstream in(llama_source() / "CONTRIBUTING.md");
  const std::string text(std::istreambuf_iterator<char>(in), {});
  const auto tokenizer = load_tokenizer(description);
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  auto ids = (*tokenizer)->encode(text, {.add_special = true}).value_or(std::vector<TokenId>{});
  EXPECT_GE(ids.size(), count);
  ids.resize(std::min(ids.size(), count));
  return ids;
}

// Bit for bit what the same weights give when they are float32 in a Hugging Face directory.
void expect_the_published_model(const fs::path& path) {
  TempDir dir;
  write_f32_directory(path, dir.path());
  const auto from_gguf = load_native(path, NumericMode::Exact);
  const auto published = load_native(dir.path(), NumericMode::Exact);
  ASSERT_TRUE(from_gguf && published);
  const auto ids = some_text(describe_gguf(path), 40);
  const auto a = open_context(*from_gguf, 64);
  const auto b = open_context(*published, 64);
  EXPECT_EQ(max_difference(decode_all(*a, ids), decode_all(*b, ids)), 0.0F);
  const auto next = best(a->outputs(ids.size() - 1));
  EXPECT_EQ(
      max_difference(decode_all(*a, std::span(&next, 1), 0, 40), decode_all(*b, std::span(&next, 1), 0, 40)),
      0.0F);
}

TEST(NativeGguf, ExactIsThePublishedSmolLm2) {
  MINERVA_NEEDS_MODEL(smollm2_gguf());
  expect_the_published_model(smollm2_gguf());
}

TEST(NativeGguf, ExactIsThePublishedGemma3) {
  MINERVA_NEEDS_MODEL(gemma3_gguf());
  expect_the_published_model(gemma3_gguf());
}

class RequantisedTest : public ::testing::TestWithParam<std::pair<const char*, llama_ftype>> {
 protected:
  // SmolLM2 in the type, quantised by llama.cpp.
  void requantise() {
    start_llama_library();
    llama_model_quantize_params parameters = llama_model_quantize_default_params();
    parameters.ftype = GetParam().second;
    parameters.allow_requantize = true;
    ASSERT_EQ(llama_model_quantize(smollm2_gguf().c_str(), path_.c_str(), &parameters), 0);
  }

  TempDir dir_;
  fs::path path_ = dir_.path() / "model.gguf";
};

class PublishedTypeTest : public RequantisedTest {};
class BitsTest : public RequantisedTest {};

TEST_P(PublishedTypeTest, ExactIsThePublishedModel) {
  MINERVA_NEEDS_MODEL(smollm2_gguf());
  ASSERT_NO_FATAL_FAILURE(requantise());
  expect_the_published_model(path_);
}

INSTANTIATE_TEST_SUITE_P(Types, PublishedTypeTest,
                         ::testing::Values(std::pair{"Q8_0", LLAMA_FTYPE_MOSTLY_Q8_0},
                                           std::pair{"Q4_0", LLAMA_FTYPE_MOSTLY_Q4_0},
                                           std::pair{"Q4_K_M", LLAMA_FTYPE_MOSTLY_Q4_K_M}),
                         [](const auto& test) { return std::string(test.param.first); });

// In every type of block: alone, in portions, on one thread or two, and among eight sequences, the same bits.
TEST_P(BitsTest, PortionsThreadsAndCompanyChangeNone) {
  MINERVA_NEEDS_MODEL(smollm2_gguf());
  if (kSanitized && std::string_view(GetParam().first) != "Q4_K_M")
    GTEST_SKIP() << "one type takes long enough";
  ASSERT_NO_FATAL_FAILURE(requantise());
  const auto ids = some_text(describe_gguf(path_), 16);
  for (const NumericMode mode : {NumericMode::Exact, NumericMode::Fast}) {
    if (kSanitized && mode == NumericMode::Exact) continue;  // the kernels' own tests have it
    SCOPED_TRACE(mode == NumericMode::Exact ? "exact" : "fast");
    const auto model = load_native(path_, mode);
    ASSERT_TRUE(model);
    const auto context = [&](int threads) {
      return *model->new_context(
          {.context_tokens = 512, .sequences_max = 8, .batch_tokens = 256, .threads = threads});
    };
    const auto alone = decode_all(*context(1), ids);
    for (const auto& [threads, portion] : {std::pair{1, 1U}, {2, 7U}, {2, 16U}}) {
      EXPECT_EQ(max_difference(decode_all(*context(threads), ids, 0, 0, portion), alone), 0.0F)
          << threads << " threads, portions of " << portion;
    }
    const auto together = context(2);
    std::vector<BatchRow> rows;
    for (SequenceId sequence = 0; sequence < 8; ++sequence) {  // others are shorter, and of other tokens
      const auto part = std::span(ids).subspan(static_cast<std::size_t>(sequence == 5 ? 0 : sequence));
      const auto added = make_rows(part, sequence, 0);
      rows.insert(rows.end(), added.begin(), added.end());
    }
    ASSERT_EQ(together->decode(rows).status, DecodeStatus::Ok);
    std::size_t last = 0;
    while (rows[last].sequence != 5 || rows[last].output != RowOutput::Logits) ++last;
    EXPECT_EQ(max_difference(together->outputs(last), alone), 0.0F) << "among eight";
  }
}

INSTANTIATE_TEST_SUITE_P(
    Types, BitsTest,
    ::testing::Values(std::pair{"BF16", LLAMA_FTYPE_MOSTLY_BF16}, std::pair{"F16", LLAMA_FTYPE_MOSTLY_F16},
                      std::pair{"Q8_0", LLAMA_FTYPE_MOSTLY_Q8_0}, std::pair{"Q4_0", LLAMA_FTYPE_MOSTLY_Q4_0},
                      std::pair{"Q4_1", LLAMA_FTYPE_MOSTLY_Q4_1}, std::pair{"Q5_0", LLAMA_FTYPE_MOSTLY_Q5_0},
                      std::pair{"Q5_1", LLAMA_FTYPE_MOSTLY_Q5_1}, std::pair{"Q2_K", LLAMA_FTYPE_MOSTLY_Q2_K},
                      std::pair{"Q3_K_M", LLAMA_FTYPE_MOSTLY_Q3_K_M},
                      std::pair{"Q4_K_M", LLAMA_FTYPE_MOSTLY_Q4_K_M},
                      std::pair{"Q5_K_M", LLAMA_FTYPE_MOSTLY_Q5_K_M},
                      std::pair{"Q6_K", LLAMA_FTYPE_MOSTLY_Q6_K}),
    [](const auto& test) { return std::string(test.param.first); });

// `fast` may not stray further from `exact` than llama.cpp does.
void expect_no_more_divergence_than_llama(const fs::path& path, std::size_t tokens) {
  const auto exact = load_native(path, NumericMode::Exact);
  const auto fast = load_native(path, NumericMode::Fast);
  const auto llama = load_llama(path);
  ASSERT_TRUE(exact && fast && llama);
  const auto ids = some_text(describe_gguf(path), tokens);
  const auto measured = measure_divergence(*exact, {fast.get(), llama.get()}, ids);
  ASSERT_TRUE(measured) << measured.error().message;
  const Divergence& ours = (*measured)[0];
  const Divergence& theirs = (*measured)[1];
  EXPECT_LE(ours.kl, 1.05 * theirs.kl);
  // 0.5 points over 2,048 tokens (minerva_divergence); a short text moves by as much.
  EXPECT_GE(ours.top1, theirs.top1 - 0.01);
  ::testing::Test::RecordProperty("native_kl", std::to_string(ours.kl));
  ::testing::Test::RecordProperty("llama_kl", std::to_string(theirs.kl));
}

TEST(NativeGguf, FastStaysAsCloseAsLlamaOnSmolLm2) {
  MINERVA_NEEDS_MODEL(smollm2_gguf());
  expect_no_more_divergence_than_llama(smollm2_gguf(), 512);
}

TEST(NativeGguf, FastStaysAsCloseAsLlamaOnGemma3) {
  MINERVA_NEEDS_MODEL(gemma3_gguf());
  expect_no_more_divergence_than_llama(gemma3_gguf(), 256);
}

}  // namespace
}  // namespace minerva
