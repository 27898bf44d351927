#include "base/log.h"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

namespace minerva {
namespace {

TEST(Log, WarningsGoToStandardErrorAndNothingToStandardOutput) {
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  log().info("not shown");
  log().warn("disk {}", 3);
  log().flush();
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
  const std::string err = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(err.find("warning: disk 3\n"), std::string::npos) << err;
  EXPECT_EQ(err.find("not shown"), std::string::npos);
}

TEST(Log, IsNotTheEmbeddingProgramsLogger) {
  EXPECT_NE(spdlog::default_logger_raw(), &log());
}

}  // namespace
}  // namespace minerva
