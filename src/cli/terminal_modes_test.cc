#include "cli/terminal_modes.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/terminal.h"
#include "support/sanitizers.h"

namespace minerva::cli {
namespace {

// A pseudo-terminal: what a program writes to `user` comes out of `screen`.
class TerminalModesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    setenv("TERM", "xterm", 1);
    screen_ = posix_openpt(O_RDWR | O_NOCTTY);
    ASSERT_EQ(grantpt(screen_), 0);
    ASSERT_EQ(unlockpt(screen_), 0);
    user_ = open(ptsname(screen_), O_RDWR | O_NOCTTY);
    ASSERT_GE(user_, 0);
  }
  void TearDown() override {
    close(user_);
    close(screen_);
  }
  bool echoes() const {
    termios modes{};
    EXPECT_EQ(tcgetattr(user_, &modes), 0);
    return (modes.c_lflag & ECHO) != 0 && (modes.c_lflag & ICANON) != 0;
  }
  std::string shown() const {
    std::string text(1000, '\0');
    text.resize(static_cast<std::size_t>(read(screen_, text.data(), text.size())));
    return text;
  }

  int screen_ = -1;
  int user_ = -1;
};
using TerminalModesDeathTest = TerminalModesTest;

TEST_F(TerminalModesTest, AreTakenAndGivenBack) {
  {
    const TerminalModes modes(user_, user_);
    EXPECT_FALSE(echoes());
    EXPECT_EQ(shown(), "\x1b[?2004h");
    EXPECT_GE(TerminalModes::changed_fd(), 0);
  }
  EXPECT_TRUE(echoes());
  EXPECT_EQ(shown(), "\x1b[?2004l\x1b[0m");
  EXPECT_EQ(TerminalModes::changed_fd(), -1);
}

TEST_F(TerminalModesTest, ADumbTerminalGetsNoSequences) {
  setenv("TERM", "dumb", 1);
  std::optional<TerminalModes> modes(std::in_place, user_, user_);
  EXPECT_FALSE(echoes());
  ASSERT_EQ(write(user_, "x", 1), 1);
  EXPECT_EQ(shown(), "x");
}

TEST_F(TerminalModesTest, TellsOfAResizeOnce) {
  const TerminalModes modes(user_, user_);
  EXPECT_EQ(TerminalModes::take_change(), TerminalModes::Change::None);
  std::raise(SIGWINCH);
  EXPECT_EQ(TerminalModes::take_change(), TerminalModes::Change::Resized);
  EXPECT_EQ(TerminalModes::take_change(), TerminalModes::Change::None);
}

TEST_F(TerminalModesTest, GoesOnWithTheModesAfterAStop) {
  const TerminalModes modes(user_, user_);
  termios editing{};
  tcgetattr(user_, &editing);
  editing.c_lflag &= ~static_cast<tcflag_t>(IEXTEN);
  tcsetattr(user_, TCSANOW, &editing);
  TerminalModes::keep_current();
  termios shell = editing;
  shell.c_lflag |= ECHO | ICANON | IEXTEN;
  tcsetattr(user_, TCSANOW, &shell);
  std::raise(SIGCONT);
  EXPECT_EQ(TerminalModes::take_change(), TerminalModes::Change::Continued);
  termios now{};
  tcgetattr(user_, &now);
  EXPECT_EQ(now.c_lflag, editing.c_lflag);
}

TEST_F(TerminalModesDeathTest, AreGivenBackByASignalThatEnds) {
  std::vector<int> signals = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
  // Sanitizers handle faults themselves.
  if (!testing::kSanitized) signals.insert(signals.end(), {SIGSEGV, SIGFPE, SIGABRT});
  for (const int signal : signals) {
    EXPECT_EXIT(
        {
          const TerminalModes modes(user_, user_);
          if (echoes()) _exit(1);
          std::raise(signal);
          _exit(2);
        },
        ::testing::KilledBySignal(signal), "")
        << signal;
    EXPECT_TRUE(echoes()) << signal;
  }
}

TEST_F(TerminalModesDeathTest, TheLastCtrlCEndsWhatDoesNotListen) {
  EXPECT_EXIT(
      {
        const TerminalModes modes(user_, user_);
        const InterruptScope interrupt(std::numeric_limits<int>::max());
        const LastResort last_resort(3);
        std::raise(SIGINT);
        std::raise(SIGINT);
        if (echoes() || !interrupt.interrupted()) _exit(1);
        std::raise(SIGINT);
        _exit(2);
      },
      ::testing::ExitedWithCode(130), "");
  EXPECT_TRUE(echoes());
}

TEST_F(TerminalModesTest, HandlersOfOthersStay) {
  std::signal(SIGHUP, SIG_IGN);  // nohup
  {
    const TerminalModes modes(user_, user_);
    std::raise(SIGHUP);
  }
  struct sigaction now{};
  sigaction(SIGHUP, nullptr, &now);
  EXPECT_EQ(now.sa_handler, SIG_IGN);
  std::signal(SIGHUP, SIG_DFL);
}

}  // namespace
}  // namespace minerva::cli
