// Models some of whose layers keep a state of fixed size: how far a sequence goes back, copies and snapshots.
#include "native/recurrent.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "formats/checkpoint.h"
#include "minerva/model_description.h"
#include "native/families/families.h"
#include "native/forward.h"
#include "support/paths.h"

namespace minerva::native {
namespace {

namespace fs = std::filesystem;
using Tokens = std::vector<TokenId>;
using Logits = std::vector<float>;

const Tokens kPrompt = {5, 17, 300, 42, 5, 9, 250, 77, 5, 3};
constexpr std::int64_t kLength = 10;

class RecurrentModelTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const fs::path dir = minerva::testing::test_data() / "models" / GetParam();
    const auto description = describe(dir);
    const auto config = HfConfig::open(dir);
    ASSERT_TRUE(description && config);
    auto spec = decoder_spec(*config);
    auto checkpoint = Checkpoint::open(*description);
    ASSERT_TRUE(spec && checkpoint);
    spec_ = std::move(*spec);
    auto weights = bind_weights(spec_, *checkpoint, {});
    ASSERT_TRUE(weights.has_value()) << weights.error().message;
    weights_ = std::move(*weights);
    forward_ = std::make_unique<ForwardPass>(spec_, weights_, kernels_, NumericMode::Exact);
  }

  SequenceState sequence() const { return {spec_, ScalarType::F32, 64}; }
  std::vector<ForwardRow> rows(SequenceState& sequence, const Tokens& tokens) {
    std::vector<ForwardRow> rows;
    std::int64_t position = sequence.cache.length();
    for (const TokenId token : tokens)
      rows.push_back({.sequence = &sequence, .position = position++, .token = token});
    rows.back().wants_logits = true;
    EXPECT_TRUE(sequence.cache.reserve(static_cast<std::int64_t>(tokens.size())).has_value());
    return rows;
  }
  Logits decode(SequenceState& sequence, const Tokens& tokens) {
    EXPECT_TRUE(forward_->run(rows(sequence, tokens), {}));
    const auto logits = forward_->output(tokens.size() - 1);
    return {logits.begin(), logits.end()};
  }

  DecoderSpec spec_;
  DecoderWeights weights_;
  ThreadPool pool_{1};
  kernels::Kernels kernels_{kernels::best_isa(), pool_};
  std::unique_ptr<ForwardPass> forward_;
};

TEST_P(RecurrentModelTest, GoesBackToItsBeginningOnly) {
  auto one = sequence();
  const Logits first = decode(one, kPrompt);
  EXPECT_EQ(one.cache.reusable_prefix(kLength), kLength);
  EXPECT_EQ(one.cache.reusable_prefix(kLength + 5), kLength);
  EXPECT_EQ(one.cache.reusable_prefix(kLength - 1), 0);
  EXPECT_EQ(one.cache.reusable_prefix(0), 0);
  one.cache.truncate(0);
  EXPECT_EQ(one.cache.length(), 0);
  EXPECT_EQ(decode(one, kPrompt), first);
}

TEST_P(RecurrentModelTest, CopiesAndSnapshotsGoOnAlike) {
  auto one = sequence();
  decode(one, kPrompt);
  auto copy = sequence();
  ASSERT_TRUE(copy.cache.copy_from(one.cache, kLength).has_value());
  const auto saved = one.cache.save();
  const Logits next = decode(one, {8, 9});
  EXPECT_EQ(decode(copy, {8, 9}), next);
  auto restored = sequence();
  decode(restored, {1, 2, 3});
  ASSERT_TRUE(restored.cache.load(saved).has_value());
  EXPECT_EQ(restored.cache.length(), kLength);
  EXPECT_EQ(decode(restored, {8, 9}), next);
}

TEST_P(RecurrentModelTest, DamagedSnapshotsAreRefused) {
  auto one = sequence();
  decode(one, kPrompt);
  auto saved = one.cache.save();
  saved.resize(saved.size() - 4);
  auto other = sequence();
  EXPECT_FALSE(other.cache.load(saved).has_value());
  EXPECT_EQ(other.cache.length(), 0);
}

