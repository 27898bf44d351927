// Rotation that depends on the length (longrope, dynamic): the reference on both sides of the border, and a
// sequence that is to be longer planned again.
#include <gtest/gtest.h>

#include "native/test_support.h"
#include "support/paths.h"
#include "support/temp_dir.h"

namespace minerva::native {
namespace {

namespace fs = std::filesystem;
using testing::best;
using testing::Logits;
using testing::Runner;
using testing::Tokens;

class LengthBorderTest : public ::testing::TestWithParam<std::string> {
 protected:
  // The model's directory with what the cases change in its config.json.
  void SetUp() override {
    const fs::path from = minerva::testing::test_data() / "models" / GetParam();
    expected_ = nlohmann::json::parse(std::ifstream(from / "length_border.json"));
    logits_ = testing::reference_logits(from / "length_border.safetensors");
    for (const auto& entry : fs::directory_iterator(from)) {
      if (entry.path().filename() != "config.json")
        fs::create_symlink(entry.path(), dir_.path() / entry.path().filename());
    }
    auto config = nlohmann::json::parse(std::ifstream(from / "config.json"));
    config.update(expected_["config"]);
    auto model = testing::load_model(dir_.write("config.json", config.dump()).parent_path());
    ASSERT_TRUE(model.has_value()) << model.error().message;
    model_ = std::move(*model);
  }

  minerva::testing::TempDir dir_;
  std::unique_ptr<testing::LoadedModel> model_;
  nlohmann::json expected_;
  Logits logits_;
};

TEST_P(LengthBorderTest, EachPlanHasItsReference) {
  const auto border = expected_["border"].get<std::size_t>();
  std::size_t below = 0;
  std::size_t above = 0;
  for (const kernels::Isa isa : kernels::available_isas()) {
    Runner runner(*model_, NumericMode::Exact, isa);
    std::size_t row = 0;
    for (const auto& c : expected_["cases"]) {
      const auto prompt = c["prompt_ids"].get<Tokens>();
      const auto greedy = c["greedy_ids"].get<Tokens>();
      const std::size_t planned = prompt.size() + greedy.size() - 1;
      SCOPED_TRACE(std::to_string(planned) + " positions on " + std::string(kernels::isa_name(isa)));
      ++(planned > border ? above : below);
      const auto expected = [&](std::size_t index) {
        const auto size = static_cast<std::size_t>(model_->spec.vocabulary);
        return std::span(logits_).subspan(index * size, size);
      };
      const auto sequence = runner.begin(planned);
      Logits logits = runner.decode(*sequence, prompt);
      EXPECT_LE(testing::largest_difference(logits, expected(row)), 1e-4F);
      Tokens got = {best(logits)};
      while (got.size() < greedy.size()) {
        logits = runner.decode(*sequence, {got.back()});
        got.push_back(best(logits));
      }
      EXPECT_EQ(got, greedy);
      EXPECT_LE(testing::largest_difference(logits, expected(row + 1)), 1e-4F);
      row += 2;
    }
  }
  EXPECT_GT(below, 0U);
  EXPECT_GT(above, 0U);
}

// The references differ across the border: a sequence computed for the other side would be told apart.
TEST_P(LengthBorderTest, TheOtherSidesTablesGiveOtherLogits) {
  const auto border = expected_["border"].get<std::size_t>();
  Runner runner(*model_, NumericMode::Exact);
  const auto prompt = expected_["cases"][0]["prompt_ids"].get<Tokens>();
  const auto below = runner.begin(border);
  const auto above = runner.begin(border + 1);
  EXPECT_GT(testing::largest_difference(runner.decode(*below, prompt), runner.decode(*above, prompt)), 1e-3F);
}

INSTANTIATE_TEST_SUITE_P(Rotary, LengthBorderTest, ::testing::Values("phi3-longrope", "llama"),
                         [](const auto& test) { return test.param == "llama" ? "dynamic" : "longrope"; });

}  // namespace
}  // namespace minerva::native
