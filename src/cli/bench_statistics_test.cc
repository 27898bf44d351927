#include "cli/bench_statistics.h"

#include <gtest/gtest.h>

namespace minerva::cli {
namespace {

TEST(Statistics, MedianAndSpread) {
  const Statistics odd = statistics({3, 1, 2});
  EXPECT_DOUBLE_EQ(odd.median, 2);
  EXPECT_DOUBLE_EQ(odd.min, 1);
  EXPECT_DOUBLE_EQ(odd.max, 3);
  EXPECT_DOUBLE_EQ(statistics({4, 1, 2, 3}).median, 2.5);
  EXPECT_DOUBLE_EQ(statistics({7}).median, 7);
  EXPECT_DOUBLE_EQ(statistics({}).median, 0);
}

}  // namespace
}  // namespace minerva::cli
