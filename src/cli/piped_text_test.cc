#include "cli/piped_text.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <functional>
#include <string>
#include <utility>

#include "support/temp_dir.h"

namespace minerva::cli {
namespace {

using testing::TempDir;

// Puts a descriptor in the place of standard input for as long as it lives.
class Input {
 public:
  explicit Input(int fd) : saved_(dup(STDIN_FILENO)) { dup2(fd, STDIN_FILENO); }
  ~Input() {
    dup2(saved_, STDIN_FILENO);
    close(saved_);
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

 private:
  int saved_;
};

struct Ends {
  int in = -1;
  int out = -1;
  ~Ends() {
    for (const int fd : {in, out})
      if (fd >= 0) close(fd);
  }
  void end() { close(std::exchange(out, -1)); }
};

Ends make_pipe() {
  std::array<int, 2> fds{};
  EXPECT_EQ(pipe2(fds.data(), O_CLOEXEC), 0);
  return {fds[0], fds[1]};
}

bool with_file(const std::string& path, int flags, off_t offset = 0) {
  const int fd = open(path.c_str(), flags | O_CLOEXEC);
  lseek(fd, offset, SEEK_SET);
  const Input input(fd);
  close(fd);
  return is_text_piped_in();
}

TEST(PipedText, DevicesAndFiles) {
  const TempDir dir;
  const std::string file = dir.write("lines.txt", "one\ntwo\n").string();
  EXPECT_TRUE(with_file(file, O_RDONLY));
  EXPECT_FALSE(with_file(file, O_RDONLY, 4)) << "a loop reads it line by line";
  EXPECT_FALSE(with_file(file, O_WRONLY));
  EXPECT_FALSE(with_file("/dev/null", O_RDONLY));
  EXPECT_FALSE(with_file("/dev/zero", O_RDONLY)) << "it has no end";
  EXPECT_FALSE(with_file("/", O_RDONLY));
}

TEST(PipedText, APipeThatWasWrittenToOrIsDone) {
  Ends pipe = make_pipe();
  const Input input(pipe.in);
  ASSERT_EQ(write(pipe.out, "x", 1), 1);
  EXPECT_TRUE(is_text_piped_in());
  pipe.end();
  EXPECT_TRUE(is_text_piped_in());
}

// We hold the other end ourselves, as a service does that has started us: nobody will ever write.
TEST(PipedText, AnOpenSilentPipeDoesNotHang) {
  const Ends pipe = make_pipe();
  const Input input(pipe.in);
  EXPECT_FALSE(is_text_piped_in());
}

TEST(PipedText, AnOpenSilentSocketDoesNotHang) {
  std::array<int, 2> fds{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
  const Ends ends{fds[0], fds[1]};
  const Input input(ends.in);
  EXPECT_FALSE(is_text_piped_in());
  ASSERT_EQ(write(ends.out, "x", 1), 1);
  EXPECT_TRUE(is_text_piped_in());
}

// A process beside us that does `act` with the pipe's writing end, which nobody else holds.
bool beside(const std::function<void(int)>& act) {
  Ends pipe = make_pipe();
  const pid_t writer = fork();
  if (writer == 0) {
    act(pipe.out);
    _exit(0);
  }
  pipe.end();
  const Input input(pipe.in);
  const bool piped = is_text_piped_in();
  kill(writer, SIGKILL);
  waitpid(writer, nullptr, 0);
  return piped;
}

constexpr useconds_t kSlow = 1'700'000;

TEST(PipedText, ASlowPartnerOfThePipelineIsWaitedFor) {
  EXPECT_TRUE(beside([](int out) {
    usleep(kSlow);
    [[maybe_unused]] const auto written = write(out, "late", 4);
    usleep(kSlow);
  }));
  EXPECT_TRUE(beside([](int) { usleep(kSlow); })) << "its end is the text's end";
}

TEST(PipedText, ATimeLimitedOneIsWaitedFor) {  // `slow | timeout 60 minerva ...`: a group of its own
  EXPECT_TRUE(beside([](int out) {
    setpgid(0, 0);
    usleep(kSlow);
    [[maybe_unused]] const auto written = write(out, "late", 4);
  }));
}

TEST(PipedText, AStrangerIsNot) {
  EXPECT_FALSE(beside([](int) {
    setsid();
    usleep(3 * kSlow);
  }));
}

}  // namespace
}  // namespace minerva::cli
