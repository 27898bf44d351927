#include "base/output_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iterator>

#include "support/temp_dir.h"

namespace minerva {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::string content_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class OutputFileTest : public ::testing::Test {
 protected:
  fs::path path() const { return temp_.path() / "model.gguf"; }
  testing::TempDir temp_;
};

TEST_F(OutputFileTest, ReplacesFilesOnly) {
  const fs::path pipe = temp_.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  fs::create_directory(temp_.path() / "folder");
  fs::create_symlink("nowhere", temp_.path() / "dangling");
  for (const char* name : {"pipe", "folder", "dangling"}) {
    const auto file = OutputFile::create(temp_.path() / name);
    ASSERT_FALSE(file) << name;
    EXPECT_EQ(file.error().code, ErrorCode::InvalidRequest);
  }
  EXPECT_TRUE(fs::is_fifo(pipe));
}

TEST_F(OutputFileTest, WritesWhereALinkLeads) {
  temp_.write("target", "old");
  const fs::path link = temp_.path() / "link";
  fs::create_symlink("target", link);
  auto file = OutputFile::create(link).value();
  ASSERT_TRUE(file.write("new"));
  ASSERT_TRUE(file.commit(OutputFile::Existing::Replace));
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(content_of(temp_.path() / "target"), "new");
}

TEST_F(OutputFileTest, RemovesWhatWasAbandoned) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);  // now nobody's id
  const auto of = [](pid_t id) { return "model.gguf." + std::to_string(id) + "-0.partial"; };
  const auto old = fs::file_time_type::clock::now() - std::chrono::hours(1);
  for (const std::string& name : {of(child), of(::getpid())}) {
    temp_.write(name, "x");
    fs::last_write_time(temp_.path() / name, old);
  }
  temp_.write("other." + of(child), "x");
  EXPECT_TRUE(OutputFile::create(path()));
  EXPECT_FALSE(fs::exists(temp_.path() / of(child)));
  EXPECT_TRUE(fs::exists(temp_.path() / of(::getpid()))) << "somebody may still write it";
  EXPECT_TRUE(fs::exists(temp_.path() / ("other." + of(child))));
}

TEST_F(OutputFileTest, AppearsOnlyWhenItIsComplete) {
  auto file = OutputFile::create(path());
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_TRUE(file->write("hello "));
  ASSERT_TRUE(file->write("world"));
  EXPECT_EQ(file->bytes_written(), 11U);
  EXPECT_FALSE(fs::exists(path()));
  ASSERT_TRUE(file->commit(OutputFile::Existing::Keep));
  EXPECT_EQ(content_of(path()), "hello world");
  EXPECT_EQ(std::distance(fs::directory_iterator(temp_.path()), {}), 1);
}

TEST_F(OutputFileTest, IsTakenAwayWithoutCommit) {
  {
    auto file = OutputFile::create(path());
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write("half"));
    const std::string name = fs::directory_iterator(temp_.path())->path().filename().string();
    EXPECT_EQ(partial_file_owner(name), ::getpid()) << name;
    auto moved = std::move(*file);
    ASSERT_TRUE(moved.write("more"));
  }
  EXPECT_TRUE(fs::is_empty(temp_.path()));
}

TEST_F(OutputFileTest, ReplacesOrKeepsWhatIsThere) {
  temp_.write("model.gguf", "old");
  auto kept = OutputFile::create(path());
  ASSERT_TRUE(kept);
  const auto refused = kept->commit(OutputFile::Existing::Keep);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("exists already"));
  EXPECT_EQ(content_of(path()), "old");
  auto replaced = OutputFile::create(path());
  ASSERT_TRUE(replaced && replaced->write("new") && replaced->commit(OutputFile::Existing::Replace));
  EXPECT_EQ(content_of(path()), "new");
}

TEST_F(OutputFileTest, SaysWhyItCannotBeMade) {
  for (const fs::path& bad : {temp_.path() / "none" / "x", temp_.path() / "", fs::path("..")}) {
    const auto file = OutputFile::create(bad);
    ASSERT_FALSE(file) << bad;
    EXPECT_EQ(file.error().code, ErrorCode::InvalidRequest);
    EXPECT_GT(file.error().remedy.size(), 20U);
  }
}

TEST_F(OutputFileTest, ADiskThatTakesNoMoreIsAnError) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 1000, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  {
    auto file = OutputFile::create(path());
    ASSERT_TRUE(file);
    const auto written = file->write(std::string(5000, 'x'));
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    ASSERT_FALSE(written);
    EXPECT_THAT(written.error().message, HasSubstr("larger than a file may be"));
  }
  ::signal(SIGXFSZ, old_handler);
  EXPECT_TRUE(fs::is_empty(temp_.path()));
}

TEST_F(OutputFileTest, OverwritingKeepsTheFile) {
  temp_.write("model.gguf", "a long old content");
  fs::create_hard_link(path(), temp_.path() / "other");
  ASSERT_TRUE(overwrite_file(path(), "new"));
  EXPECT_EQ(content_of(temp_.path() / "other"), "new");
  EXPECT_FALSE(overwrite_file(temp_.path() / "none" / "x", "new"));
}

TEST(PartialFile, OwnersAreReadFromNames) {
  EXPECT_EQ(partial_file_owner("a.gguf.123-4.partial"), 123);
  for (const char* name : {"a.gguf", "a.gguf.partial", "a.123.partial", "a.gguf.x-1.partial", ".-1.partial",
                           "", "a.gguf.99999999999999999999-1.partial", "a.gguf.-5-1.partial"}) {
    EXPECT_EQ(partial_file_owner(name), 0) << name;
  }
}

TEST(DiskBytes, AreKnownOrUnbounded) {
  EXPECT_GT(available_disk_bytes("."), 0U);
  EXPECT_EQ(available_disk_bytes("no such folder"), ~std::uint64_t{0});
  EXPECT_THAT(disk_full("x", 8, 4).error().message, HasSubstr("needs 8 bytes, but its disk has only 4"));
}

}  // namespace
}  // namespace minerva
