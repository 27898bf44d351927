#include "base/mapping.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "base/memory.h"
#include "base/sigbus.h"
#include "support/temp_dir.h"

namespace minerva {
namespace {

using testing::TempDir;

constexpr std::size_t kPage = 4096;

std::uint64_t sum(std::span<const std::byte> bytes) {
  return std::accumulate(bytes.begin(), bytes.end(), std::uint64_t{0}, [](std::uint64_t total, std::byte b) {
    return total + static_cast<std::uint64_t>(b);
  });
}

TEST(MappedFile, MapsContent) {
  const TempDir folder;
  const auto file = MappedFile::open(folder.write("x", "hello"));
  ASSERT_TRUE(file);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()), "hello");
  EXPECT_EQ(file->state(), FileState::Intact);
  EXPECT_EQ(file->name(), "x");
}

TEST(MappedFile, ReleasedPagesLeaveMemoryAndComeBack) {
  const std::size_t size = std::size_t{64} << 20U;
  const TempDir folder;
  const auto file = MappedFile::open(folder.write("x", std::string(size, '\1')));
  ASSERT_TRUE(file);
  EXPECT_EQ(sum(file->bytes()), size);
  const std::uint64_t held = resident_bytes();
  release_pages(file->bytes().subspan(1, size - 2));
  if (held > 0) {
    EXPECT_LT(resident_bytes(), held - size / 2);
  }
  release_pages({});
  release_pages(file->bytes().first(10));
  EXPECT_EQ(sum(file->bytes()), size);
}

TEST(MappedFile, EmptyFile) {
  const TempDir folder;
  const auto file = MappedFile::open(folder.write("x", ""));
  ASSERT_TRUE(file);
  EXPECT_TRUE(file->bytes().empty());
  EXPECT_EQ(file->state(), FileState::Intact);
}

TEST(MappedFile, MissingFileAndDirectory) {
  const TempDir folder;
  for (const auto& path : {folder.path() / "none", folder.path()}) {
    const auto file = MappedFile::open(path);
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().code, ErrorCode::ModelLoading);
    EXPECT_FALSE(file.error().remedy.empty());
  }
}

TEST(MappedFile, SurvivesTruncation) {
  const TempDir folder;
  const auto path = folder.write("x", std::string(8 * kPage, '\1'));
  const auto file = MappedFile::open(path);
  ASSERT_TRUE(file);
  std::filesystem::resize_file(path, 3 * kPage);
  EXPECT_EQ(file->state(), FileState::Changed);
  EXPECT_EQ(sum(file->bytes()), 3 * kPage);  // the rest reads as zeros
  EXPECT_EQ(file->state(), FileState::Failed);
}

TEST(MappedFile, MappingsOfOtherFilesAreUntouched) {
  const TempDir folder;
  const auto path_a = folder.write("a", std::string(2 * kPage, '\1'));
  const auto a = MappedFile::open(path_a);
  const auto b = MappedFile::open(folder.write("b", std::string(2 * kPage, '\1')));
  ASSERT_TRUE(a && b);
  std::filesystem::resize_file(path_a, 0);
  EXPECT_EQ(sum(a->bytes()), 0U);
  EXPECT_EQ(a->state(), FileState::Failed);
  EXPECT_EQ(sum(b->bytes()), 2 * kPage);
  EXPECT_EQ(b->state(), FileState::Intact);
}

TEST(MappedFile, ReplacedByRenameKeepsOldContent) {
  const TempDir folder;
  const auto path = folder.write("x", std::string(kPage, '\1'));
  const auto file = MappedFile::open(path);
  ASSERT_TRUE(file);
  std::filesystem::rename(folder.write("y", std::string(kPage, '\2')), path);
  EXPECT_EQ(file->state(), FileState::Intact);
  EXPECT_EQ(sum(file->bytes()), kPage);
}

TEST(MappedFile, OverwrittenIsChanged) {
  const TempDir folder;
  const auto path = folder.write("x", std::string(kPage, '\1'));
  const auto file = MappedFile::open(path);
  ASSERT_TRUE(file);
  // Within one tick of the file system's clock a write would not show.
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  {
    std::fstream stream(path, std::ios::in | std::ios::out | std::ios::binary);
    stream.write("z", 1);
  }
  EXPECT_EQ(file->state(), FileState::Changed);
}

