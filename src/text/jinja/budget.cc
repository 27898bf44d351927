#include "text/jinja/budget.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/stack.h"
#include "text/jinja/raise.h"

namespace minerva::jinja {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kInstrumented = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
constexpr bool kInstrumented = true;
#else
constexpr bool kInstrumented = false;
#endif
#else
constexpr bool kInstrumented = false;
#endif
constexpr std::size_t kFrameScale = kInstrumented ? 4 : 1;  // sanitizers make frames larger
/// Left for what is called without a check, and for throwing.
constexpr std::size_t kStackReserve = std::size_t{16} * 1024 * kFrameScale;
/// With less than this a shortage is the thread's, not the template's.
constexpr std::size_t kStackBytesWanted = std::size_t{1024} * 1024;
constexpr std::size_t kStepsBetweenClocks = 256;

thread_local Budget* current_budget = nullptr;

std::int64_t thread_time_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::string megabytes(std::size_t bytes) {
  constexpr std::size_t kMegabyte = std::size_t{1024} * 1024;
  return bytes >= kMegabyte ? fmt::format("{} MB", bytes / kMegabyte) : fmt::format("{} KB", bytes / 1024);
}

}  // namespace

Budget::Budget(const Limits& limits)
    : limits_(limits), end_ns_(thread_time_ns() + limits.time_max.count()), outer_(current_budget) {
  next_check_ = std::min(kStepsBetweenClocks, limits.steps_max);
  const std::size_t left = stack_bytes_left();
  const std::size_t usable = left - std::min(left, kStackReserve);
  const std::size_t wanted = limits.stack_bytes_max * kFrameScale;
  const std::size_t allowed = left == 0 ? wanted / 4 : std::min(wanted, usable);
  stack_is_short_ = allowed < std::min(wanted, kStackBytesWanted);
  stack_floor_ = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) - allowed;
  current_budget = this;
}

Budget::~Budget() {
  current_budget = outer_;
}

Budget* Budget::current() noexcept {
  return current_budget;
}

void Budget::expect(std::size_t bytes) const {
  if (bytes > limits_.memory_bytes_max || bytes_ + bytes > limits_.memory_bytes_max)
    raise_limit(fmt::format("it needs more than {} of memory", megabytes(limits_.memory_bytes_max)));
}

void Budget::check_steps() {
  if (steps_ > limits_.steps_max) raise_limit(fmt::format("it takes more than {} steps", limits_.steps_max));
  if (thread_time_ns() > end_ns_) {
    raise_limit(fmt::format("it takes more than {} ms of processor time",
                            std::chrono::duration_cast<std::chrono::milliseconds>(limits_.time_max).count()));
  }
  next_check_ = std::min(steps_ + kStepsBetweenClocks, limits_.steps_max + 1);
}

void Budget::fail_memory(std::size_t bytes) {
  bytes_ -= bytes;
  raise_limit(fmt::format("it needs more than {} of memory", megabytes(limits_.memory_bytes_max)));
}

void Budget::fail_stack() const {
  if (!stack_is_short_) raise_limit("values or expressions are nested too deeply");
  throw Raised({.kind = FailureKind::Stack,
                .type = "StackError",
                .message = "the calling thread's stack is too small to render the template",
                .line = 0});
}

void expect_bytes(std::uint64_t count, std::uint64_t bytes) {
  const Budget* budget = Budget::current();
  if (budget == nullptr) return;
  std::uint64_t all = 0;
  if (__builtin_mul_overflow(count, bytes, &all)) all = UINT64_MAX;
  budget->expect(all);
}

void raise(std::string_view type, std::string message) {
  throw Raised(
      {.kind = FailureKind::Execution, .type = std::string(type), .message = std::move(message), .line = 0});
}

void raise_syntax_error(std::string message, std::size_t line) {
  throw Raised({.kind = FailureKind::Syntax,
                .type = "TemplateSyntaxError",
                .message = std::move(message),
                .line = line});
}

void raise_limit(std::string message) {
  throw Raised({.kind = FailureKind::Limit, .type = "LimitError", .message = std::move(message), .line = 0});
}

}  // namespace minerva::jinja
