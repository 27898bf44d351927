#include "base/stack.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <cstddef>

namespace minerva {
namespace {

TEST(StackTest, AThreadKnowsItsOwnStack) {
  constexpr std::size_t kSize = std::size_t{8} << 20U;  // TSan keeps most of a megabyte there
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, kSize), 0);
  std::size_t left = 0;
  pthread_t thread{};
  ASSERT_EQ(pthread_create(
                &thread, &attributes,
                [](void* result) -> void* {
                  *static_cast<std::size_t*>(result) = stack_bytes_left();
                  return nullptr;
                },
                &left),
            0);
  ASSERT_EQ(pthread_join(thread, nullptr), 0);
  pthread_attr_destroy(&attributes);
  EXPECT_GT(left, kSize / 2);
  EXPECT_LE(left, kSize);
}

__attribute__((noinline)) std::size_t left_below(std::size_t bytes) {
  auto* used = static_cast<volatile char*>(__builtin_alloca(bytes));
  used[0] = 1;
  const std::size_t left = stack_bytes_left();
  used[0] = 2;  // keeps the call above from becoming a jump
  return left;
}

TEST(StackTest, WhatIsUsedIsNoLongerLeft) {
  const std::size_t left = stack_bytes_left();
  EXPECT_GT(left, std::size_t{256} * 1024);
  EXPECT_LE(left_below(64000) + 60000, left);
}

}  // namespace
}  // namespace minerva
