#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <numeric>
#include <system_error>
#include <vector>

#include "support/sanitizers.h"

namespace minerva {
namespace {

class ThreadPoolSizes : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Sizes, ThreadPoolSizes, ::testing::Values(1, 2, 3, 7));

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

// Those that did start end, and the next pool is as good as any.
TEST(ThreadPool, ThreadsThatCannotStartAreAnException) {
  if (testing::kSanitized) GTEST_SKIP() << "a sanitizer needs more addresses than the limit leaves";
  const auto with_few_addresses = [] {
    constexpr rlim_t kBytes = rlim_t{512} << 20U;  // stacks of some fifty threads
    const rlimit limit{kBytes, kBytes};
    if (setrlimit(RLIMIT_AS, &limit) != 0) std::exit(1);
    try {
      const ThreadPool pool(4000);
      std::exit(2);
    } catch (const std::system_error&) {
    }
    std::atomic<int> ran = 0;
    ThreadPool(3).run([&](int) { ++ran; });
    std::exit(ran == 3 ? 0 : 3);
  };
  EXPECT_EXIT(with_few_addresses(), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace minerva
