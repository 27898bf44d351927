#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <chrono>
#include <numeric>
#include <vector>

namespace minerva {
namespace {

class ThreadPoolSizes : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Sizes, ThreadPoolSizes, testing::Values(1, 2, 3, 7));

TEST_P(ThreadPoolSizes, RunsOnceOnEveryThread) {
  ThreadPool pool(GetParam());
  std::vector<int> calls(static_cast<std::size_t>(GetParam()));
  for (int repeat = 0; repeat < 100; ++repeat) {
    pool.run([&](int thread) { ++calls[static_cast<std::size_t>(thread)]; });
  }
  for (const int count : calls) EXPECT_EQ(count, 100);
}

TEST_P(ThreadPoolSizes, CoversARangeExactlyOnce) {
  ThreadPool pool(GetParam());
  for (const std::int64_t n : {0, 1, 2, 3, 6, 7, 8, 1000}) {
    std::vector<int> hits(static_cast<std::size_t>(n));
    pool.parallel_for(n, [&](std::int64_t begin, std::int64_t end, int thread) {
      EXPECT_LT(begin, end);
      EXPECT_LT(thread, pool.size());
      for (std::int64_t i = begin; i < end; ++i) ++hits[static_cast<std::size_t>(i)];
    });
    EXPECT_EQ(std::accumulate(hits.begin(), hits.end(), 0), n);
    for (const int count : hits) EXPECT_EQ(count, 1);
  }
}

TEST_P(ThreadPoolSizes, WakesThreadsThatWentToSleep) {
  ThreadPool pool(GetParam());
  std::vector<int> calls(static_cast<std::size_t>(GetParam()));
  for (int repeat = 0; repeat < 5; ++repeat) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    pool.run([&](int thread) { ++calls[static_cast<std::size_t>(thread)]; });
  }
  for (const int count : calls) EXPECT_EQ(count, 5);
}

TEST(ThreadPool, EndsWithoutEverRunning) {
  for (int repeat = 0; repeat < 20; ++repeat) {
    const ThreadPool pool(3);
    EXPECT_EQ(pool.size(), 3);
  }
}

TEST(ThreadPool, TakesNonsenseForOneThread) {
  EXPECT_EQ(ThreadPool(0).size(), 1);
}

}  // namespace
}  // namespace minerva
