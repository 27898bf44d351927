#include "text/fault_guard.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <stdexcept>
#include <thread>
#include <vector>

namespace minerva {
namespace {

struct Thing {
  int padding[100];
  volatile int field;
};
Thing* volatile nothing = nullptr;
volatile int zero = 0;

// What libllama does, without the sanitizer's own report of it.
__attribute__((no_sanitize("undefined"), noinline)) int read_null() {
  return nothing->field;
}
__attribute__((no_sanitize("undefined"), noinline)) int divide_by_zero() {
  const volatile int result = 1000 / zero;
  return result;
}

TEST(FaultGuard, NothingWrong) {
  int done = 0;
  EXPECT_EQ(run_guarded([&] { done = 1; }), Fault::None);
  EXPECT_EQ(done, 1);
}

TEST(FaultGuard, NullPointerAgainAndAgain) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(run_guarded([] { read_null(); }), Fault::NullPointer);
}

TEST(FaultGuard, DivisionByZero) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(run_guarded([] { divide_by_zero(); }), Fault::DivisionByZero);
}

TEST(FaultGuard, Nested) {
  Fault inner = Fault::None;
  const Fault outer = run_guarded([&] {
    inner = run_guarded([] { read_null(); });
    divide_by_zero();
  });
  EXPECT_EQ(inner, Fault::NullPointer);
  EXPECT_EQ(outer, Fault::DivisionByZero);
}

TEST(FaultGuard, ExceptionsPass) {
  EXPECT_THROW(run_guarded([] { throw std::runtime_error("x"); }), std::runtime_error);
  EXPECT_EQ(run_guarded([] { read_null(); }), Fault::NullPointer) << "still works afterwards";
}

TEST(FaultGuard, ThreadsAreGuardedEachOnItsOwn) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int round = 0; round < 50; ++round)
        EXPECT_EQ(run_guarded([] { read_null(); }), Fault::NullPointer);
    });
  }
}

TEST(FaultGuardDeathTest, OutsideOfTheGuardNothingChanges) {
  EXPECT_EQ(run_guarded([] {}), Fault::None);
  EXPECT_DEATH(read_null(), "");
  EXPECT_EXIT(
      {
        ::raise(SIGFPE);
        ::_exit(0);
      },
      [](int status) { return status != 0; }, "");
}

TEST(FaultGuardDeathTest, OtherAddressesKill) {
  EXPECT_DEATH(run_guarded([] { *reinterpret_cast<volatile int*>(0x7f0000000000) = 1; }), "");
}

}  // namespace
}  // namespace minerva
