#include "runtime/memory_ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

namespace minerva {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Outcome = Reclaimer::Outcome;

// Idle holders that give back what they have when they are asked.
class FakeReclaimer : public Reclaimer {
 public:
  std::vector<std::shared_ptr<MemoryGrant>> idle;
  std::atomic<bool> running = false;  // somebody holds what may come free
  std::atomic<int> asked = 0;
  std::atomic<std::uint64_t> of_others = 0;  // as the last one who wanted more was told

  std::atomic<bool> pending = false;  // something is being given back, and does not come

  Outcome reclaim(std::uint64_t, std::uint64_t granted, const MemoryGrant* asker) override {
    ++asked;
    of_others = asker == nullptr ? 0 : granted;
    const std::lock_guard lock(mutex_);
    if (pending) return Outcome::Pending;
    if (idle.empty()) return running ? Outcome::Busy : Outcome::Nothing;
    idle.erase(idle.begin());
    return Outcome::Freed;
  }
  std::uint64_t pinned_bytes() const override { return 0; }

 private:
  std::mutex mutex_;
};

class MemoryLedgerTest : public ::testing::Test {
 protected:
  ~MemoryLedgerTest() override { ledger_->set_reclaimer(nullptr); }
  Result<std::shared_ptr<MemoryGrant>> reserve(std::uint64_t bytes, std::chrono::milliseconds wait = 10s) {
    return ledger_->reserve(bytes, {}, MemoryLedger::Clock::now() + wait);
  }
  std::atomic<std::uint64_t> available_ = kUnlimitedMemory;
  FakeReclaimer reclaimer_;
  std::shared_ptr<MemoryLedger> ledger_ = [this] {
    auto ledger = std::make_shared<MemoryLedger>(100, [this] { return available_.load(); });
    ledger->set_reclaimer(&reclaimer_);
    return ledger;
  }();
};

TEST_F(MemoryLedgerTest, GrantsUpToTheBudgetAndTakesBack) {
  {
    const auto a = reserve(60).value();
    const auto b = reserve(40).value();
    EXPECT_EQ(ledger_->granted_bytes(), 100U);
    EXPECT_EQ(ledger_->free_bytes(), 0U);
    const auto error = reserve(1).error();
    EXPECT_EQ(error.code, ErrorCode::OutOfMemory);
    EXPECT_THAT(error.message, HasSubstr("0.0 MB is available"));
  }
  EXPECT_EQ(ledger_->granted_bytes(), 0U);
  EXPECT_TRUE(reserve(100));
}

TEST_F(MemoryLedgerTest, WhatTheSystemHasCountsToo) {
  available_ = 30;
  EXPECT_EQ(ledger_->attainable_bytes(), 30U);
  EXPECT_FALSE(reserve(31));
  EXPECT_TRUE(reserve(30));
}

TEST_F(MemoryLedgerTest, ResizingCountsTheDifference) {
  const auto grant = reserve(50).value();
  EXPECT_TRUE(grant->resize(100, {}, {}));
  EXPECT_EQ(grant->resize(101, {}, {}).error().code, ErrorCode::OutOfMemory);
  EXPECT_EQ(grant->bytes(), 100U) << "nothing changed";
  EXPECT_TRUE(grant->resize(10, {}, {}));
  EXPECT_EQ(ledger_->granted_bytes(), 10U);
}

TEST_F(MemoryLedgerTest, IdleOnesMakeRoom) {
  reclaimer_.idle.push_back(reserve(50).value());
  reclaimer_.idle.push_back(reserve(50).value());
  const auto grant = reserve(40).value();
  EXPECT_EQ(reclaimer_.idle.size(), 1U);
  EXPECT_TRUE(grant->resize(100, {}, {}));
  EXPECT_TRUE(reclaimer_.idle.empty());
}

TEST_F(MemoryLedgerTest, GrowingWaitsOnlyWhenAskedTo) {
  reclaimer_.running = true;
  const auto a = reserve(50).value();
  auto b = reserve(40).value();
  const auto refused = a->resize(70, {}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Busy);
  EXPECT_EQ(reclaimer_.of_others, 40U);
  EXPECT_FALSE(a->try_resize(70));
  EXPECT_TRUE(a->try_resize(60));
  EXPECT_FALSE(ledger_->waiting_since());

  auto waiting = std::async(std::launch::async, [&] { return a->resize(70, {}, [] { return true; }); });
  while (!ledger_->waiting_since()) std::this_thread::yield();
  b.reset();
  EXPECT_TRUE(waiting.get());
  EXPECT_EQ(a->bytes(), 70U);
  EXPECT_FALSE(ledger_->waiting_since());
}

TEST_F(MemoryLedgerTest, GrowingTwoAtOnceDoNotWaitForEachOther) {
  reclaimer_.running = true;
  auto a = reserve(50).value();
  const auto b = reserve(50).value();
  auto waiting = std::async(std::launch::async, [&] { return b->resize(80, {}, [] { return true; }); });
  while (!ledger_->waiting_since()) std::this_thread::yield();
  EXPECT_EQ(a->resize(80, {}, [] { return true; }).error().code, ErrorCode::Busy);
  EXPECT_TRUE(ledger_->waiting_since());
  a.reset();  // told so, its request ends and it is evicted
  EXPECT_TRUE(waiting.get());
}

TEST_F(MemoryLedgerTest, CancellingEndsGrowing) {
  reclaimer_.pending = true;
  const auto a = reserve(50).value();
  std::stop_source stop;
  auto waiting = std::async(std::launch::async, [&] { return a->resize(200, stop.get_token(), {}); });
  while (reclaimer_.asked == 0) std::this_thread::yield();
  stop.request_stop();
  EXPECT_EQ(waiting.get().error().code, ErrorCode::Cancelled);

  reclaimer_.pending = false;
  reclaimer_.running = true;
  std::atomic<bool> wanted = true;
  waiting = std::async(std::launch::async, [&] { return a->resize(200, {}, [&] { return wanted.load(); }); });
  while (!ledger_->waiting_since()) std::this_thread::yield();
  wanted = false;
  EXPECT_EQ(waiting.get().error().code, ErrorCode::Busy);
  EXPECT_FALSE(ledger_->waiting_since());
}

TEST_F(MemoryLedgerTest, ConcurrentReservationsWaitForRoomInOrder) {
  reclaimer_.running = true;
  auto first = reserve(100).value();
  std::vector<int> order;
  std::mutex mutex;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      const auto grant = reserve(100).value();
      const std::lock_guard lock(mutex);
      order.push_back(i);
    });
    while (reclaimer_.asked == 0) std::this_thread::yield();
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_TRUE(ledger_->waiting_since());
  first.reset();
  threads.clear();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
  EXPECT_FALSE(ledger_->waiting_since());
}

