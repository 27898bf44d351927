#include "base/terminal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

namespace minerva {
namespace {

TEST(Printable, WritesOutControlCharacters) {
  EXPECT_EQ(printable("plain\ttext\n"), "plain\ttext\n");
  EXPECT_EQ(printable("\x1b[31mred"), "\\x1b[31mred");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("\r\x07\x7f"), "\\x0d\\x07\\x7f");
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m"),
            "\\x9b31m");
  EXPECT_EQ(printable("caf\xC3\xA9 \xE2\x9C\x93"), "caf\xC3\xA9 \xE2\x9C\x93");
  EXPECT_EQ(printable(""), "");
}

class Color : public ::testing::Test {
 protected:
  void SetUp() override {
    terminal_ = posix_openpt(O_RDWR | O_NOCTTY);
    ASSERT_GE(terminal_, 0);
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
  }
  void TearDown() override {
    close(terminal_);
    unsetenv("NO_COLOR");
  }
  int terminal_ = -1;
};

TEST_F(Color, FollowsTerminalAndNoColor) {
  EXPECT_TRUE(use_color(ColorChoice::Auto, terminal_));
  setenv("NO_COLOR", "", 1);
  EXPECT_TRUE(use_color(ColorChoice::Auto, terminal_)) << "an empty NO_COLOR counts as unset";
  setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(use_color(ColorChoice::Auto, terminal_));
  EXPECT_TRUE(use_color(ColorChoice::Always, terminal_));
  unsetenv("NO_COLOR");
  setenv("TERM", "dumb", 1);
  EXPECT_FALSE(use_color(ColorChoice::Auto, terminal_));
  EXPECT_FALSE(use_color(ColorChoice::Never, terminal_));
}

TEST(Terminal, APipeIsNone) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  EXPECT_FALSE(is_terminal(ends[0]));
  EXPECT_EQ(terminal_width(ends[0]), 80);
  EXPECT_FALSE(use_color(ColorChoice::Auto, ends[1]));
  close(ends[0]);
  close(ends[1]);
}

bool stops_within(const std::stop_token& token, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (std::chrono::steady_clock::now() < end) {
    if (token.stop_requested()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

TEST(Interrupt, RequestsAStopAndGoesOn) {
  InterruptScope scope;
  EXPECT_FALSE(scope.interrupted());
  std::raise(SIGINT);
  EXPECT_TRUE(scope.interrupted());
  pollfd wait{scope.fd(), POLLIN, 0};
  EXPECT_EQ(poll(&wait, 1, 0), 1);
  EXPECT_TRUE(stops_within(scope.token(), std::chrono::seconds(10)));
}

TEST(Interrupt, CanBeClearedForTheNextOne) {
  InterruptScope scope(10);
  for (int i = 0; i < 2; ++i) {
    raise(SIGINT);
    EXPECT_TRUE(scope.interrupted());
    scope.clear();
    EXPECT_FALSE(scope.interrupted());
  }
}

TEST(Interrupt, TellsTheInnermostScope) {
  InterruptScope outer;
  {
    InterruptScope inner;
    std::raise(SIGINT);
    EXPECT_TRUE(inner.interrupted());
  }
  EXPECT_FALSE(outer.interrupted());
  std::raise(SIGINT);
  EXPECT_TRUE(outer.interrupted());
}

TEST(Interrupt, TakesOtherSignalsThatEndWhereAskedTo) {
  for (const int signal : {SIGTERM, SIGHUP}) {
    InterruptScope scope(2, StopSignals::AllEnding);
    std::raise(signal);
    EXPECT_TRUE(scope.interrupted());
  }
}

// With no descriptor left, or one, a scope does nothing, and ends.
TEST(Interrupt, DoesWithoutWhereDescriptorsAreShort) {
  const InterruptScope outer;
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  for (const int left : {0, 1}) {
    const int next = dup(STDIN_FILENO);  // the lowest free number
    ASSERT_GE(next, 0);
    close(next);
    rlimit few = before;
    few.rlim_cur = static_cast<rlim_t>(next + left);
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    {
      InterruptScope scope;
      scope.clear();
      EXPECT_FALSE(scope.interrupted());
      EXPECT_FALSE(scope.token().stop_requested());
    }
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    const int after = dup(STDIN_FILENO);
    EXPECT_EQ(after, next) << "what was opened is closed again";
    close(after);
  }
  std::raise(SIGINT);
  EXPECT_TRUE(outer.interrupted()) << "the outer scope is told as before";
}

TEST(InterruptDeathTest, LeavesOtherSignalsAlone) {
  EXPECT_EXIT(
      {
        {
          InterruptScope before(2, StopSignals::AllEnding);
        }
        InterruptScope scope;
        std::raise(SIGTERM);
      },
      ::testing::KilledBySignal(SIGTERM), "");
}

TEST(InterruptDeathTest, EndsTheProcessWhenNobodyListens) {
  EXPECT_EXIT(
      {
        InterruptScope scope(2);
        std::raise(SIGINT);
        std::raise(SIGINT);
      },
      ::testing::ExitedWithCode(130), "");
}

TEST(InterruptDeathTest, RestoresWhatWasThere) {
  EXPECT_EXIT(
      {
        std::signal(SIGINT, SIG_DFL);
        {
          const InterruptScope scope;
        }
        std::raise(SIGINT);
      },
      ::testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace minerva
