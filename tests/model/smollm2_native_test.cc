// SmolLM2 as a Hugging Face directory (BF16, written from the default GGUF), on the native backend: against
// what transformers makes of the same directory, and `fast` against `exact`.
#include <gtest/gtest.h>
#include <sha256.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "backends/native/native_backend.h"
#include "conversion/hf_directory.h"
#include "formats/checkpoint.h"
#include "minerva/engine.h"
#include "support/paths.h"
#include "support/sanitizers.h"
#include "support/temp_dir.h"
#include "text/tokenizer/load.h"

namespace minerva {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

json read_json(const char* name) {
  return json::parse(std::ifstream(testing::test_data() / "smollm2" / name));
}

class SmolLm2NativeTest : public ::testing::Test {
 protected:
  // Written by the first test, for all of this program.
  void SetUp() override {
    MINERVA_NEEDS_MODEL(testing::smollm2_gguf());
    static const testing::TempDir folder;
    static const Result<void> written = testing::write_hf_directory(testing::smollm2_gguf(), folder.path());
    ASSERT_TRUE(written) << written.error().message;
    dir_ = folder.path();
  }

  fs::path dir_;
};

std::string sha256_of(std::span<const std::byte> bytes) {
  std::array<char, SHA256_DIGEST_STRING_LENGTH> text{};
  SHA256Data(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), text.data());
  return text.data();
}

TEST_F(SmolLm2NativeTest, TensorsAreThoseOfTransformers) {
  const auto description = describe(dir_);
  ASSERT_TRUE(description) << description.error().message;
  const auto checkpoint = Checkpoint::open(*description);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  const json expected = read_json("tensors.json");
  EXPECT_EQ((*checkpoint)->tensors().size(), expected.size());
  for (const auto& [name, tensor] : expected.items()) {
    const TensorView* found = (*checkpoint)->find(name);
    ASSERT_NE(found, nullptr) << name;
    EXPECT_EQ(found->type_name(), tensor["dtype"].get<std::string>()) << name;
    EXPECT_EQ(found->shape, tensor["shape"].get<std::vector<std::int64_t>>()) << name;
    EXPECT_EQ(sha256_of({found->data, found->bytes}), tensor["sha256"].get<std::string>()) << name;
  }
}

TEST_F(SmolLm2NativeTest, ExactGeneratesWhatTransformersDoes) {
  Engine engine;
  const auto model = engine.open(dir_, {.numeric_mode = NumericMode::Exact});
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ((*model)->backend(), "native");
  const json cases = read_json("expected.json");
  ASSERT_EQ(cases.size(), 10U);
  for (const json& c : cases) {
    const auto ids = c["prompt_ids"].get<std::vector<TokenId>>();
    const auto greedy = c["greedy_ids"].get<std::vector<TokenId>>();
    const auto encoded = (*model)->tokenize(c["text"].get<std::string>());
    ASSERT_TRUE(encoded) << encoded.error().message;
    EXPECT_EQ(*encoded, ids) << c["prompt"];
    GenerationRequest request{
        .prompt = ids, .max_tokens = static_cast<std::uint32_t>(greedy.size()), .ignore_eos = true};
    request.sampling.temperature = 0;
    const auto generation = (*model)->generate(request);
    ASSERT_TRUE(generation) << generation.error().message;
    std::vector<TokenId> got;
    for (const GeneratedToken& token : generation->tokens) got.push_back(token.id);
    EXPECT_EQ(got, greedy) << c["prompt"];
    if (testing::kSanitized) break;  // one of them takes long enough
  }
}

// log softmax, in double
std::vector<double> log_probabilities(std::span<const float> logits) {
  const double largest = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  const double shift = largest + std::log(sum);
  std::vector<double> result;
  result.reserve(logits.size());
  for (const float logit : logits) result.push_back(logit - shift);
  return result;
}

struct Divergence {
  double kl = 0;  // nats, summed over positions
  int positions = 0;
  int agreed = 0;

  void add(std::span<const float> reference, std::span<const float> logits) {
    const auto p = log_probabilities(reference);
    const auto q = log_probabilities(logits);
    for (std::size_t i = 0; i < p.size(); ++i) kl += std::exp(p[i]) * (p[i] - q[i]);
    const auto best = [](const auto& x) { return std::ranges::max_element(x) - x.begin(); };
    agreed += best(p) == best(q) ? 1 : 0;
    ++positions;
  }
};

// A context of its own model, with all cores.
std::unique_ptr<Context> open_native(const fs::path& dir, NumericMode mode, std::uint32_t tokens) {
  const auto description = describe(dir);
  EXPECT_TRUE(description);
  auto model = make_native_backend()->load(*description, {.numeric_mode = mode}, {});
  EXPECT_TRUE(model) << model.error().message;
  auto context = (*model)->new_context({.context_tokens = tokens});
  EXPECT_TRUE(context);
  EXPECT_TRUE((*context)->begin(0, static_cast<Position>(tokens)));
  return std::move(*context);
}

TEST_F(SmolLm2NativeTest, FastStaysCloseToExactOverText) {
  if (testing::kSanitized) GTEST_SKIP() << "too long under a sanitizer";
  constexpr std::size_t kTokens = 2048;
  constexpr std::size_t kChunk = 256;
  std::ifstream file(testing::test_data() / "text" / "minerva.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto description = describe(dir_);
  ASSERT_TRUE(description);
  const auto tokenizer = load_tokenizer(*description);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  auto ids = (*tokenizer)->encode(text);
  ASSERT_TRUE(ids) << ids.error().message;
  ASSERT_GE(ids->size(), kTokens);
  ids->resize(kTokens);

  const auto exact = open_native(dir_, NumericMode::Exact, kTokens);
  const auto fast = open_native(dir_, NumericMode::Fast, kTokens);
  Divergence divergence;
  for (std::size_t at = 0; at < kTokens; at += kChunk) {
    std::vector<BatchRow> rows;
    for (std::size_t i = at; i < at + kChunk; ++i) {
      rows.push_back({.input = (*ids)[i], .position = static_cast<Position>(i), .output = RowOutput::Logits});
    }
    ASSERT_EQ(exact->decode(rows).status, DecodeStatus::Ok);
    ASSERT_EQ(fast->decode(rows).status, DecodeStatus::Ok);
    for (std::size_t i = 0; i < rows.size(); ++i) divergence.add(exact->outputs(i), fast->outputs(i));
  }
  const double mean = divergence.kl / divergence.positions;
  const double agreement = static_cast<double>(divergence.agreed) / divergence.positions;
  RecordProperty("mean_kl", std::to_string(mean));
  RecordProperty("top1_agreement", std::to_string(agreement));
  std::printf("mean KL %.6f nats, top-1 agreement %.2f %%\n", mean, 100 * agreement);
  EXPECT_LE(mean, 0.001);
  EXPECT_GT(mean, 0) << "fast computed as exact does";
  EXPECT_GE(agreement, 0.99);
}

}  // namespace
}  // namespace minerva
