#include "backends/computing_threads.h"

#include <gtest/gtest.h>

namespace minerva {
namespace {

TEST(CoresToUse, AreWhatAffinityAndQuotaLeave) {
  const auto threads = [](unsigned usable, double quota) {
    return computing_threads({.usable_cores = usable, .quota_cores = quota});
  };
  EXPECT_EQ(threads(8, 0), 8);
  EXPECT_EQ(threads(8, 2), 2);
  EXPECT_EQ(threads(8, 1.5), 2);
  EXPECT_EQ(threads(8, 0.1), 1);
  EXPECT_EQ(threads(8, 64), 8);
  EXPECT_EQ(threads(0, 0), 1);
}

}  // namespace
}  // namespace minerva
