// Computes the requests of one model together: continuous batching over one context.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "backends/backend.h"
#include "runtime/compute_arbiter.h"
#include "runtime/job.h"
#include "runtime/memory_budget.h"
#include "runtime/prefix_store.h"
#include "runtime/request_queue.h"
#include "runtime/sequence_table.h"

namespace minerva {

/// Makes contexts of the size that requests need, within what memory allows.
class ContextMaker {
 public:
  virtual ~ContextMaker() = default;
  struct Size {
    std::uint32_t tokens = 0;  ///< of all sequences together
    std::uint32_t sequences = 0;
    friend bool operator==(const Size&, const Size&) = default;
  };
  /// Asks for the memory of a context of this size instead of the last one. `stop`, `waits` and errors: as in
  /// MemoryGrant::resize.
  virtual Result<void> reserve(const Size& size, const std::stop_token& stop,
                               const MemoryGrant::KeepWaiting& waits) = 0;
  /// Whether `bytes` in all may be kept beside the context: there is room for them just now.
  virtual bool may_keep(std::uint64_t bytes) = 0;
  virtual Result<std::unique_ptr<Context>> make(const Size& size) = 0;
  /// The largest sizes that may be asked for.
  virtual Size limit() const = 0;
};

struct SchedulerOptions {
  std::uint32_t queue_max = 64;
  std::uint64_t prefix_cache_bytes = 0;
};

/// One thread of its own, started with the first job, computes step after step: a row for each running
/// answer, and as much of the prompts as keeps the answers fluent. Thread-safe.
class Scheduler {
 public:
  /// References must outlive the scheduler.
  Scheduler(const Model& model, ContextMaker& maker, ComputeArbiter& arbiter,
            const SchedulerOptions& options);
  /// Ends what runs with Cancelled.
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Errors: Busy (the queue is full), OutOfMemory (no thread can be started).
  Result<void> submit(const std::shared_ptr<Job>& job);
  /// The caller wants no more of it. Its sequence is free within one decode step.
  void leave(const std::shared_ptr<Job>& job);

  std::uint32_t running() const noexcept { return running_count_.load(); }
  std::uint32_t waiting() const noexcept { return waiting_count_.load(); }
  /// Bytes of the context's cache and of what the prefix store keeps.
  std::uint64_t kv_bytes() const noexcept { return kv_bytes_.load(); }
  std::uint64_t stored_bytes() const noexcept { return stored_bytes_.load(); }

 private:
  using Clock = std::chrono::steady_clock;
  // The rows of one job in a step.
  struct Share {
    std::shared_ptr<Job> job;
    std::size_t first_row = 0;
    std::size_t rows = 0;
  };

  void work(const std::stop_token& stop);
  bool wait_for_work(std::unique_lock<std::mutex>& lock, const std::stop_token& stop);
  void publish();
  void drop_gone();

  void turn();
  void admit();
  bool admit(const std::shared_ptr<Job>& job);
  Result<void> make_room(const std::shared_ptr<Job>& job);
  Result<void> grow(const ContextMaker::Size& wanted, const MemoryGrant::KeepWaiting& waits);
  MemoryGrant::KeepWaiting while_wanted(std::shared_ptr<Job> job);
  bool is_first(const std::shared_ptr<Job>& job);
  std::shared_ptr<Job> first_of_queue();
  bool waits_for_prefix(const Job& job, Clock::time_point now) const;
  enum class LookAhead : std::uint8_t { No, Queue };
  ContextMaker::Size wanted_size(const Job& job, LookAhead ahead) const;
  Result<void> make_room_of(const ContextMaker::Size& asked);
  static std::uint64_t expected_cells(const Job& job);
  static std::unexpected<Error> out_of_room();
  bool preempt_for(const std::shared_ptr<Job>& job);
  std::shared_ptr<Job> last_of_lowest_priority() const;
  void preempt(std::shared_ptr<Job> job);

  void step();
  std::vector<Share> build_batch();
  std::vector<std::size_t> plan() const;
  std::size_t pending(const Job& job) const;
  void add_rows(const std::shared_ptr<Job>& job, std::size_t count, std::vector<Share>& shares);
  bool is_alone() const;
  bool may_be_interrupted(const std::vector<Share>& shares) const;
  std::size_t prompt_budget(std::size_t answers, std::size_t most) const;
  void measure(Clock::duration step);
  void take_results(const std::vector<Share>& shares);

  void reconcile(const std::vector<Share>& shares);
  void handle_no_slot(const Error& error);
  void handle_failure(const std::vector<Share>& shares, const Error& error);
  void lose_context(const Error& error);
  void give_up() noexcept;

  // By value: the argument may stand in running_, from which it is removed.
  void end(std::shared_ptr<Job> job);
  void end_with(std::shared_ptr<Job> job, Error error);
  void end_waiting(std::size_t most, const Error& error);
  void fail_all(const Error& error);

  const Model& model_;
  ContextMaker& maker_;
  ComputeArbiter& arbiter_;
  SchedulerOptions options_;

  mutable std::mutex mutex_;  // guards what follows, up to the empty line
  std::condition_variable_any changed_;
  RequestQueue queue_;
  std::vector<Share> computing_;  // of the running step
  std::stop_source step_stop_;
  bool interruptible_ = false;  // by a request that comes
  bool started_ = false;

  std::atomic<std::uint32_t> running_count_ = 0;
  std::atomic<std::uint32_t> waiting_count_ = 0;
  std::atomic<std::uint64_t> kv_bytes_ = 0;
  std::atomic<std::uint64_t> stored_bytes_ = 0;

  // The thread's own.
  std::stop_token stop_;
  PrefixStore store_;
  std::optional<SequenceTable> sequences_;
  ContextMaker::Size size_;
  std::vector<ContextMaker::Size> refused_;    // there was no memory for them, while the same requests ran
  std::vector<std::shared_ptr<Job>> running_;  // in order of admission
  bool full_ = false;                          // the context has no cells for more than those that run
  std::uint64_t admissions_ = 0;
  std::vector<std::shared_ptr<Job>> suspects_;  // of a step that failed: computed one by one
  std::vector<BatchRow> rows_;                  // of the step
  std::uint64_t steps_ = 0;
  std::size_t prompt_rows_ = 0;        // how many of them are of prompts
  double seconds_per_prompt_row_ = 0;  // smoothed; 0: not known yet

  std::jthread thread_;  // last: joined before the rest goes
};

}  // namespace minerva
