// The tiny reference models against transformers (greedy ids and last logits from float32), on every
// instruction set; and that a row's result is its own, bit for bit.
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "native/test_support.h"
#include "support/paths.h"
#include "support/sanitizers.h"

namespace minerva::native {
namespace {

namespace fs = std::filesystem;
using testing::best;
using testing::Logits;
using testing::Runner;
using testing::Tokens;

std::vector<std::string> directories() {
  std::vector<std::string> names;
  for (const char* group : {"models", "formats"}) {
    for (const auto& entry : fs::directory_iterator(minerva::testing::test_data() / group)) {
      if (fs::exists(entry.path() / "expected.json"))
        names.push_back(std::string(group) + "/" + entry.path().filename().string());
    }
  }
  std::ranges::sort(names);
  return names;
}

// Where every bit is compared in many ways: all, or one where each costs ten times as much.
std::vector<kernels::Isa> compared_isas() {
  return minerva::testing::kSanitized ? std::vector{kernels::best_isa()} : kernels::available_isas();
}

class NativeModelTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    dir_ = minerva::testing::test_data() / GetParam();
    auto model = testing::load_model(dir_);
    ASSERT_TRUE(model.has_value()) << model.error().message;
    model_ = std::move(*model);
    expected_ = nlohmann::json::parse(std::ifstream(dir_ / "expected.json"));
  }

  const nlohmann::json& cases() const { return expected_["cases"]; }
  Tokens prompt(std::size_t index) const { return cases()[index]["prompt_ids"].get<Tokens>(); }
  // Whether `fast` computes with what was stored, give or take bf16: quantised weights take int8 activations.
  bool stores_floats() const {
    const LayerWeights& layer = model_->weights.layers[0];
    const WeightType type = (layer.qkv.exists() ? layer.qkv : layer.q).weight.type;
    return type == WeightType::F32 || type == WeightType::F16 || type == WeightType::BF16;
  }

  // The last logits of `tokens`, computed `chunk` at a time.
  Logits in_chunks(NumericMode mode, kernels::Isa isa, int threads, const Tokens& tokens,
                   std::size_t chunk) const {
    Runner runner(*model_, mode, isa, threads);
    const auto sequence = runner.begin(tokens.size());
    Logits logits;
    for (std::size_t at = 0; at < tokens.size(); at += chunk) {
      const auto part = std::span(tokens).subspan(at, std::min(chunk, tokens.size() - at));
      logits = runner.decode(*sequence, Tokens(part.begin(), part.end()));
    }
    return logits;
  }

  fs::path dir_;
  std::unique_ptr<testing::LoadedModel> model_;
  nlohmann::json expected_;
};

TEST_P(NativeModelTest, ExactIsTheReference) {
  const Logits reference = testing::reference_logits(dir_ / "expected.safetensors");
  for (const kernels::Isa isa : kernels::available_isas()) {
    SCOPED_TRACE(kernels::isa_name(isa));
    Runner runner(*model_, NumericMode::Exact, isa);
    for (const auto& c : cases()) {
      const auto tokens = c["prompt_ids"].get<Tokens>();
      const auto greedy = c["greedy_ids"].get<Tokens>();
      const auto sequence = runner.begin(tokens.size() + greedy.size() - 1);
      Logits logits = runner.decode(*sequence, tokens);
      const auto row = c["logits_row"].get<std::size_t>() * logits.size();
      ASSERT_LE(row + logits.size(), reference.size());
      EXPECT_LE(testing::largest_difference(logits, std::span(reference).subspan(row, logits.size())), 1e-4F)
          << c["prompt"];
      Tokens got = {best(logits)};
      while (got.size() < greedy.size()) got.push_back(best(runner.decode(*sequence, {got.back()})));
      EXPECT_EQ(got, greedy) << c["prompt"];
    }
  }
}

// A step whose two best candidates are nearly equal may go either way, and all after it.
constexpr double kClearMargin = 0.05;

TEST_P(NativeModelTest, FastChoosesTheSameWhereTheChoiceIsClear) {
  if (!stores_floats()) return;  // int8 activations: held to a divergence, on real models
  std::size_t compared = 0;
  for (const kernels::Isa isa : kernels::available_isas()) {
    SCOPED_TRACE(kernels::isa_name(isa));
    Runner runner(*model_, NumericMode::Fast, isa);
    for (const auto& c : cases()) {
      const auto tokens = c["prompt_ids"].get<Tokens>();
      const auto greedy = c["greedy_ids"].get<Tokens>();
      const auto margins = c["margins"].get<std::vector<double>>();
      ASSERT_EQ(margins.size(), greedy.size());
      const auto sequence = runner.begin(tokens.size() + greedy.size() - 1);
      Logits logits = runner.decode(*sequence, tokens);
      for (std::size_t step = 0; step < greedy.size() && margins[step] >= kClearMargin; ++step) {
        ASSERT_EQ(best(logits), greedy[step]) << c["prompt"] << ", step " << step;
        ++compared;
        if (step + 1 < greedy.size()) logits = runner.decode(*sequence, {greedy[step]});
      }
    }
  }
  EXPECT_GT(compared, 0U);
}

