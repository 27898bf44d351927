#include "base/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "support/temp_dir.h"

namespace minerva {
namespace {

using ::testing::HasSubstr;

TEST(File, ReadsAtOffsets) {
  const testing::TempDir dir;
  const auto file = File::open(dir.write("abc.bin", "0123456789"));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->size(), 10U);
  EXPECT_EQ(file->name(), "abc.bin");
  std::array<char, 3> bytes{};
  ASSERT_TRUE(file->read(7, std::as_writable_bytes(std::span(bytes))));
  EXPECT_EQ(std::string(bytes.data(), 3), "789");
}

TEST(File, SaysWhatIsMissingAtTheEnd) {
  const testing::TempDir dir;
  const auto file = File::open(dir.write("abc.bin", "0123456789"));
  ASSERT_TRUE(file);
  std::array<std::byte, 3> bytes{};
  for (const std::uint64_t offset : {8ULL, 10ULL, 11ULL, ~0ULL}) {
    const auto result = file->read(offset, bytes);
    ASSERT_FALSE(result) << offset;
    EXPECT_EQ(result.error().code, ErrorCode::ModelLoading);
    EXPECT_THAT(result.error().message, HasSubstr("the file has 10 bytes"));
    EXPECT_FALSE(result.error().remedy.empty());
  }
}

TEST(File, NoticesThatTheFileShrank) {
  const testing::TempDir dir;
  const auto path = dir.write("abc.bin", "0123456789");
  const auto file = File::open(path);
  ASSERT_TRUE(file);
  ASSERT_EQ(::truncate(path.c_str(), 4), 0);
  std::array<std::byte, 8> bytes{};
  const auto result = file->read(0, bytes);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("has 4 bytes"));
}

TEST(File, RefusesWhatIsNoRegularFile) {
  const testing::TempDir dir;
  const auto missing = File::open(dir.path() / "nothing", ErrorCode::InvalidRequest);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::InvalidRequest);
  EXPECT_THAT(missing.error().message, HasSubstr("'nothing'"));

  const auto folder = File::open(dir.path());
  ASSERT_FALSE(folder);
  EXPECT_THAT(folder.error().message, HasSubstr("not a regular file"));

  const auto pipe = dir.path() / "pipe";  // opening one must not wait for a writer
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const auto opened = File::open(pipe);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("not a regular file"));
}

TEST(File, MovesItsDescriptor) {
  const testing::TempDir dir;
  auto first = File::open(dir.write("a", "aa"));
  auto second = File::open(dir.write("b", "bb"));
  ASSERT_TRUE(first && second);
  *first = std::move(*second);
  std::array<char, 2> bytes{};
  ASSERT_TRUE(first->read(0, std::as_writable_bytes(std::span(bytes))));
  EXPECT_EQ(std::string(bytes.data(), 2), "bb");
}

TEST(ReadFile, HasALimit) {
  const testing::TempDir dir;
  const auto path = dir.write("config.json", "12345");
  EXPECT_EQ(read_file(path, 5).value_or("error"), "12345");
  const auto result = read_file(path, 4);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("has 5 bytes; at most 4 are read"));
}

TEST(ReadFile, LeavesRoomForPadding) {
  const testing::TempDir dir;
  const auto content = read_file(dir.write("x", "12345"), 100, 64);
  ASSERT_TRUE(content);
  EXPECT_EQ(*content, "12345");
  EXPECT_GE(content->capacity(), 69U);
}

TEST(MemorySource, HasTheSameBounds) {
  const std::string text = "0123456789";
  const MemorySource source(std::as_bytes(std::span(text)), "memory");
  std::array<char, 4> bytes{};
  ASSERT_TRUE(source.read(6, std::as_writable_bytes(std::span(bytes))));
  EXPECT_EQ(std::string(bytes.data(), 4), "6789");
  EXPECT_FALSE(source.read(7, std::as_writable_bytes(std::span(bytes))));
  EXPECT_FALSE(source.read(~0ULL, std::as_writable_bytes(std::span(bytes))));
}

}  // namespace
}  // namespace minerva
