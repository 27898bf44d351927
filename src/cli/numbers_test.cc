#include "cli/numbers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "minerva/generation.h"

namespace minerva::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Numbers, ReadsIntegersStrictly) {
  EXPECT_EQ(parse_int("-k", "-7"), -7);
  EXPECT_EQ(parse_int("-k", "+7"), 7);
  EXPECT_EQ(parse_uint32("-n", "4294967295"), 4294967295U);
  EXPECT_EQ(parse_uint64("-s", "18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  for (const char* wrong :
       {"", " ", "5 ", " 5", "5x", "0x10", "1.5", "1e3", "nan", "+", "-", "--5", "+-5", "５"}) {
    const auto result = parse_int("--top-k", wrong);
    ASSERT_FALSE(result) << wrong;
    EXPECT_EQ(result.error().code, ErrorCode::InvalidRequest);
    EXPECT_THAT(result.error().message, HasSubstr("--top-k"));
    EXPECT_FALSE(result.error().remedy.empty());
  }
}

TEST(Numbers, NamesOverflowAndSign) {
  EXPECT_THAT(parse_int("-k", "99999999999").error().message, HasSubstr("too large"));
  EXPECT_THAT(parse_uint32("-n", "4294967296").error().message, HasSubstr("too large"));
  EXPECT_THAT(parse_uint32("-n", "-1").error().message, HasSubstr("negative"));
}

TEST(Numbers, ReadsFloatsStrictly) {
  EXPECT_FLOAT_EQ(*parse_float("--temp", "0.7"), 0.7F);
  EXPECT_FLOAT_EQ(*parse_float("--temp", "+.5"), 0.5F);
  EXPECT_FLOAT_EQ(*parse_float("--temp", "-1e-3"), -0.001F);
  for (const char* wrong : {"", "nan", "NaN", "inf", "-inf", "infinity", "0,7", "0.7f", " 1", "1 ", "1e",
                            "1e999", "1e39", "0x1p3", "--1", "."}) {
    EXPECT_FALSE(parse_float("--temp", wrong)) << wrong;
  }
}

TEST(Numbers, MinusOneAloneMeansNoLimit) {
  EXPECT_EQ(parse_limit("-n", "-1"), kUnlimitedTokens);
  for (const char* negative : {"-2", "-5", "-0", "-99999999999"}) {
    const auto refused = parse_limit("-n", negative);
    ASSERT_FALSE(refused) << negative;
    EXPECT_NE(refused.error().message.find(negative), std::string::npos);
    EXPECT_NE(refused.error().remedy.find("-1 for no limit"), std::string::npos);
  }
  EXPECT_EQ(parse_limit("-n", "0"), 0U);
  EXPECT_EQ(parse_limit("-n", "64"), 64U);
  EXPECT_FALSE(parse_limit("-n", "-x"));
  EXPECT_FALSE(parse_limit("-n", "-"));
}

TEST(Numbers, ReadsBytesWithUnits) {
  const std::uint64_t k = 1024;
  EXPECT_EQ(parse_bytes("-m", "0"), 0U);
  EXPECT_EQ(parse_bytes("-m", "1000"), 1000U);
  EXPECT_EQ(parse_bytes("-m", "1000B"), 1000U);
  EXPECT_EQ(parse_bytes("-m", "64K"), 64 * k);
  EXPECT_EQ(parse_bytes("-m", "512m"), 512 * k * k);
  EXPECT_EQ(parse_bytes("-m", "1.5G"), 3 * k * k * k / 2);
  EXPECT_EQ(parse_bytes("-m", "2GiB"), 2 * k * k * k);
  EXPECT_EQ(parse_bytes("-m", "2gb"), 2 * k * k * k);
  EXPECT_EQ(parse_bytes("-m", "1T"), k * k * k * k);
  for (const char* wrong :
       {"", "G", "-1G", "2X", "2 G", "2Gx", "1.2.3G", "nan", "inf", "1e3", "99999999999T"}) {
    EXPECT_FALSE(parse_bytes("--memory-limit", wrong)) << wrong;
  }
}

TEST(Numbers, ReadsTokenIds) {
  EXPECT_THAT(*parse_token_ids("--prompt-ids", "1,2,3"), ElementsAre(1, 2, 3));
  EXPECT_THAT(*parse_token_ids("--prompt-ids", " 1, 2 ,\n3 "), ElementsAre(1, 2, 3));
  EXPECT_THAT(*parse_token_ids("--prompt-ids", "-5"), ElementsAre(-5)) << "the engine checks the range";
  for (const char* wrong : {"", ",", "1,", ",1", "1,,2", "1 2", "a", "99999999999", "1;2"}) {
    EXPECT_FALSE(parse_token_ids("--prompt-ids", wrong)) << wrong;
  }
}

TEST(Numbers, ReadsLogitBias) {
  EXPECT_EQ(parse_logit_bias("--logit-bias", "15043+1.5"), (std::pair<TokenId, float>{15043, 1.5F}));
  EXPECT_EQ(parse_logit_bias("--logit-bias", "0-2"), (std::pair<TokenId, float>{0, -2.0F}));
  EXPECT_EQ(parse_logit_bias("--logit-bias", "7-inf")->second, -std::numeric_limits<float>::infinity());
  for (const char* wrong : {"", "5", "5+", "+5", "5+nan", "x+1", "5=1", "5+1x", "5++1", "5+1e300"}) {
    EXPECT_FALSE(parse_logit_bias("--logit-bias", wrong)) << wrong;
  }
}

}  // namespace
}  // namespace minerva::cli
