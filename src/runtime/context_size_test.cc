#include "runtime/context_size.h"

#include <gtest/gtest.h>

namespace minerva {
namespace {

struct SizeCase {
  const char* name;
  std::uint32_t asked;
  std::uint32_t trained;
  std::size_t prompt;
  std::optional<std::uint32_t> max_tokens;
  std::uint32_t expected;  // 0: ContextOverflow
};

class ContextSizeTest : public ::testing::TestWithParam<SizeCase> {};

TEST_P(ContextSizeTest, Chooses) {
  const SizeCase& c = GetParam();
  const auto size = choose_context_tokens({.context_tokens = c.asked}, c.trained, c.prompt, c.max_tokens);
  if (c.expected == 0) {
    ASSERT_FALSE(size.has_value());
    EXPECT_EQ(size.error().code, ErrorCode::ContextOverflow);
    EXPECT_FALSE(size.error().remedy.empty());
  } else {
    ASSERT_TRUE(size.has_value()) << size.error().message;
    EXPECT_EQ(*size, c.expected);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, ContextSizeTest,
    ::testing::Values(
        SizeCase{"short_model", 0, 2048, 10, {}, 2048}, SizeCase{"long_model", 0, 131072, 10, {}, 8192},
        SizeCase{"long_prompt", 0, 131072, 9000, 100, 9216},
        SizeCase{"long_prompt_up_to_the_limit", 0, 9050, 9000, 50, 9050},
        SizeCase{"exactly_full", 0, 100, 60, 40, 100}, SizeCase{"one_too_many", 0, 100, 60, 41, 0},
        SizeCase{"no_room_for_an_answer", 0, 100, 100, {}, 0}, SizeCase{"room_for_one", 0, 100, 99, {}, 100},
        SizeCase{"asked", 512, 2048, 10, 20, 512},
        SizeCase{"asked_beyond_training", 4096, 2048, 3000, 20, 4096},
        SizeCase{"asked_too_small", 16, 2048, 10, 20, 0}, SizeCase{"unstated", 0, 0, 10, {}, 4096},
        SizeCase{"huge_request_does_not_wrap", 0, 2048, 10, 0xFFFFFFFFU, 0}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(ContextSizeTest, TheRemedyNamesAContextThatWorks) {
  const auto error = choose_context_tokens({.context_tokens = 16}, 2048, 10, 20).error();
  EXPECT_NE(error.remedy.find("-c 30"), std::string::npos) << error.remedy;
  EXPECT_TRUE(choose_context_tokens({.context_tokens = 30}, 2048, 10, 20).has_value());
}

}  // namespace
}  // namespace minerva
