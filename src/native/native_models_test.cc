// The tiny reference models: greedy ids and last logits as transformers computed them in float32.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "formats/checkpoint.h"
#include "minerva/model_description.h"
#include "native/families/families.h"
#include "native/forward.h"

namespace minerva::native {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> directories() {
  std::vector<std::string> names;
  for (const char* group : {"models", "formats"}) {
    for (const auto& entry : fs::directory_iterator(fs::path(MINERVA_TEST_DATA) / group)) {
      if (fs::exists(entry.path() / "expected.json"))
        names.push_back(std::string(group) + "/" + entry.path().filename().string());
    }
  }
  std::ranges::sort(names);
  return names;
}

// The only tensor of expected.safetensors: last_logits [cases, vocabulary], float32.
std::vector<float> reference_logits(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::uint64_t header_bytes = 0;
  in.read(reinterpret_cast<char*>(&header_bytes), sizeof header_bytes);
  in.seekg(0, std::ios::end);
  const auto bytes = static_cast<std::size_t>(in.tellg()) - sizeof header_bytes - header_bytes;
  std::vector<float> logits(bytes / sizeof(float));
  in.seekg(static_cast<std::streamoff>(sizeof header_bytes + header_bytes));
  in.read(reinterpret_cast<char*>(logits.data()),
          static_cast<std::streamsize>(logits.size() * sizeof(float)));
  return logits;
}

class NativeModelTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    dir_ = fs::path(MINERVA_TEST_DATA) / GetParam();
    const auto description = describe(dir_);
    ASSERT_TRUE(description.has_value()) << description.error().message;
    const auto config = HfConfig::open(dir_);
    ASSERT_TRUE(config.has_value()) << config.error().message;
    auto spec = decoder_spec(*config);
    ASSERT_TRUE(spec.has_value()) << spec.error().message;
    spec_ = std::move(*spec);
    auto checkpoint = Checkpoint::open(*description);
    ASSERT_TRUE(checkpoint.has_value()) << checkpoint.error().message;
    auto weights = bind_weights(spec_, *checkpoint, {});
    ASSERT_TRUE(weights.has_value()) << weights.error().message;
    weights_ = std::move(*weights);
    expected_ = nlohmann::json::parse(std::ifstream(dir_ / "expected.json"));
  }

  fs::path dir_;
  DecoderSpec spec_;
  DecoderWeights weights_;
  nlohmann::json expected_;
};

std::vector<float> last_logits(ForwardPass& forward, SequenceState& state,
                               const std::vector<TokenId>& tokens) {
  std::vector<ForwardRow> rows;
  std::int64_t position = state.cache.length();
  for (const TokenId token : tokens)
    rows.push_back({.sequence = &state, .position = position++, .token = token});
  rows.back().wants_logits = true;
  EXPECT_TRUE(state.cache.reserve(static_cast<std::int64_t>(tokens.size())).has_value());
  EXPECT_TRUE(forward.run(rows, {}));
  const auto logits = forward.output(rows.size() - 1);
  return {logits.begin(), logits.end()};
}

// Computed alone or in chunks, on one thread or two: the same bits.
TEST_P(NativeModelTest, ResultsDependOnTheRowAlone) {
  const auto prompt = expected_["cases"][2]["prompt_ids"].get<std::vector<TokenId>>();
  for (const NumericMode mode : {NumericMode::Exact, NumericMode::Fast}) {
    std::vector<float> first;
    for (const auto& [threads, chunk] : {std::pair{1, 512}, {1, 1}, {1, 7}, {2, 64}, {2, 7}}) {
      ThreadPool pool(threads);
      kernels::Kernels kernels(kernels::best_isa(), pool);
      ForwardPass forward(spec_, weights_, kernels, mode);
      SequenceState state(spec_, ScalarType::F16, static_cast<std::uint32_t>(prompt.size()));
      std::vector<float> logits;
      for (std::size_t at = 0; at < prompt.size(); at += static_cast<std::size_t>(chunk)) {
        const auto end = std::min(prompt.size(), at + static_cast<std::size_t>(chunk));
        logits = last_logits(forward, state,
                             {prompt.begin() + static_cast<std::ptrdiff_t>(at),
                              prompt.begin() + static_cast<std::ptrdiff_t>(end)});
      }
      if (first.empty()) first = logits;
      EXPECT_TRUE(first == logits) << threads << " threads, chunks of " << chunk;
    }
  }
}

TEST_P(NativeModelTest, ExactIsTheReference) {
  ThreadPool pool(1);
  kernels::Kernels kernels(kernels::best_isa(), pool);
  ForwardPass forward(spec_, weights_, kernels, NumericMode::Exact);
  const std::vector<float> reference = reference_logits(dir_ / "expected.safetensors");
  for (const auto& c : expected_["cases"]) {
    const auto prompt = c["prompt_ids"].get<std::vector<TokenId>>();
    const auto greedy = c["greedy_ids"].get<std::vector<TokenId>>();
    SequenceState state(spec_, ScalarType::F32,
                        static_cast<std::uint32_t>(prompt.size() + greedy.size() - 1));
    std::vector<float> logits = last_logits(forward, state, prompt);
    const auto row = c["logits_row"].get<std::size_t>() * logits.size();
    ASSERT_LE(row + logits.size(), reference.size());
    float worst = 0;
    for (std::size_t i = 0; i < logits.size(); ++i)
      worst = std::max(worst, std::abs(logits[i] - reference[row + i]));
    EXPECT_LE(worst, 1e-4F) << c["prompt"];
    std::vector<TokenId> got;
    while (got.size() < greedy.size()) {
      got.push_back(static_cast<TokenId>(std::ranges::max_element(logits) - logits.begin()));
      if (got.size() < greedy.size()) logits = last_logits(forward, state, {got.back()});
    }
    EXPECT_EQ(got, greedy) << c["prompt"];
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, NativeModelTest, ::testing::ValuesIn(directories()), [](const auto& test) {
  std::string name = test.param;
  std::ranges::replace_if(name, [](char ch) { return !std::isalnum(static_cast<unsigned char>(ch)); }, '_');
  return name;
});

}  // namespace
}  // namespace minerva::native