// A batch that was stopped leaves the state of the one before.
TEST_P(RecurrentModelTest, AStoppedBatchChangesNothing) {
  auto one = sequence();
  decode(one, kPrompt);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(forward_->run(rows(one, {8, 9}), stop.get_token()));
  const int layer = spec_.layers[0].mixer == MixerKind::Attention ? 1 : 0;
  const auto update = one.cache.update_state(layer);  // as the first layers of a batch that stops later do
  update.to[0] = 1e6F;
  auto untouched = sequence();
  decode(untouched, kPrompt);
  EXPECT_EQ(one.cache.length(), kLength);
  EXPECT_EQ(decode(one, {8, 9}), decode(untouched, {8, 9}));
}

TEST_P(RecurrentModelTest, TakesTheSameMemoryHoweverLong) {
  const auto states = SequenceCache::bytes_needed(spec_, ScalarType::F16, 0, 1);
  EXPECT_GT(states, 0U);
  EXPECT_EQ(SequenceCache::bytes_needed(spec_, ScalarType::F16, 0, 3), 3 * states);
  DecoderSpec attention_only = spec_;
  for (LayerSpec& layer : attention_only.layers) layer.mixer = MixerKind::Attention;
  EXPECT_LT(SequenceCache::bytes_needed(spec_, ScalarType::F16, 100, 0),
            SequenceCache::bytes_needed(attention_only, ScalarType::F16, 100, 0));
}

INSTANTIATE_TEST_SUITE_P(Models, RecurrentModelTest, ::testing::Values("lfm2", "qwen3_next"),
                         [](const auto& test) { return std::string(test.param); });

// Three taps over two channels, by hand.
TEST(Convolution, SeesThePresentAndWhatItKept) {
  ThreadPool pool(1);
  const Convolution convolution{.taps = 3, .channels = 2, .weight = {1, 10, 2, 20, 3, 30}, .bias = {0.5F, 0}};
  std::vector<float> state = {4, 5, 6, 7};  // two positions of two channels
  std::vector<float> next(4);
  std::vector<float> x = {1, 2, 3, 4};
  const std::vector<SequenceCache::StateUpdate> states = {{state.data(), next.data()},
                                                          {next.data(), next.data()}};
  convolve(pool, convolution, states, kernels::Rows(x.data(), 2, 2));
  EXPECT_EQ(x, (std::vector<float>{4 + 12 + 3 + 0.5F, 50 + 140 + 60, 6 + 2 + 9 + 0.5F, 70 + 40 + 120}));
  EXPECT_EQ(next, (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(state, (std::vector<float>{4, 5, 6, 7}));
}

// One head of one element: S = decay S + k beta (v - k decay S).
TEST(DeltaRule, CorrectsWhatItRemembers) {
  ThreadPool pool(1);
  const RecurrentSpec spec{.key_heads = 1, .value_heads = 1, .key_dim = 1, .value_dim = 1};
  std::vector<float> state = {99, 2};  // the matrix stands behind one float
  std::vector<float> next(2);
  std::vector<float> qkv = {3, 5, 7};
  std::vector<float> decay = {0.5F};
  std::vector<float> beta = {0.25F};
  std::vector<float> out(1);
  const std::vector<SequenceCache::StateUpdate> states = {{state.data(), next.data()}};
  delta_rule(pool, spec, states, 1,
             {.qkv = kernels::ConstRows(qkv.data(), 1, 3),
              .decay = kernels::ConstRows(decay.data(), 1, 1),
              .beta = kernels::ConstRows(beta.data(), 1, 1)},
             kernels::Rows(out.data(), 1, 1));
  EXPECT_NEAR(next[1], 1 + 0.25 * (7 - 1), 1e-5);  // q and k are unit vectors
  EXPECT_NEAR(out[0], next[1], 1e-5);
}

}  // namespace
}  // namespace minerva::native