// Computed in chunks, on one thread or two: the same bits.
TEST_P(NativeModelTest, ChunksAndCoresChangeNoBit) {
  std::size_t longest = 0;
  for (std::size_t i = 0; i < cases().size(); ++i) {
    if (prompt(i).size() > prompt(longest).size()) longest = i;
  }
  const Tokens tokens = prompt(longest);
  for (const NumericMode mode : {NumericMode::Exact, NumericMode::Fast}) {
    for (const kernels::Isa isa : compared_isas()) {
      Logits first;
      std::vector<std::pair<int, std::size_t>> ways = {{1, 512}, {1, 1}, {1, 7}, {1, 64},
                                                       {2, 512}, {2, 7}, {2, 64}};
      // Two threads meet many times a token: once is enough for what every instruction set shares.
      if (isa == kernels::available_isas().back()) ways.emplace_back(2, 1);
      for (const auto& [threads, chunk] : ways) {
        const Logits logits = in_chunks(mode, isa, threads, tokens, chunk);
        if (first.empty()) first = logits;
        EXPECT_TRUE(first == logits) << kernels::isa_name(isa) << ", " << threads << " threads, chunks of "
                                     << chunk;
      }
    }
  }
}

// A prompt of several chunks of 512 rows, or what learned positions allow: sums over more keys and more rows
// than one tile of any kernel takes.
TEST_P(NativeModelTest, ChunksOfALongPromptChangeNoBit) {
  constexpr std::size_t kLong = minerva::testing::kSanitized ? 200 : 600;
  const bool limited = model_->spec.positions == PositionKind::Learned;
  const std::size_t length = limited ? std::min<std::size_t>(kLong, model_->spec.context_length) : kLong;
  Tokens tokens;
  while (tokens.size() < length) {
    const Tokens more = prompt(tokens.size() % cases().size());
    tokens.insert(tokens.end(), more.begin(), more.end());
  }
  tokens.resize(length);
  for (const NumericMode mode : {NumericMode::Exact, NumericMode::Fast}) {
    Logits first;
    for (const auto& [threads, chunk] :
         {std::pair<int, std::size_t>{1, 512}, {1, 64}, {1, 1}, {2, 512}, {2, 64}}) {
      const Logits logits = in_chunks(mode, kernels::best_isa(), threads, tokens, chunk);
      if (first.empty()) first = logits;
      EXPECT_TRUE(first == logits) << threads << " threads, chunks of " << chunk;
    }
  }
}

// Eight sequences of different tokens and lengths in one batch give what each gives alone: prompts together,
// then three tokens of each, then one sequence's next prompt beside single tokens of the others.
TEST_P(NativeModelTest, CompanyChangesNoBit) {
  constexpr std::size_t kSequences = 8;
  constexpr std::size_t kSteps = 4;
  // steps[s][i]: what sequence i is given in step s
  std::array<std::vector<Tokens>, kSteps> steps;
  for (std::size_t i = 0; i < kSequences; ++i) {
    Tokens tokens = prompt(i % cases().size());
    if (i >= cases().size()) std::ranges::reverse(tokens);
    steps[0].push_back(tokens);
    for (std::size_t s = 1; s < kSteps; ++s) steps[s].push_back({tokens[s % tokens.size()]});
  }
  steps[kSteps - 1][3] = steps[0][2];
  const std::size_t planned = 256;
  for (const NumericMode mode : {NumericMode::Exact, NumericMode::Fast}) {
    for (const kernels::Isa isa : compared_isas()) {
      Runner runner(*model_, mode, isa, 2);
      std::vector<std::unique_ptr<SequenceState>> together;
      std::vector<SequenceState*> pointers;
      for (std::size_t i = 0; i < kSequences; ++i) {
        together.push_back(runner.begin(planned));
        pointers.push_back(together.back().get());
      }
      std::array<std::vector<Logits>, kSteps> in_batch;
      for (std::size_t s = 0; s < kSteps; ++s) in_batch[s] = runner.decode(pointers, steps[s]);
      Runner single(*model_, mode, isa, 1);
      for (std::size_t i = 0; i < kSequences; ++i) {
        const auto alone = single.begin(planned);
        for (std::size_t s = 0; s < kSteps; ++s) {
          EXPECT_TRUE(single.decode(*alone, steps[s][i]) == in_batch[s][i])
              << kernels::isa_name(isa) << ", sequence " << i << ", step " << s;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, NativeModelTest, ::testing::ValuesIn(directories()), [](const auto& test) {
  std::string name = test.param;
  std::ranges::replace_if(name, [](char ch) { return !std::isalnum(static_cast<unsigned char>(ch)); }, '_');
  return name;
});

}  // namespace
}  // namespace minerva::native