TEST_F(MemoryLedgerTest, WaitingIsBounded) {
  reclaimer_.running = true;
  const auto holder = reserve(100).value();
  EXPECT_EQ(reserve(50, 20ms).error().code, ErrorCode::Busy);
  EXPECT_FALSE(ledger_->waiting_since());
}

TEST_F(MemoryLedgerTest, CancellingEndsTheWait) {
  reclaimer_.running = true;
  const auto holder = reserve(100).value();
  std::stop_source stop;
  auto waiting = std::async(std::launch::async, [&] {
    return ledger_->reserve(50, stop.get_token(), MemoryLedger::Clock::now() + 60s).error().code;
  });
  while (!ledger_->waiting_since()) std::this_thread::yield();
  stop.request_stop();
  EXPECT_EQ(waiting.get(), ErrorCode::Cancelled);
}

TEST_F(MemoryLedgerTest, ConcurrentGrantsNeverExceedTheBudget) {
  reclaimer_.running = true;
  std::atomic<std::uint64_t> held = 0;
  std::atomic<bool> exceeded = false;
  std::vector<std::jthread> threads;
  for (unsigned t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (unsigned i = 0; i < 50; ++i) {
        const std::uint64_t bytes = 10 + (t * 7 + i * 13) % 80;
        const auto grant = reserve(bytes).value();
        if ((held += bytes) > 100) exceeded = true;
        std::this_thread::yield();
        held -= bytes;
      }
    });
  }
  threads.clear();
  EXPECT_FALSE(exceeded);
  EXPECT_EQ(ledger_->granted_bytes(), 0U);
}

// An exception, in whatever is asked meanwhile, leaves nobody in the queue and nothing taken.
TEST(MemoryLedgerExceptions, LeaveNoGhost) {
  bool throws = false;
  const auto ledger = std::make_shared<MemoryLedger>(1000, [&]() -> std::uint64_t {
    if (throws) throw std::bad_alloc();
    return kUnlimitedMemory;
  });
  const auto grant = ledger->reserve(100, {}, MemoryLedger::Clock::now()).value();
  throws = true;
  EXPECT_THROW(static_cast<void>(ledger->reserve(100, {}, MemoryLedger::Clock::now())), std::bad_alloc);
  EXPECT_THROW(static_cast<void>(grant->resize(200, {}, {})), std::bad_alloc);
  throws = false;
  EXPECT_FALSE(ledger->waiting_since());
  EXPECT_EQ(ledger->granted_bytes(), 100U);
  EXPECT_TRUE(ledger->reserve(900, {}, MemoryLedger::Clock::now() + std::chrono::seconds(5)));
  EXPECT_TRUE(grant->resize(200, {}, {}));
}

class ThrowingReclaimer : public Reclaimer {
 public:
  Outcome reclaim(std::uint64_t, std::uint64_t, const MemoryGrant*) override { throw std::bad_alloc(); }
  std::uint64_t pinned_bytes() const override { return 0; }
};

TEST(MemoryLedgerExceptions, OfWhoFreesMemoryLeaveNoGhost) {
  const auto ledger = std::make_shared<MemoryLedger>(1000, [] { return kUnlimitedMemory; });
  auto grant = ledger->reserve(600, {}, MemoryLedger::Clock::now()).value();
  ThrowingReclaimer reclaimer;
  ledger->set_reclaimer(&reclaimer);
  EXPECT_THROW(static_cast<void>(ledger->reserve(600, {}, MemoryLedger::Clock::now())), std::bad_alloc);
  EXPECT_THROW(static_cast<void>(grant->resize(1200, {}, {})), std::bad_alloc);
  ledger->set_reclaimer(nullptr);
  EXPECT_FALSE(ledger->waiting_since());
  grant.reset();
  EXPECT_TRUE(ledger->reserve(1000, {}, MemoryLedger::Clock::now()));
}

}  // namespace
}  // namespace minerva
