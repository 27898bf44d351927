#include "base/growing_memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <utility>

#include "base/memory.h"

namespace minerva {
namespace {

constexpr std::size_t kMegabyte = std::size_t{1} << 20U;

TEST(GrowingMemory, KeepsWhatItHoldsAndStartsWithZeros) {
  GrowingMemory memory;
  EXPECT_EQ(memory.data(), nullptr);
  ASSERT_TRUE(memory.grow(3));
  std::memcpy(memory.data(), "abc", 3);
  for (std::size_t bytes = 1; bytes <= 64 * kMegabyte; bytes *= 3) ASSERT_TRUE(memory.grow(bytes));
  EXPECT_EQ(std::memcmp(memory.data(), "abc", 4), 0);
  EXPECT_EQ(memory.data()[memory.capacity() - 1], std::byte{0});
  const std::size_t capacity = memory.capacity();
  EXPECT_TRUE(memory.grow(1));
  EXPECT_EQ(memory.capacity(), capacity) << "it never shrinks";
}

TEST(GrowingMemory, TakesNoPageThatIsNotWritten) {
  const std::uint64_t before = resident_bytes();
  if (before == 0) GTEST_SKIP() << "resident memory is not known here";
  GrowingMemory memory;
  ASSERT_TRUE(memory.grow(512 * kMegabyte));
  std::memset(memory.data(), 1, kMegabyte);
  EXPECT_LT(resident_bytes(), before + 64 * kMegabyte);
}

TEST(GrowingMemory, GivesEverythingBack) {
  GrowingMemory memory;
  ASSERT_TRUE(memory.grow(128 * kMegabyte));
  std::memset(memory.data(), 1, 128 * kMegabyte);
  const std::uint64_t held = resident_bytes();
  memory.clear();
  EXPECT_EQ(memory.data(), nullptr);
  EXPECT_EQ(memory.capacity(), 0U);
  if (held > 0) {
    EXPECT_LT(resident_bytes(), held - 100 * kMegabyte);
  }
  EXPECT_TRUE(memory.grow(1)) << "and can start again";
}

TEST(GrowingMemory, WithoutMemoryNothingChanges) {
  GrowingMemory memory;
  ASSERT_TRUE(memory.grow(1));
  std::byte* const data = memory.data();
  *data = std::byte{7};
  for (const std::size_t bytes : {std::numeric_limits<std::size_t>::max(), std::size_t{1} << 60U})
    EXPECT_FALSE(memory.grow(bytes));
  EXPECT_EQ(memory.data(), data);
  EXPECT_EQ(*data, std::byte{7});
}

TEST(GrowingMemory, Moves) {
  GrowingMemory first;
  ASSERT_TRUE(first.grow(1));
  *first.data() = std::byte{9};
  GrowingMemory second(std::move(first));
  EXPECT_EQ(*second.data(), std::byte{9});
  GrowingMemory third;
  third = std::move(second);
  EXPECT_EQ(*third.data(), std::byte{9});
}

}  // namespace
}  // namespace minerva
