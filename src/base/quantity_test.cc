#include "base/quantity.h"

#include <gtest/gtest.h>

namespace minerva {
namespace {

using namespace std::chrono_literals;

TEST(Quantity, ReadsTimes) {
  EXPECT_EQ(parse_duration("t", "0"), 0ms);
  EXPECT_EQ(parse_duration("t", "300"), 300s);
  EXPECT_EQ(parse_duration("t", "0.5"), 500ms);
  EXPECT_EQ(parse_duration("t", "300ms"), 300ms);
  EXPECT_EQ(parse_duration("t", "30s"), 30s);
  EXPECT_EQ(parse_duration("t", "5m"), 5min);
  EXPECT_EQ(parse_duration("t", "1.5h"), 90min);
  EXPECT_EQ(parse_duration("t", "-1"), -1ms);
  EXPECT_EQ(parse_duration("t", "-5m"), -1ms);
  EXPECT_EQ(parse_duration("t", "-0"), 0ms);
  for (const char* wrong : {"", "m", "-", "5 m", "5d", "1e3", "--1", "nan", "9999h99", "99999999999h"}) {
    const auto time = parse_duration("keep_alive", wrong);
    ASSERT_FALSE(time) << wrong;
    EXPECT_EQ(time.error().code, ErrorCode::InvalidRequest);
    EXPECT_TRUE(time.error().message.starts_with("keep_alive: ")) << time.error().message;
  }
}

TEST(Quantity, ReadsBytes) {
  EXPECT_EQ(parse_bytes("m", "1.5G"), 3ULL << 29U);
  EXPECT_FALSE(parse_bytes("m", "-1"));
  EXPECT_FALSE(parse_bytes("m", "16777216T"));
}

}  // namespace
}  // namespace minerva
