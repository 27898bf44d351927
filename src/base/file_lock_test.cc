#include "base/file_lock.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "support/temp_dir.h"

namespace minerva {
namespace {

using Kind = FileLock::Kind;

class FileLockTest : public ::testing::Test {
 protected:
  std::filesystem::path path() const { return temp_.path() / "x.lock"; }
  testing::TempDir temp_;
};

TEST_F(FileLockTest, ManyReadersOrOneWriter) {
  auto reader = FileLock::attempt(path(), Kind::Shared);
  ASSERT_TRUE(reader);
  EXPECT_TRUE(FileLock::attempt(path(), Kind::Shared));
  EXPECT_FALSE(FileLock::attempt(path(), Kind::Exclusive));
  reader.reset();
  auto writer = FileLock::attempt(path(), Kind::Exclusive);
  ASSERT_TRUE(writer);
  EXPECT_FALSE(FileLock::attempt(path(), Kind::Shared));
  writer->share();
  EXPECT_TRUE(FileLock::attempt(path(), Kind::Shared));
  EXPECT_FALSE(FileLock::attempt(path(), Kind::Exclusive));
}

TEST_F(FileLockTest, WaitingCanBeCancelled) {
  const auto held = FileLock::attempt(path(), Kind::Exclusive);
  ASSERT_TRUE(held);
  int asked = 0;
  const auto waited = FileLock::wait(path(), Kind::Shared, [&] { return ++asked < 3; });
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code, ErrorCode::Cancelled);
  EXPECT_EQ(asked, 3);
}

TEST_F(FileLockTest, AFolderThatIsNotThereIsAnError) {
  EXPECT_FALSE(FileLock::wait(temp_.path() / "none" / "x", Kind::Shared, {}));
  EXPECT_FALSE(FileLock::attempt(temp_.path() / "none" / "x", Kind::Shared));
}

// Who holds the lock may remove the file in the end: who waited for it gets the new one.
TEST_F(FileLockTest, ConcurrentHoldersExcludeEachOtherThoughTheFileGoesAway) {
  std::atomic<int> inside = 0;
  std::atomic<bool> together = false;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int round = 0; round < 10; ++round) {
          const auto lock = FileLock::wait(path(), Kind::Exclusive, {});
          ASSERT_TRUE(lock);
          if (++inside > 1) together = true;
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
          --inside;
          std::filesystem::remove(path());  // the last thing under the lock
        }
      });
    }
  }
  EXPECT_FALSE(together);
}

}  // namespace
}  // namespace minerva
