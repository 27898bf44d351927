#include "backends/llama/preflight.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "support/gguf_builder.h"
#include "support/temp_dir.h"

namespace minerva {
namespace {

using testing::GgufBuilder;
using testing::GgufTensor;
using testing::tiny_llama;

Result<Preflight> check(const GgufBuilder& builder) {
  const testing::TempDir folder;
  MINERVA_ASSIGN(const gguf::Model model, gguf::open_model(folder.write("tiny.gguf", builder.build())));
  return check_for_llama(model);
}

TEST(Preflight, SoundModelPassesWithoutTrial) {
  const auto result = check(tiny_llama());
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->architecture->name, "llama");
  EXPECT_FALSE(result->needs_trial);
}

TEST(Preflight, UnknownTensorOrArchitectureNeedsTrial) {
  auto builder = tiny_llama();
  builder.f32_tensor("blk.0.something.weight", {32, 32});
  const auto result = check(builder);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_TRUE(result->needs_trial);

  auto mamba = tiny_llama();
  mamba.erase("general.architecture").string("general.architecture", "mamba");
  mamba.u32("mamba.block_count", 1).u32("mamba.context_length", 64).u32("mamba.embedding_length", 32);
  const auto other = check(mamba);
  ASSERT_TRUE(other) << other.error().message;
  EXPECT_TRUE(other->needs_trial);
}

struct BadFile {
  const char* name;
  std::function<void(GgufBuilder&)> break_it;
  const char* in_message;
};

class PreflightRefuses : public ::testing::TestWithParam<BadFile> {};

TEST_P(PreflightRefuses, WithAMessageThatNamesIt) {
  auto builder = tiny_llama();
  GetParam().break_it(builder);
  const auto result = check(builder);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::ModelLoading);
  EXPECT_NE(result.error().message.find(GetParam().in_message), std::string::npos) << result.error().message;
  EXPECT_NE(result.error().message.find("tiny.gguf"), std::string::npos) << result.error().message;
  EXPECT_FALSE(result.error().remedy.empty());
}

std::function<void(GgufBuilder&)> set_u32(const char* key, std::uint32_t value) {
  return [=](GgufBuilder& builder) { builder.erase(key).u32(key, value); };
}
std::function<void(GgufBuilder&)> set_f32(const char* key, float value) {
  return [=](GgufBuilder& builder) { builder.erase(key).f32(key, value); };
}
std::function<void(GgufBuilder&)> set_string(const char* key, const char* value) {
  return [=](GgufBuilder& builder) { builder.erase(key).string(key, value); };
}

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