TEST(WatchedFile, CoversMappingsOthersMade) {
  const TempDir folder;
  const auto path = folder.write("x", std::string(4 * kPage, '\1'));
  auto watched = WatchedFile::open(path);
  ASSERT_TRUE(watched);
  const int descriptor = ::open(path.c_str(), O_RDONLY);
  const auto* const bytes =
      static_cast<const std::byte*>(::mmap(nullptr, 4 * kPage, PROT_READ, MAP_SHARED, descriptor, 0));
  ASSERT_NE(static_cast<const void*>(bytes), MAP_FAILED);
  std::filesystem::resize_file(path, kPage);
  EXPECT_EQ(sum({bytes, 4 * kPage}), kPage);
  EXPECT_EQ(watched->state(), FileState::Failed);
  const WatchedFile moved = std::move(*watched);
  EXPECT_EQ(moved.state(), FileState::Failed);
  ::munmap(const_cast<std::byte*>(bytes), 4 * kPage);
  ::close(descriptor);
}

// Threads that fault on the same page together: all but one find it replaced already.
TEST(WatchedFile, ManyThreadsFaultAtOnce) {
  const TempDir folder;
  constexpr std::size_t kPages = 64;
  constexpr int kThreads = 4;
  for (int round = 0; round < 100; ++round) {
    const auto path = folder.write("x", std::string(kPages * kPage, '\1'));
    const auto file = MappedFile::open(path);
    ASSERT_TRUE(file);
    std::filesystem::resize_file(path, 0);
    std::atomic<int> ready = 0;
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < kThreads; ++i) {
        threads.emplace_back([&] {
          ++ready;
          while (ready < kThreads) std::this_thread::yield();
          EXPECT_EQ(sum(file->bytes()), 0U);
        });
      }
    }
    EXPECT_EQ(file->state(), FileState::Failed);
  }
}

TEST(WatchedFile, MoreFilesThanOneBlockOfTheTable) {
  const TempDir folder;
  std::vector<MappedFile> files;
  std::vector<std::filesystem::path> paths;
  for (int i = 0; i < 150; ++i) {
    paths.push_back(folder.write(std::to_string(i), std::string(kPage, '\1')));
    auto file = MappedFile::open(paths.back());
    ASSERT_TRUE(file);
    files.push_back(std::move(*file));
  }
  std::filesystem::resize_file(paths.back(), 0);
  EXPECT_EQ(sum(files.back().bytes()), 0U);
  EXPECT_EQ(files.back().state(), FileState::Failed);
  EXPECT_EQ(files.front().state(), FileState::Intact);
}

TEST(SigbusDeathTest, UnwatchedFileStillKills) {
  const TempDir folder;
  const auto watched = MappedFile::open(folder.write("w", "x"));  // the handler is installed
  ASSERT_TRUE(watched);
  const auto path = folder.write("x", std::string(kPage, '\1'));
  const int descriptor = ::open(path.c_str(), O_RDONLY);
  const auto* const bytes =
      static_cast<const volatile char*>(::mmap(nullptr, kPage, PROT_READ, MAP_SHARED, descriptor, 0));
  std::filesystem::resize_file(path, 0);
  const auto touch = [&] { return *bytes; };
  EXPECT_EXIT(
      {
        ::signal(SIGALRM, SIG_DFL);
        ::alarm(20);  // a handler that returns for ever would hang
        static_cast<void>(touch());
        ::_exit(0);
      },
      [](int status) { return status != 0 && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM); }, "");
  ::close(descriptor);
}

TEST(SigbusDeathTest, SentSignalStillKills) {
  const TempDir folder;
  const auto watched = MappedFile::open(folder.write("w", "x"));
  ASSERT_TRUE(watched);
  EXPECT_EXIT(
      {
        ::kill(::getpid(), SIGBUS);
        ::_exit(0);
      },
      [](int status) { return status != 0; }, "");
}

TEST(FindRegion, OwnStackAndNothing) {
  int local = 0;
  sigbus::Region region;
  ASSERT_TRUE(sigbus::find_region(reinterpret_cast<std::uintptr_t>(&local), region));
  EXPECT_EQ(region.file.inode, 0U);
  EXPECT_FALSE(sigbus::find_region(8, region));
}

}  // namespace
}  // namespace minerva
