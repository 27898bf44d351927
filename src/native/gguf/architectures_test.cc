// From a GGUF's keys and tensors to a spec and bound weights: sound files, and files that lie.
#include "native/gguf/architectures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "formats/checkpoint.h"
#include "native/forward.h"
#include "native/weights.h"
#include "support/gguf_builder.h"
#include "support/temp_dir.h"

namespace minerva::native {
namespace {

using testing::GgufBuilder;
using ::testing::HasSubstr;
using testing::tiny_llama;

struct Bound {
  DecoderSpec spec;
  DecoderWeights weights;
};

Result<Bound> bind(const GgufBuilder& builder) {
  const testing::TempDir dir;
  const auto path = dir.write("model.gguf", builder.build());
  MINERVA_ASSIGN(const gguf::Model model, gguf::open_model(path));
  Bound bound;
  MINERVA_ASSIGN(bound.spec, decoder_spec(model));
  MINERVA_ASSIGN(auto checkpoint, Checkpoint::open({.path = path, .format = Format::Gguf}));
  MINERVA_ASSIGN(bound.weights, bind_weights(bound.spec, std::move(checkpoint), {}));
  return bound;
}

// Last logits of some tokens.
std::vector<float> compute(const Bound& bound) {
  ThreadPool pool(1);
  kernels::Kernels kernels(kernels::best_isa(), pool);
  ForwardPass forward(bound.spec, bound.weights, kernels, NumericMode::Exact);
  SequenceState state(bound.spec, ScalarType::F32, 5);
  std::vector<ForwardRow> rows;
  for (std::int64_t i = 0; i < 5; ++i)
    rows.push_back({.sequence = &state, .position = i, .token = static_cast<TokenId>(3 * i + 260)});
  rows.back().wants_logits = true;
  EXPECT_TRUE(state.cache.reserve(5));
  EXPECT_TRUE(forward.run(rows, {}));
  const auto logits = forward.output(4);
  return {logits.begin(), logits.end()};
}

TEST(GgufArchitectures, ReadsALlama) {
  const auto bound = bind(tiny_llama());
  ASSERT_TRUE(bound) << bound.error().message;
  const DecoderSpec& spec = bound->spec;
  EXPECT_EQ(spec.family, "llama");
  EXPECT_EQ(spec.hidden, 32);
  EXPECT_EQ(spec.layers.size(), 1U);
  EXPECT_EQ(spec.heads, 2);
  EXPECT_EQ(spec.kv_heads, 1);
  EXPECT_EQ(spec.head_dim, 16);
  EXPECT_EQ(spec.intermediate, 64);
  EXPECT_EQ(spec.vocabulary, 288);
  EXPECT_EQ(spec.context_length, 64U);
  EXPECT_FLOAT_EQ(spec.norm.epsilon, 1e-5F);
  EXPECT_TRUE(spec.tied_head);
  EXPECT_TRUE(spec.rotary[0].stored_in_pairs);
  EXPECT_EQ(bound->weights.owned_bytes, 0U) << "weights stay where they are mapped";
  for (const float logit : compute(*bound)) ASSERT_TRUE(std::isfinite(logit));
}

TEST(GgufArchitectures, ReadsAHeadOfItsOwn) {
  auto builder = tiny_llama();
  builder.f32_tensor("output.weight", {32, 288});
  const auto bound = bind(builder);
  ASSERT_TRUE(bound) << bound.error().message;
  EXPECT_FALSE(bound->spec.tied_head);
  EXPECT_NE(compute(*bound), compute(*bind(tiny_llama())));
}

TEST(GgufArchitectures, ReadsOneHeadCountForEachLayer) {
  auto builder = tiny_llama();
  builder.erase("llama.attention.head_count").array<std::int32_t>("llama.attention.head_count", {2});
  const auto bound = bind(builder);
  ASSERT_TRUE(bound) << bound.error().message;
  EXPECT_EQ(compute(*bound), compute(*bind(tiny_llama())));
}

TEST(GgufArchitectures, DividesFrequenciesByFactors) {
  auto builder = tiny_llama();
  std::string factors;
  for (int i = 0; i < 8; ++i) factors += testing::gguf_bytes<float>(i < 4 ? 1.0F : 8.0F);
  builder.tensor({.name = "rope_freqs.weight", .dims = {8}, .data = factors});
  const auto bound = bind(builder);
  ASSERT_TRUE(bound) << bound.error().message;
  const auto plain = rotary_frequencies(bind(tiny_llama())->spec.rotary[0], 1);
  const auto divided = rotary_frequencies(bound->spec.rotary[0], 1);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(divided[i], plain[i] / (i < 4 ? 1.0F : 8.0F));
}

struct Damage {
  const char* name;
  std::function<void(GgufBuilder&)> bend;
  const char* message;  // what the error says beside the file
};

class DamagedGgufTest : public ::testing::TestWithParam<Damage> {};

TEST_P(DamagedGgufTest, IsRefused) {
  auto builder = tiny_llama();
  GetParam().bend(builder);
  const auto bound = bind(builder);
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error().code, ErrorCode::ModelLoading);
  EXPECT_THAT(bound.error().message, HasSubstr("'model.gguf'"));
  EXPECT_THAT(bound.error().message, HasSubstr(GetParam().message));
  EXPECT_GT(bound.error().remedy.size(), 20U);
}

void replace(GgufBuilder& builder, const std::string& key, std::uint32_t value) {
  builder.erase("llama." + key).u32("llama." + key, value);
}
void replace_float(GgufBuilder& builder, const std::string& key, float value) {
  builder.erase("llama." + key).f32("llama." + key, value);
}

INSTANTIATE_TEST_SUITE_P(
    Tensors, DamagedGgufTest,
    ::testing::Values(
        Damage{"missing", [](auto& b) { b.take_tensor("blk.0.attn_k.weight"); },
               "tensor 'blk.0.attn_k.weight' is missing"},
        Damage{"missing_layer", [](auto& b) { replace(b, "block_count", 2); },
               "tensor 'blk.1.attn_norm.weight' is missing"},
        Damage{"shape", [](auto& b) { b.tensor_named("blk.0.attn_k.weight").dims = {16, 32}; },
               "tensor 'blk.0.attn_k.weight' has shape [32, 16] where [16, 32]"},
        Damage{"dimensions", [](auto& b) { b.tensor_named("blk.0.attn_k.weight").dims = {32, 8, 2}; },
               "tensor 'blk.0.attn_k.weight' has shape"},
        Damage{"norm_length",
               [](auto& b) {
                 b.take_tensor("output_norm.weight");
                 b.f32_tensor("output_norm.weight", {64});
               },
               "tensor 'output_norm.weight' has shape [64] where [32]"},
        Damage{"type",
               [](auto& b) {
                 auto& tensor = b.tensor_named("blk.0.ffn_up.weight");
                 tensor.type = 20;
                 tensor.data.assign(std::size_t{64} * 18, '\0');
               },
               "tensor 'blk.0.ffn_up.weight' is stored as IQ4_NL"},
        Damage{"norm_type",
               [](auto& b) {
                 auto& tensor = b.tensor_named("output_norm.weight");
                 tensor.type = 8;
                 tensor.data.assign(34, '\0');
               },
               "tensor 'output_norm.weight' is stored as Q8_0"},
        Damage{"integers", [](auto& b) { b.tensor_named("blk.0.ffn_up.weight").type = 26; },
               "tensor 'blk.0.ffn_up.weight' is stored as I32"},
        Damage{"unknown", [](auto& b) { b.f32_tensor("blk.0.attn_sub_norm.weight", {32}); },
               "tensor 'blk.0.attn_sub_norm.weight' is none of those"},
        Damage{"beyond_the_layers", [](auto& b) { b.f32_tensor("blk.1.attn_norm.weight", {32}); },
               "tensor 'blk.1.attn_norm.weight' is none of those"},
        Damage{"vocabulary",
               [](auto& b) { b.erase("tokenizer.ggml.tokens").strings("tokenizer.ggml.tokens", {"a", "b"}); },
               "tensor 'token_embd.weight' has shape [288, 32] where [2, 32]"},
        Damage{"factors", [](auto& b) { b.f32_tensor("rope_freqs.weight", {7}); },
               "tensor 'rope_freqs.weight' has 7 elements, expected 8"}),
    [](const auto& test) { return std::string(test.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Keys, DamagedGgufTest,
    ::testing::Values(
        Damage{"missing", [](auto& b) { b.erase("llama.embedding_length"); },
               "key 'llama.embedding_length' (type an integer) is missing"},
        Damage{"missing_epsilon", [](auto& b) { b.erase("llama.attention.layer_norm_rms_epsilon"); },
               "key 'llama.attention.layer_norm_rms_epsilon' (type a number) is missing"},
        Damage{"type",
               [](auto& b) {
                 b.erase("llama.attention.head_count").string("llama.attention.head_count", "two");
               },
               "key 'llama.attention.head_count'"},
        Damage{"zero", [](auto& b) { replace(b, "attention.head_count", 0); },
               "key 'llama.attention.head_count' is 0, expected 1 to"},
        Damage{"too_many_layers", [](auto& b) { replace(b, "block_count", 4'000'000'000); },
               "key 'llama.block_count' is 4000000000, expected 1 to"},
        Damage{"huge_heads",
               [](auto& b) {
                 replace(b, "attention.head_count", 65536);
                 replace(b, "attention.head_count_kv", 65536);
                 replace(b, "attention.key_length", 16384);
                 replace(b, "attention.value_length", 16384);
                 replace(b, "rope.dimension_count", 16384);
               },
               "key 'llama.attention.key_length' is 16384"},
        Damage{"kv_heads", [](auto& b) { replace(b, "attention.head_count_kv", 3); },
               "key 'llama.attention.head_count_kv' is 3, which does not divide the 2"},
        Damage{"heads_by_layer",
               [](auto& b) {
                 replace(b, "block_count", 2);
                 b.erase("llama.feed_forward_length")
                     .template array<std::uint32_t>("llama.feed_forward_length", {64, 32});
               },
               "key 'llama.feed_forward_length' differs from layer to layer"},
        Damage{"value_length", [](auto& b) { replace(b, "attention.value_length", 8); },
               "key 'llama.attention.value_length' is 8, but keys have 16"},
        Damage{"part_of_a_head", [](auto& b) { replace(b, "rope.dimension_count", 8); },
               "key 'llama.rope.dimension_count' is 8 of 16"},
        Damage{"odd_rotation", [](auto& b) { replace(b, "rope.dimension_count", 15); },
               "key 'llama.rope.dimension_count' is 15, which is odd"},
        Damage{"base", [](auto& b) { replace_float(b, "rope.freq_base", -1); },
               "key 'llama.rope.freq_base' is not above 0"},
        Damage{"not_a_number",
               [](auto& b) { replace_float(b, "rope.freq_base", std::numeric_limits<float>::quiet_NaN()); },
               "key 'llama.rope.freq_base' is nan"},
        Damage{"scaling", [](auto& b) { b.string("llama.rope.scaling.type", "magic"); },
               "key 'llama.rope.scaling.type' is 'magic'"},
        Damage{"experts", [](auto& b) { b.u32("llama.expert_count", 8); },
               "key 'llama.expert_used_count' (type an integer) is missing"},
        Damage{"architecture",
               [](auto& b) { b.erase("general.architecture").string("general.architecture", "rwkv7"); },
               "does not know the architecture 'rwkv7'"}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace minerva::native