const std::vector<BadFile> kBadFiles = {
    {"UnknownArchitecture", set_string("general.architecture", "nonsense"), "'nonsense'"},
    {"Encoder", set_string("general.architecture", "bert"), "does not generate text"},
    {"NoBlocks", set_u32("llama.block_count", 0), "llama.block_count"},
    {"TooManyBlocks", set_u32("llama.block_count", 513), "llama.block_count"},
    {"BlocksMissing", [](GgufBuilder& b) { b.erase("llama.block_count"); }, "llama.block_count"},
    {"BlocksWrongType",
     [](GgufBuilder& b) { b.erase("llama.block_count").kv<float>("llama.block_count", 1); },
     "llama.block_count"},
    {"NoContext", set_u32("llama.context_length", 0), "llama.context_length"},
    {"HugeContext", set_u32("llama.context_length", 0xffffffff), "llama.context_length"},
    {"NoEmbedding", set_u32("llama.embedding_length", 0), "llama.embedding_length"},
    {"HugeEmbedding", set_u32("llama.embedding_length", 0x7fffffff), "llama.embedding_length"},
    {"EmbeddingUnlikeTensor", set_u32("llama.embedding_length", 64), "token_embd.weight"},
    {"HeadsDoNotDivide", set_u32("llama.attention.head_count", 3), "llama.attention.head_count"},
    {"HugeHeads", set_u32("llama.attention.head_count", 0x40000000), "llama.attention.head_count"},
    {"KvHeadsDoNotDivide", set_u32("llama.attention.head_count_kv", 3), "llama.attention.head_count_kv"},
    {"MoreKvHeads", set_u32("llama.attention.head_count_kv", 4), "llama.attention.head_count_kv"},
    {"HeadsPerLayerTooFew",
     [](GgufBuilder& b) {
       b.erase("llama.attention.head_count").array<std::uint32_t>("llama.attention.head_count", {});
     },
     "llama.attention.head_count"},
    {"HeadsPerLayerNegative",
     [](GgufBuilder& b) {
       b.erase("llama.attention.head_count").array<std::int32_t>("llama.attention.head_count", {-1});
     },
     "llama.attention.head_count"},
    {"FeedForwardPerLayerTooMany",
     [](GgufBuilder& b) {
       b.erase("llama.feed_forward_length").array<std::uint32_t>("llama.feed_forward_length", {64, 64});
     },
     "llama.feed_forward_length"},
    {"HugeFeedForward", set_u32("llama.feed_forward_length", 0xffffffff), "llama.feed_forward_length"},
    {"NoKeyLength", set_u32("llama.attention.key_length", 0), "llama.attention.key_length"},
    {"HugeKeyLength", set_u32("llama.attention.key_length", 0x10000000), "llama.attention.key_length"},
    {"NoRope", set_u32("llama.rope.dimension_count", 0), "llama.rope.dimension_count"},
    {"NoRopeInWindows", set_u32("llama.rope.dimension_count_swa", 0), "llama.rope.dimension_count_swa"},
    {"OddRope", set_u32("llama.rope.dimension_count", 15), "llama.rope.dimension_count"},
    {"RopeBeyondHead", set_u32("llama.rope.dimension_count", 18), "llama.rope.dimension_count"},
    {"RopeBaseZero", set_f32("llama.rope.freq_base", 0), "llama.rope.freq_base"},
    {"RopeBaseNaN", set_f32("llama.rope.freq_base", kNaN), "llama.rope.freq_base"},
    {"RopeFactorInfinite", set_f32("llama.rope.scaling.factor", kInfinity), "llama.rope.scaling.factor"},
    {"RopeScalingUnknown", set_string("llama.rope.scaling.type", "cubic"), "'cubic'"},
    {"RopeSectionsZero",
     [](GgufBuilder& b) { b.array<std::int32_t>("llama.rope.dimension_sections", {0, 0, 0, 0}); },
     "llama.rope.dimension_sections"},
    {"EpsilonNegative", set_f32("llama.attention.layer_norm_rms_epsilon", -1), "epsilon"},
    {"EpsilonNaN", set_f32("llama.attention.layer_norm_rms_epsilon", kNaN), "epsilon"},
    {"AnyNumberTooLarge", set_u32("llama.what.ever", 0x80000000), "llama.what.ever"},
    {"ExpertsUsedWithoutExperts", set_u32("llama.expert_used_count", 2), "llama.expert_used_count"},
    {"ExpertsUnused", set_u32("llama.expert_count", 8), "llama.expert_used_count"},
    {"TooManyExperts", set_u32("llama.expert_count", 1025), "llama.expert_count"},
    {"MoreExpertsUsedThanThere",
     [](GgufBuilder& b) { b.u32("llama.expert_count", 4).u32("llama.expert_used_count", 5); },
     "llama.expert_used_count"},
    {"ExpertGroupsDoNotDivide",
     [](GgufBuilder& b) {
       b.u32("llama.expert_count", 4).u32("llama.expert_used_count", 2).u32("llama.expert_group_count", 3);
     },
     "llama.expert_group_count"},
    {"LeadingBlocksBeyond", set_u32("llama.leading_dense_block_count", 2), "llama.leading_dense_block_count"},
    {"WindowPatternLength",
     [](GgufBuilder& b) { b.array<std::uint8_t>("llama.attention.sliding_window_pattern", {1, 0}); },
     "sliding_window_pattern"},
    {"HugeWindow", set_u32("llama.attention.sliding_window", 0x7fffffff), "llama.attention.sliding_window"},
    {"NoWindowWhereOneIsNeeded",
     [](GgufBuilder& b) {
       b.erase("general.architecture").string("general.architecture", "afmoe");
       b.u32("afmoe.block_count", 1).u32("afmoe.context_length", 64).u32("afmoe.embedding_length", 32);
       b.u32("afmoe.attention.head_count", 2).u32("afmoe.attention.sliding_window", 0);
     },
     "afmoe.attention.sliding_window"},
    {"PoolingUnknown", set_u32("llama.pooling_type", 9), "llama.pooling_type"},
    {"FullAttentionNever", set_u32("llama.full_attention_interval", 0), "llama.full_attention_interval"},
    {"NormOfWrongType",
     [](GgufBuilder& b) {
       b.tensor_named("output_norm.weight").type = 1;
       b.tensor_named("output_norm.weight").data.resize(64);
     },
     "output_norm.weight"},
    {"MatrixOfWrongType",
     [](GgufBuilder& b) {
       GgufTensor& tensor = b.tensor_named("blk.0.attn_q.weight");
       tensor.type = 24;  // I8
       tensor.data.resize(32 * 32);
     },
     "blk.0.attn_q.weight"},
    {"LayerBeyondBlocks", [](GgufBuilder& b) { b.f32_tensor("blk.1.attn_norm.weight", {32}); },
     "blk.1.attn_norm.weight"},
    {"EmbeddingUnlikeVocabulary",
     [](GgufBuilder& b) {
       GgufTensor& tensor = b.tensor_named("token_embd.weight");
       tensor.dims[1] -= 1;
       tensor.data.resize(tensor.data.size() - 32 * 4);
     },
     "token_embd.weight"},
};

INSTANTIATE_TEST_SUITE_P(Files, PreflightRefuses, ::testing::ValuesIn(kBadFiles),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Preflight, OnlyAVocabulary) {
  auto builder = tiny_llama();
  GgufBuilder empty;
  empty.string("general.architecture", "llama").u32("llama.block_count", 1).u32("llama.context_length", 64);
  empty.u32("llama.embedding_length", 32).u32("llama.attention.head_count", 2);
  const auto result = check(empty);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("holds a vocabulary and no weights"), std::string::npos)
      << result.error().message;
}

TEST(Architectures, NamesAreUniqueAndFound) {
  for (const Architecture& architecture : architectures())
    EXPECT_EQ(find_architecture(architecture.name), &architecture) << architecture.name;
  EXPECT_EQ(find_architecture(""), nullptr);
  EXPECT_EQ(find_architecture("Llama"), nullptr);
}

}  // namespace
}  // namespace minerva
