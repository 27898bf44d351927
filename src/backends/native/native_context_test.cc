// Sequences of a native model that are planned again: what may be kept, and that what is kept goes on as a
// fresh computation would.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "backends/native/native_backend.h"
#include "support/paths.h"
#include "support/temp_dir.h"

namespace minerva {
namespace {

namespace fs = std::filesystem;
using Tokens = std::vector<TokenId>;
using Logits = std::vector<float>;

constexpr Position kBorder = 32;
constexpr SequenceId kMain = 0;
constexpr SequenceId kOther = 1;

class NativeContextTest : public ::testing::Test {
 protected:
  // The reference model `name`, with what its length_border.json changes in config.json.
  void open(const std::string& name) {
    const fs::path from = testing::test_data() / "models" / name;
    for (const auto& entry : fs::directory_iterator(from)) {
      if (entry.path().filename() != "config.json")
        fs::create_symlink(entry.path(), dir_.path() / entry.path().filename());
    }
    auto config = nlohmann::json::parse(std::ifstream(from / "config.json"));
    if (std::ifstream border(from / "length_border.json"); border && name == "llama")
      config.update(nlohmann::json::parse(border)["config"]);
    dir_.write("config.json", config.dump());
    const auto description = describe(dir_.path());
    ASSERT_TRUE(description) << description.error().message;
    auto model = make_native_backend()->load(*description, {.numeric_mode = NumericMode::Exact}, {});
    ASSERT_TRUE(model) << model.error().message;
    model_ = std::move(*model);
    auto context = model_->new_context({.context_tokens = 256, .sequences_max = 3, .threads = 1});
    ASSERT_TRUE(context) << context.error().message;
    context_ = std::move(*context);
  }

  Logits decode(SequenceId sequence, const Tokens& tokens) {
    std::vector<BatchRow> rows;
    Position position = context_->length(sequence);
    for (const TokenId token : tokens)
      rows.push_back({.input = token, .sequence = sequence, .position = position++});
    rows.back().output = RowOutput::Logits;
    EXPECT_EQ(context_->decode(rows).status, DecodeStatus::Ok);
    const auto logits = context_->outputs(rows.size() - 1);
    return {logits.begin(), logits.end()};
  }

  // What `tokens` give when nothing is kept.
  Logits fresh(const Tokens& tokens, Position planned) {
    constexpr SequenceId kFresh = 2;
    EXPECT_TRUE(context_->begin(kFresh, planned));
    return decode(kFresh, tokens);
  }

  // The plan `next` takes over ten of the positions computed under `first`, and the rest is as if anew.
  void expect_kept(Position first, Position next) {
    SCOPED_TRACE(std::to_string(first) + " planned, then " + std::to_string(next));
    ASSERT_TRUE(context_->begin(kMain, first));
    decode(kMain, kPrompt);
    ASSERT_EQ(context_->reusable_prefix(kMain, 10, next), 10);
    ASSERT_TRUE(context_->copy(kMain, kOther, 10, next));
    ASSERT_TRUE(context_->truncate(kMain, 10, next));
    const Tokens all = joined(kPrompt, 10, kRest);
    const Logits expected = fresh(all, next);
    EXPECT_TRUE(decode(kMain, kRest) == expected);
    EXPECT_TRUE(decode(kOther, kRest) == expected);
  }

  // Nothing is kept; going back to 0 under the new plan is a fresh start.
  void expect_started_again(Position first, Position next) {
    SCOPED_TRACE(std::to_string(first) + " planned, then " + std::to_string(next));
    ASSERT_TRUE(context_->begin(kMain, first));
    const Logits before = decode(kMain, kPrompt);
    EXPECT_EQ(context_->reusable_prefix(kMain, 10, next), 0);
    EXPECT_EQ(context_->truncate(kMain, 10, next).error().code, ErrorCode::InvalidRequest);
    EXPECT_EQ(context_->copy(kMain, kOther, 10, next).error().code, ErrorCode::InvalidRequest);
    EXPECT_EQ(context_->length(kMain), static_cast<Position>(kPrompt.size())) << "nothing was changed";
    EXPECT_EQ(context_->reusable_prefix(kMain, 10, first), 10) << "and the plan is the old one";
    const Logits expected = fresh(kPrompt, next);
    EXPECT_FALSE(expected == before) << "the other rotation would show";
    ASSERT_TRUE(context_->truncate(kMain, 0, next));
    EXPECT_TRUE(decode(kMain, kPrompt) == expected);
    EXPECT_EQ(context_->reusable_prefix(kMain, 10, first), 0) << "the plan followed";
  }

  static Tokens joined(const Tokens& first, std::size_t count, const Tokens& second) {
    Tokens all(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(count));
    all.insert(all.end(), second.begin(), second.end());
    return all;
  }

  const Tokens kPrompt = {1, 40, 77, 301, 15, 222, 90, 411, 7, 63, 128, 350, 19, 44};
  const Tokens kRest = {5, 300, 21, 88};
  testing::TempDir dir_;
  std::shared_ptr<Model> model_;
  std::unique_ptr<Context> context_;
};

TEST_F(NativeContextTest, LongropeKeepsAPrefixOnTheSameSideOfItsBorder) {
  open("phi3-longrope");
  expect_kept(20, kBorder);
  expect_kept(kBorder, 20);
  expect_kept(kBorder + 1, 200);
  expect_kept(200, kBorder + 1);
  expect_started_again(kBorder, kBorder + 1);
  expect_started_again(200, 20);
}

TEST_F(NativeContextTest, DynamicRotationKeepsAPrefixBelowItsBorderOrOfTheSamePlan) {
  open("llama");
  expect_kept(20, kBorder);
  expect_kept(kBorder, 20);
  expect_kept(100, 100);
  expect_started_again(kBorder, kBorder + 1);
  expect_started_again(100, 101);
  expect_started_again(100, 20);
}

TEST_F(NativeContextTest, DynamicRotationStretchesTheContext) {
  open("llama");
  EXPECT_EQ(model_->info().context_length, 64U);  // max_position_embeddings 32, factor 2
}

TEST_F(NativeContextTest, OtherRotationsKeepAPrefixUnderAnyPlan) {
  open("qwen3");
  expect_kept(20, 200);
  expect_kept(200, 20);
}

TEST_F(NativeContextTest, ASnapshotBringsItsPlan) {
  open("phi3-longrope");
  ASSERT_TRUE(context_->begin(kMain, kBorder + 1));
  decode(kMain, kPrompt);
  const auto saved = context_->snapshot(kMain);
  ASSERT_TRUE(saved);
  ASSERT_TRUE(context_->begin(kMain, 20));
  ASSERT_TRUE(context_->restore(kMain, *saved));
  EXPECT_EQ(context_->reusable_prefix(kMain, 10, 20), 0);
  EXPECT_EQ(context_->reusable_prefix(kMain, 10, 100), 10);
  EXPECT_TRUE(decode(kMain, kRest) == fresh(joined(kPrompt, kPrompt.size(), kRest), 100));
}

}  // namespace
}  // namespace minerva
