#include "formats/gguf/describe.h"

#include <functional>
#include <limits>

#include "formats/gguf/file_type.h"
#include "formats/gguf/test_support.h"

namespace minerva::gguf {
namespace {

using ::minerva::testing::GgufBuilder;
using ::minerva::testing::tiny_llama;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::uint32_t kU32Max = std::numeric_limits<std::uint32_t>::max();

Result<ModelDescription> describe_bytes(const GgufBuilder& builder) {
  MINERVA_ASSIGN(File file, parse(builder));
  Model model;
  model.paths.emplace_back("test.gguf");
  model.files.push_back(std::move(file));
  return describe_model(model);
}

TEST(GgufDescribe, ReadsALlama) {
  const auto d = describe_bytes(tiny_llama());
  ASSERT_TRUE(d) << d.error().message;
  EXPECT_EQ(d->format, Format::Gguf);
  EXPECT_EQ(d->architecture, "llama");
  EXPECT_EQ(d->name, "Tiny");
  EXPECT_EQ(d->tensor_count, 11U);
  EXPECT_EQ(d->parameter_count, 288U * 32 + 32 + 32 + 1024 + 512 + 512 + 1024 + 32 + 3 * 2048);
  EXPECT_EQ(d->tensor_bytes, d->parameter_count * 4);
  EXPECT_GT(d->file_bytes, d->tensor_bytes);
  EXPECT_EQ(d->quantisation, "F32");
  EXPECT_EQ(d->context_length, 64U);
  EXPECT_EQ(d->layer_count, 1U);
  EXPECT_EQ(d->embedding_length, 32U);
  EXPECT_EQ(d->head_count, 2U);
  EXPECT_EQ(d->kv_head_count, 1U);
  EXPECT_EQ(d->key_length, 16U);
  EXPECT_EQ(d->value_length, 16U);
  EXPECT_EQ(d->feed_forward_length, 64U);
  EXPECT_EQ(d->sliding_window, 0U);
  EXPECT_EQ(d->vocabulary_size, 288U);
  EXPECT_EQ(d->tokenizer, TokenizerKind::SentencePiece);
  EXPECT_EQ(d->tokenizer_detail, "llama/default");
  EXPECT_THAT(d->eos_token_ids, ElementsAre(2));
  EXPECT_EQ(d->bos_token_id, 1);
  ASSERT_EQ(d->chat_templates.size(), 1U);
  EXPECT_EQ(d->chat_templates[0].name, "default");
  EXPECT_FALSE(d->sampling.temperature);
}

TEST(GgufDescribe, ReadsWhatIsOptional) {
  auto builder = tiny_llama();
  builder.erase("general.name").erase("tokenizer.chat_template").erase("llama.attention.head_count_kv");
  builder.u32("llama.attention.key_length", 24).u32("llama.attention.value_length", 8);
  builder.u32("llama.attention.sliding_window", 512);
  builder.string("tokenizer.chat_template.tool_use", "T").string("tokenizer.chat_template", "D");
  builder.u32("tokenizer.ggml.eot_token_id", 5).u32("tokenizer.ggml.eom_token_id", 2);
  builder.f32("general.sampling.temp", 0.6F).kv<std::int32_t>("general.sampling.top_k", 20);
  builder.f32("general.sampling.top_p", 0.95F).kv<double>("general.sampling.min_p", 0.0);
  builder.f32("general.sampling.penalty_repeat", 1.1F);
  const auto d = describe_bytes(builder);
  ASSERT_TRUE(d) << d.error().message;
  EXPECT_EQ(d->name, "test");  // the file's
  EXPECT_EQ(d->kv_head_count, 2U);
  EXPECT_EQ(d->key_length, 24U);
  EXPECT_EQ(d->value_length, 8U);
  EXPECT_EQ(d->sliding_window, 512U);
  EXPECT_THAT(d->eos_token_ids, ElementsAre(2, 5));
  ASSERT_EQ(d->chat_templates.size(), 2U);
  EXPECT_EQ(d->chat_templates[0].name, "default");
  EXPECT_EQ(d->chat_templates[0].source, "D");
  EXPECT_EQ(d->chat_templates[1].name, "tool_use");
  EXPECT_FLOAT_EQ(d->sampling.temperature.value_or(0), 0.6F);
  EXPECT_EQ(d->sampling.top_k, 20);
  EXPECT_FLOAT_EQ(d->sampling.top_p.value_or(0), 0.95F);
  EXPECT_EQ(d->sampling.min_p, 0.0F);
  EXPECT_FLOAT_EQ(d->sampling.repetition_penalty.value_or(0), 1.1F);
}

TEST(GgufDescribe, TakesTheLargestOfNumbersPerLayer) {
  auto builder = tiny_llama();
  builder.erase("llama.block_count").u32("llama.block_count", 3);
  builder.erase("llama.attention.head_count_kv")
      .array<std::int32_t>("llama.attention.head_count_kv", {0, 2, 1});
  builder.erase("llama.feed_forward_length").array<std::uint32_t>("llama.feed_forward_length", {64, 128, 32});
  const auto d = describe_bytes(builder);
  ASSERT_TRUE(d) << d.error().message;
  EXPECT_EQ(d->kv_head_count, 2U);
  EXPECT_EQ(d->feed_forward_length, 128U);
}

TEST(GgufDescribe, TellsTokenizersApart) {
  const std::pair<const char*, TokenizerKind> cases[] = {
      {"gpt2", TokenizerKind::Bpe},       {"llama", TokenizerKind::SentencePiece},
      {"bert", TokenizerKind::WordPiece}, {"t5", TokenizerKind::Unigram},
      {"rwkv", TokenizerKind::Other},     {"no_vocab", TokenizerKind::None},
      {"gemma4", TokenizerKind::Bpe},     {"invented", TokenizerKind::Other},
  };
  for (const auto& [model, kind] : cases) {
    const auto d =
        describe_bytes(tiny_llama().erase("tokenizer.ggml.model").string("tokenizer.ggml.model", model));
    ASSERT_TRUE(d);
    EXPECT_EQ(d->tokenizer, kind) << model;
  }
}

TEST(GgufDescribe, KnowsWhatIsNoModel) {
  for (const auto* type : {"adapter", "mmproj", "imatrix", "dataset"}) {
    const auto d = describe_bytes(tiny_llama().erase("general.type").string("general.type", type));
    ASSERT_FALSE(d) << type;
    EXPECT_EQ(d.error().code, ErrorCode::InvalidRequest) << type;
    EXPECT_GT(d.error().remedy.size(), 20U) << type;
  }
}

struct Lie {
  const char* name;
  std::function<void(GgufBuilder&)> tell;
  const char* message;
};
void PrintTo(const Lie& lie, std::ostream* out) {
  *out << lie.name;
}

class GgufDescribeLie : public ::testing::TestWithParam<Lie> {};

TEST_P(GgufDescribeLie, IsRefusedWithItsKey) {
  auto builder = tiny_llama();
  GetParam().tell(builder);
  const auto d = describe_bytes(builder);
  ASSERT_FALSE(d);
  expect_damaged(d.error(), GetParam().message);
}

/// Replaces `key` by a u32.
auto set(const char* key, std::uint32_t value) {
  return [=](GgufBuilder& b) { b.erase(key).u32(key, value); };
}
auto drop(const char* key) {
  return [=](GgufBuilder& b) { b.erase(key); };
}

const Lie kLies[] = {
    {"no_architecture", drop("general.architecture"), "'general.architecture' (type string) is missing"},
    {"architecture_empty",
     [](auto& b) { b.erase("general.architecture").string("general.architecture", ""); },
     "'general.architecture' is ''"},
    {"architecture_strange",
     [](auto& b) { b.erase("general.architecture").string("general.architecture", "ll\x1b[31mama"); },
     "'general.architecture' is 'll\\x1b[31mama'"},
    {"architecture_u32", set("general.architecture", 1), "has type u32, expected string"},
    {"type_u32", set("general.type", 1), "'general.type' has type u32, expected string"},
    {"name_u32", set("general.name", 1), "'general.name' has type u32"},
    {"no_block_count", drop("llama.block_count"), "'llama.block_count' (type u32) is missing"},
    {"block_count_0", set("llama.block_count", 0), "'llama.block_count' is 0, expected 1 to 512"},
    {"block_count_513", set("llama.block_count", 513), "'llama.block_count' is 513, expected 1 to 512"},
    {"block_count_max", set("llama.block_count", kU32Max), "'llama.block_count' is 4294967295"},
    {"block_count_i32",
     [](auto& b) { b.erase("llama.block_count").template kv<std::int32_t>("llama.block_count", 1); },
     "'llama.block_count' has type i32, expected u32"},
    {"block_count_f32", [](auto& b) { b.erase("llama.block_count").f32("llama.block_count", 1); },
     "has type f32"},
    {"no_context_length", drop("llama.context_length"), "'llama.context_length' (type u32) is missing"},
    {"context_length_0", set("llama.context_length", 0), "'llama.context_length' is 0"},
    {"context_length_max", set("llama.context_length", kU32Max), "'llama.context_length' is 4294967295"},
    {"no_embedding_length", drop("llama.embedding_length"), "'llama.embedding_length' (type u32) is missing"},
    {"embedding_length_0", set("llama.embedding_length", 0), "'llama.embedding_length' is 0"},
    {"embedding_length_max", set("llama.embedding_length", kU32Max),
     "'llama.embedding_length' is 4294967295"},
    {"head_count_max", set("llama.attention.head_count", kU32Max),
     "'llama.attention.head_count' is 4294967295"},
    {"head_count_string",
     [](auto& b) { b.erase("llama.attention.head_count").string("llama.attention.head_count", "2"); },
     "'llama.attention.head_count' has type string"},
    {"more_kv_heads_than_heads", set("llama.attention.head_count_kv", 3),
     "expected at most the head count, which is 2"},
    {"kv_heads_too_few",
     [](auto& b) {
       b.erase("llama.attention.head_count_kv")
           .template array<std::int32_t>("llama.attention.head_count_kv", {1, 1});
     },
     "an array of 2, expected one element for each of 1 layers"},
    {"kv_heads_negative",
     [](auto& b) {
       b.erase("llama.attention.head_count_kv")
           .template array<std::int32_t>("llama.attention.head_count_kv", {-1});
     },
     "an array that holds -1"},
    {"kv_heads_huge",
     [](auto& b) {
       b.erase("llama.attention.head_count_kv")
           .template array<std::uint32_t>("llama.attention.head_count_kv", {kU32Max});
     },
     "an array that holds 4294967295"},
    {"kv_heads_array_of_f32",
     [](auto& b) {
       b.erase("llama.attention.head_count_kv").template array<float>("llama.attention.head_count_kv", {1});
     },
     "has type array of f32, expected u32 or array of u32 or i32"},
    {"key_length_max", set("llama.attention.key_length", kU32Max),
     "'llama.attention.key_length' is 4294967295"},
    {"window_max", set("llama.attention.sliding_window", kU32Max),
     "'llama.attention.sliding_window' is 4294967295"},
    {"tokens_u32", set("tokenizer.ggml.tokens", 1), "'tokenizer.ggml.tokens' has type u32, expected array"},
    {"tokens_numbers",
     [](auto& b) {
       b.erase("tokenizer.ggml.tokens").template array<std::uint32_t>("tokenizer.ggml.tokens", {1});
     },
     "'tokenizer.ggml.tokens' has type array of u32, expected array of string"},
    {"scores_too_few",
     [](auto& b) { b.erase("tokenizer.ggml.scores").template array<float>("tokenizer.ggml.scores", {0}); },
     "'tokenizer.ggml.scores' is an array of 1, expected one element for each of 288 tokens"},
    {"types_of_u32",
     [](auto& b) {
       b.erase("tokenizer.ggml.token_type").template array<std::uint32_t>("tokenizer.ggml.token_type", {0});
     },
     "'tokenizer.ggml.token_type' has type array of u32, expected array of i32"},
    {"tokenizer_model_u32", set("tokenizer.ggml.model", 1), "'tokenizer.ggml.model' has type u32"},
    {"eos_i32",
     [](auto& b) {
       b.erase("tokenizer.ggml.eos_token_id").template kv<std::int32_t>("tokenizer.ggml.eos_token_id", 2);
     },
     "'tokenizer.ggml.eos_token_id' has type i32, expected u32"},
    {"template_u32", set("tokenizer.chat_template", 1),
     "'tokenizer.chat_template' has type u32, expected string"},
    {"template_too_long",
     [](auto& b) {
       b.erase("tokenizer.chat_template").string("tokenizer.chat_template", std::string(512 * 1024 + 1, 'x'));
     },
     "at most 524288 are allowed"},
    {"template_no_utf8",
     [](auto& b) { b.erase("tokenizer.chat_template").string("tokenizer.chat_template", "\xFF\xFE"); },
     "not valid UTF-8"},
    {"too_many_templates",
     [](auto& b) {
       for (int i = 0; i < 65; ++i) b.string("tokenizer.chat_template.t" + std::to_string(i), "x");
     },
     "in more than 64 versions"},
    {"file_type_string", [](auto& b) { b.erase("general.file_type").string("general.file_type", "Q4"); },
     "'general.file_type' has type string"},
};
INSTANTIATE_TEST_SUITE_P(Keys, GgufDescribeLie, ::testing::ValuesIn(kLies),
                         [](const auto& test) { return test.param.name; });

// ---- the quantisation's label

std::string label(std::optional<std::uint64_t> file_type, const std::vector<GgmlType>& types) {
  GgufBuilder builder;
  for (const GgmlType type : types) {
    const auto& traits = ggml_type_traits(type);
    builder.tensor({.name = "t" + std::to_string(builder.header().size()),
                    .dims = {256},
                    .type = static_cast<std::uint32_t>(type),
                    .data = std::string(ggml_bytes(traits, 256).value_or(0), 'x')});
  }
  const auto file = parse(builder);
  if (!file) return file.error().message;
  return quantisation_label(file_type, std::span(&*file, 1));
}

TEST(GgufQuantisation, IsWhatTheFileSaysWhenATensorBearsItOut) {
  EXPECT_EQ(label(15, {GgmlType::F32, GgmlType::Q4_K, GgmlType::Q6_K, GgmlType::Q6_K}), "Q4_K_M");
  EXPECT_EQ(label(14, {GgmlType::Q5_0, GgmlType::Q8_0}), "Q4_K_S");  // rows too short for Q4_K
  EXPECT_EQ(label(3, {GgmlType::Q4_1, GgmlType::F32}), "Q4_1");
  EXPECT_EQ(label(38, {GgmlType::MXFP4}), "MXFP4_MOE");
}

TEST(GgufQuantisation, IsWhatMostElementsHaveOtherwise) {
  EXPECT_EQ(label(15, {GgmlType::F16, GgmlType::F16, GgmlType::F32}), "F16");
  EXPECT_EQ(label(0, {GgmlType::Q8_0}), "Q8_0");
  EXPECT_EQ(label(std::nullopt, {GgmlType::Q4_K, GgmlType::Q4_K, GgmlType::F32}), "Q4_K");
  EXPECT_EQ(label(9999, {GgmlType::BF16}), "BF16");
  EXPECT_EQ(label(15, {}), "");
}

TEST(GgufQuantisation, NamesEveryFileTypeOfLlamaCpp) {
  for (const std::uint64_t number :
       {0, 1, 2, 3, 7, 8, 9, 10, 15, 18, 19, 30, 31, 32, 36, 37, 38, 39, 40, 41}) {
    EXPECT_FALSE(file_type_name(number).empty()) << number;
  }
  for (const std::uint64_t number : {4ULL, 5ULL, 6ULL, 33ULL, 42ULL, 1024ULL, ~0ULL}) {
    EXPECT_TRUE(file_type_name(number).empty()) << number;
  }
}

TEST(GgufDescribe, TakesASpecialTokenOutsideOfTheVocabularyForNone) {
  for (const std::uint32_t id : {288U, 99999U, kU32Max - 1, kU32Max}) {
    auto builder = tiny_llama();
    for (const char* key : {"tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id",
                            "tokenizer.ggml.eot_token_id", "tokenizer.ggml.unknown_token_id"}) {
      builder.erase(key).kv<std::uint32_t>(key, id);
    }
    const auto d = describe_bytes(builder);
    ASSERT_TRUE(d) << d.error().message;
    EXPECT_FALSE(d->bos_token_id) << id;
    EXPECT_TRUE(d->eos_token_ids.empty()) << id;
  }
}

TEST(GgufDescribe, NamesWhatIsNoLanguageModel) {
  const std::tuple<const char*, const char*, const char*> kCases[] = {
      {"clip", "the image or audio part of a model (mmproj)", "the GGUF file of the language model itself"},
      {"flux", "a part of an image or video generator", "Choose a text model"},
      {"sd1", "a part of an image or video generator", "Choose a text model"},
      {"wan", "a part of an image or video generator", "Choose a text model"},
      {"controlvector", "a control vector", "the model it was made for"},
      {"whisper", "a speech model", "Choose a text model"}};
  for (const auto& [architecture, message, remedy] : kCases) {
    auto builder = tiny_llama();
    builder.erase("general.architecture").string("general.architecture", architecture);
    const auto d = describe_bytes(builder);
    ASSERT_FALSE(d) << architecture;
    EXPECT_EQ(d.error().code, ErrorCode::InvalidRequest);
    EXPECT_THAT(d.error().message, HasSubstr(message));
    EXPECT_THAT(d.error().remedy, HasSubstr(remedy));
  }
}

}  // namespace
}  // namespace minerva::gguf
