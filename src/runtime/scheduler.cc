#include "runtime/scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <exception>
#include <iterator>
#include <span>
#include <system_error>
#include <utility>

namespace minerva {
namespace {

// A request is let in when its prompt and this much of its answer have room; it may have to give way later.
constexpr std::uint64_t kExpectedAnswer = 256;
constexpr std::uint64_t kCellsStep = 256;
// A request waits no longer than this for memory that requests to other models hold: one of them may be
// waiting for this very answer.
constexpr auto kRoomWaitMax = std::chrono::seconds(60);
// Answers wait no longer than this for a part of somebody's prompt.
constexpr double kPromptSeconds = 0.1;
constexpr std::size_t kPromptRowsMin = 16;
constexpr std::size_t kPromptRowsUnmeasured = 64;

std::uint32_t round_up(std::uint64_t cells) {
  return static_cast<std::uint32_t>((cells + kCellsStep - 1) / kCellsStep * kCellsStep);
}

Error closed() {
  return {ErrorCode::Cancelled, "the model was closed", "Open it again."};
}

}  // namespace

Scheduler::Scheduler(const Model& model, ContextMaker& maker, ComputeArbiter& arbiter,
                     const SchedulerOptions& options)
    : model_(model),
      maker_(maker),
      arbiter_(arbiter),
      options_(options),
      store_(options.prefix_cache_bytes, [&maker](std::uint64_t bytes) { return maker.may_keep(bytes); }) {}

Scheduler::~Scheduler() {
  thread_.request_stop();
  const std::lock_guard lock(mutex_);
  step_stop_.request_stop();
}

Result<void> Scheduler::submit(const std::shared_ptr<Job>& job) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= options_.queue_max) {
      return fail(ErrorCode::Busy, fmt::format("{} requests wait for this model already", queue_.size()),
                  "Try again in a moment, or allow a longer queue.");
    }
    job->submitted = Clock::now();
    try {
      if (!started_) thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
    } catch (const std::system_error& error) {
      return no_thread(error);
    }
    started_ = true;
    queue_.push(job);
    waiting_count_ = static_cast<std::uint32_t>(queue_.size());
  }
  changed_.notify_all();
  return {};
}

void Scheduler::leave(const std::shared_ptr<Job>& job) {
  {
    const std::lock_guard lock(mutex_);
    job->gone = true;
    // A step that is computed for nobody any more, or hardly anybody, is given up.
    std::size_t rows = 0;
    std::size_t wasted = 0;
    for (const Share& share : computing_) {
      rows += share.rows;
      if (share.job->gone) wasted += share.rows;
    }
    if (2 * wasted > rows) step_stop_.request_stop();
  }
  changed_.notify_all();
}

bool Scheduler::wait_for_work(std::unique_lock<std::mutex>& lock, const std::stop_token& stop) {
  return changed_.wait(lock, stop, [this] { return !queue_.empty() || !running_.empty(); }) &&
         !stop.stop_requested();
}

void Scheduler::work(const std::stop_token& stop) {
  stop_ = stop;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      if (!wait_for_work(lock, stop)) break;
    }
    // Nobody above could catch what is thrown here: it ends the requests, not the process.
    try {
      turn();
    } catch (const std::exception&) {
      give_up(error_of_exception());
    }
  }
  fail_all(closed());
}

void Scheduler::turn() {
  drop_gone();
  admit();
  publish();
  step();
  publish();
}

void Scheduler::publish() {
  {
    const std::lock_guard lock(mutex_);
    waiting_count_ = static_cast<std::uint32_t>(queue_.size());
  }
  running_count_ = static_cast<std::uint32_t>(running_.size());
  kv_bytes_ = sequences_ ? sequences_->context().kv_bytes() : 0;
  stored_bytes_ = store_.bytes();
}

void Scheduler::drop_gone() {
  std::vector<std::shared_ptr<Job>> gone;
  {
    const std::lock_guard lock(mutex_);
    gone = queue_.gone();
  }
  std::ranges::copy_if(running_, std::back_inserter(gone), [](const auto& job) { return job->gone.load(); });
  for (const auto& job : gone) end(job);
}

// ---- who computes

void Scheduler::admit() {
  while (true) {
    std::shared_ptr<Job> job;
    {
      const std::lock_guard lock(mutex_);
      job = queue_.front();
    }
    if (job == nullptr || !admit(job)) return;
  }
}

// False when the job has to wait.
bool Scheduler::admit(const std::shared_ptr<Job>& job) {
  const bool is_full = (full_ && !running_.empty()) || running_.size() >= maker_.limit().sequences;
  if (is_full && !preempt_for(job)) return false;
  auto room = make_room(job);
  while (!room && preempt_for(job)) room = make_room(job);
  if (!room) {
    if (!running_.empty()) return false;
    // Another that has come meanwhile goes first, and may need less.
    if (!job->gone && is_first(job)) end_with(job, room.error());
    return !job->gone;
  }
  auto placed = sequences_->place(job->tokens, job->planned_length());
  if (!placed) {
    end_with(job, placed.error());
    return true;
  }
  if (!*placed) return false;
  job->sequence = (*placed)->sequence;
  if (!std::exchange(job->admitted_before, true)) {
    job->cached_tokens = static_cast<std::uint32_t>((*placed)->kept);
    job->admitted_us =
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - job->submitted).count();
  }
  job->admission = ++admissions_;
  running_.push_back(job);
  {
    const std::lock_guard lock(mutex_);
    queue_.remove(job);
  }
  // What idle sequences hold has to go where those that run need the room.
  std::uint64_t expected = 0;
  for (const auto& other : running_) {
    expected += expected_cells(*other) - sequences_->held(other->sequence).size();
  }
  while (sequences_->cells_used() + expected > size_.tokens && sequences_->evict_one()) {
  }
  return true;
}

std::uint64_t Scheduler::expected_cells(const Job& job) {
  const std::uint64_t most = std::uint64_t{job.prompt_size} + job.max_tokens;
  return std::min(most, job.tokens.size() + kExpectedAnswer);
}

ContextMaker::Size Scheduler::wanted_size(const Job& job) {
  const ContextMaker::Size limit = maker_.limit();
  std::uint64_t cells = expected_cells(job);
  for (const auto& other : running_) cells += expected_cells(*other);
  std::size_t requests = running_.size();
  {
    const std::lock_guard lock(mutex_);
    requests += queue_.size();
  }
  const auto sequences = static_cast<std::uint32_t>(std::bit_ceil(std::max<std::size_t>(requests, 1)));
  return {.tokens =
              std::max({size_.tokens, job.context_tokens,
                        static_cast<std::uint32_t>(std::min<std::uint64_t>(round_up(cells), limit.tokens))}),
          .sequences = std::max(size_.sequences, std::min(sequences, limit.sequences))};
}

// Sees to a context that has a place and cells for the job.
Result<void> Scheduler::make_room(const std::shared_ptr<Job>& job) {
  ContextMaker::Size wanted = wanted_size(*job);
  const bool has_place = sequences_ && sequences_->has_place();
  if (has_place) wanted.sequences = size_.sequences;
  if (sequences_ && wanted == size_) return {};
  if (refused_ && *refused_ == wanted && !running_.empty()) return out_of_room();
  auto grown = grow(wanted, {});
  if (grown) return {};
  refused_ = wanted;
  if (!running_.empty()) return grown;
  // Alone it may need less.
  const ContextMaker::Size least = {.tokens = std::max(size_.tokens, job->context_tokens),
                                    .sequences = std::max(size_.sequences, 1U)};
  if (sequences_ && least == size_) return {};
  return grow(least, while_wanted(job));
}

std::unexpected<Error> Scheduler::out_of_room() {
  return fail(ErrorCode::OutOfMemory, "there is no memory for one more request now",
              "Wait for others to end.");
}

bool Scheduler::is_first(const std::shared_ptr<Job>& job) {
  const std::lock_guard lock(mutex_);
  return queue_.front() == job;
}

// For a job that runs, or is the first of those that wait: another that comes meanwhile may need less.
MemoryGrant::KeepWaiting Scheduler::while_wanted(std::shared_ptr<Job> job) {
  return [this, job = std::move(job), until = Clock::now() + kRoomWaitMax] {
    return !job->gone && (job->sequence >= 0 || is_first(job)) && Clock::now() < until;
  };
}

Result<void> Scheduler::grow(const ContextMaker::Size& wanted, const MemoryGrant::KeepWaiting& waits) {
  auto reserved = maker_.reserve(wanted, stop_, {});
  if (!reserved && store_.bytes() > 0) {
    store_.clear();
    reserved = maker_.reserve(wanted, stop_, {});
  }
  if (!reserved && waits) reserved = maker_.reserve(wanted, stop_, waits);
  MINERVA_TRY(std::move(reserved));
  const auto make = [&] { return maker_.make(wanted); };
  if (!sequences_) {
    MINERVA_ASSIGN(auto context, make());
    sequences_.emplace(std::move(context), store_);
  } else {
    const auto may_save = [this](std::uint64_t bytes) { return maker_.may_keep(store_.bytes() + bytes); };
    const auto moved = sequences_->move_to(make, may_save);
    maker_.may_keep(store_.bytes());
    if (!moved) {
      lose_context(moved.error());
      return moved;
    }
  }
  size_ = wanted;
  full_ = false;
  return {};
}

// A running request of lower priority gives way, the one that came last.
bool Scheduler::preempt_for(const std::shared_ptr<Job>& job) {
  const auto victim = last_of_lowest_priority();
  if (victim == nullptr || victim->priority >= job->priority) return false;
  preempt(victim);
  return true;
}

std::shared_ptr<Job> Scheduler::last_of_lowest_priority() const {
  std::shared_ptr<Job> last;
  for (const auto& job : running_) {
    if (last == nullptr || job->priority < last->priority ||
        (job->priority == last->priority && job->admission > last->admission))
      last = job;
  }
  return last;
}

// Back into the queue; its sequence keeps what was computed until somebody needs the room.
void Scheduler::preempt(std::shared_ptr<Job> job) {
  sequences_->leave(job->sequence);
  job->sequence = -1;
  std::erase(running_, job);
  std::erase(suspects_, job);
  const std::lock_guard lock(mutex_);
  queue_.push_front(std::move(job));
}

// ---- a step

void Scheduler::step() {
  if (running_.empty()) return;
  rows_.clear();
  const std::vector<Share> shares = build_batch();
  std::stop_token stop;
  {
    const std::lock_guard lock(mutex_);
    computing_ = shares;
    step_stop_ = {};
    if (stop_.stop_requested()) step_stop_.request_stop();
    stop = step_stop_.get_token();
  }
  Clock::time_point start;
  DecodeResult result;
  result.status = DecodeStatus::Aborted;
  if (const auto turn = arbiter_.acquire(stop)) {
    start = Clock::now();
    result = sequences_->context().decode(rows_, stop);
  }
  {
    const std::lock_guard lock(mutex_);
    computing_.clear();
  }
  if (const Error* error = model_.poisoned()) {
    fail_all(*error);
    lose_context(*error);
    return;
  }
  switch (result.status) {
    case DecodeStatus::Ok:
      measure(std::chrono::duration<double>(Clock::now() - start).count());
      take_results(shares);
      break;
    case DecodeStatus::Aborted:
      reconcile(shares);
      break;
    case DecodeStatus::NoSlot:
      reconcile(shares);
      handle_no_slot(result.error);
      break;
    case DecodeStatus::Fatal:
      handle_failure(shares, result.error);
      break;
  }
}

std::size_t Scheduler::pending(const Job& job) const {
  return job.tokens.size() - sequences_->held(job.sequence).size();
}

void Scheduler::add_rows(const std::shared_ptr<Job>& job, std::size_t count, std::vector<Share>& shares) {
  const std::size_t held = sequences_->held(job->sequence).size();
  shares.push_back({.job = job, .first_row = rows_.size(), .rows = count});
  for (std::size_t i = held; i < held + count; ++i) {
    rows_.push_back({.input = job->tokens[i],
                     .sequence = job->sequence,
                     .position = static_cast<Position>(i),
                     .output = RowOutput::None});
  }
  if (held + count == job->tokens.size()) rows_.back().output = RowOutput::Logits;
}

// A row for each answer, then prompts in the order in which they were let in.
std::vector<Scheduler::Share> Scheduler::build_batch() {
  const std::size_t most = sequences_->context().batch_tokens();
  std::vector<Share> shares;
  if (!suspects_.empty()) {
    add_rows(suspects_.front(), std::min(pending(*suspects_.front()), most), shares);
    return shares;
  }
  for (const auto& job : running_) {
    if (rows_.size() < most && pending(*job) == 1) add_rows(job, 1, shares);
  }
  std::size_t left = std::min(most - rows_.size(), prompt_budget(rows_.size(), most));
  prompt_rows_ = 0;
  for (const auto& job : running_) {
    const std::size_t count = pending(*job) > 1 ? std::min(pending(*job), left) : 0;
    if (count == 0) continue;
    add_rows(job, count, shares);
    left -= count;
    prompt_rows_ += count;
  }
  // Whoever found no room goes first next time.
  if (shares.size() < running_.size() && prompt_rows_ == 0)
    std::ranges::rotate(running_, running_.begin() + static_cast<std::ptrdiff_t>(shares.size()));
  return shares;
}

std::size_t Scheduler::prompt_budget(std::size_t answers, std::size_t most) const {
  if (answers == 0) return most;
  if (seconds_per_prompt_row_ <= 0) return kPromptRowsUnmeasured;
  const double rows = kPromptSeconds / seconds_per_prompt_row_;
  return static_cast<std::size_t>(std::clamp(rows, static_cast<double>(kPromptRowsMin),
                                             static_cast<double>(std::max(most, kPromptRowsMin))));
}

void Scheduler::measure(double seconds) {
  if (prompt_rows_ < kPromptRowsMin) return;
  constexpr double kSmoothing = 0.3;
  const double now = seconds / static_cast<double>(rows_.size());
  seconds_per_prompt_row_ +=
      (seconds_per_prompt_row_ > 0 ? kSmoothing : 1.0) * (now - seconds_per_prompt_row_);
}

void Scheduler::take_results(const std::vector<Share>& shares) {
  // First everything that reads the context's outputs, then what changes the context.
  std::vector<std::pair<std::shared_ptr<Job>, Result<AnswerPiece>>> ended;
  for (const Share& share : shares) {
    const auto& job = share.job;
    std::erase(suspects_, job);
    sequences_->extend(job->sequence,
                       std::span(job->tokens).subspan(sequences_->held(job->sequence).size(), share.rows));
    {
      const std::lock_guard lock(mutex_);
      queue_.charge(job->client, share.rows);
    }
    if (pending(*job) > 0) continue;
    auto piece = job->answer.next(sequences_->context().outputs(share.first_row + share.rows - 1));
    if (!piece) {
      ended.emplace_back(job, std::move(piece));
      continue;
    }
    const bool prompt_done = job->tokens.size() == job->prompt_size;
    if (piece->token) job->tokens.push_back(piece->token->id);
    if (piece->finish) {
      ended.emplace_back(job, std::move(piece));
    } else {
      job->mailbox.put(std::move(*piece));
    }
    if (prompt_done) sequences_->save_if_it_cannot_go_back(job->sequence);
  }
  // Whoever has the last piece finds the request's place free.
  for (auto& [job, piece] : ended) {
    if (!piece) {
      end_with(job, std::move(piece).error());
      continue;
    }
    end(job);
    running_count_ = static_cast<std::uint32_t>(running_.size());
    job->mailbox.put(std::move(*piece));
  }
}

// ---- when it does not go well

void Scheduler::reconcile(const std::vector<Share>& shares) {
  for (const Share& share : shares) sequences_->reconcile(share.job->sequence);
}

// The context is full: idle sequences make room first, then it grows, then somebody has to wait.
void Scheduler::handle_no_slot(const Error& error) {
  if (sequences_->evict_one()) return;
  const std::uint32_t limit = maker_.limit().tokens;
  if (size_.tokens < limit) {
    const auto larger =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(std::uint64_t{size_.tokens} * 2, limit));
    const auto waits = running_.size() == 1 ? while_wanted(running_.front()) : MemoryGrant::KeepWaiting();
    if (grow({.tokens = larger, .sequences = size_.sequences}, waits) || !sequences_) return;
  }
  if (running_.size() > 1) {
    // What it held is saved and given up; nobody comes in before one of the others has ended.
    preempt(last_of_lowest_priority());
    sequences_->evict_one();
    full_ = true;
  } else {
    end_with(running_.front(), Error(error));
  }
}

// One request may be the reason: each of them is tried alone, and the one that fails then is the one that
// fails.
void Scheduler::handle_failure(const std::vector<Share>& shares, const Error& error) {
  if (shares.size() > 1) {
    reconcile(shares);
    for (const Share& share : shares) suspects_.push_back(share.job);
    return;
  }
  end_with(shares.front().job, Error(error));
  // A context of which nobody knows what it holds.
  if (error.code == ErrorCode::Internal || error.code == ErrorCode::ModelLoading) {
    while (!running_.empty()) preempt(running_.back());
    suspects_.clear();
    sequences_.reset();
    size_ = {};
  }
}

void Scheduler::lose_context(const Error& error) {
  sequences_.reset();
  store_.clear();
  size_ = {};
  for (const auto& job : std::vector(running_)) end_with(job, Error(error));
}

// After an exception: whatever it left half done goes.
void Scheduler::give_up(const Error& error) {
  std::vector<std::shared_ptr<Job>> waiting;  // not those that come when the first has its answer
  {
    const std::lock_guard lock(mutex_);
    computing_.clear();
    waiting = queue_.all();
  }
  lose_context(error);
  for (const auto& job : waiting) end_with(job, Error(error));
}

// ---- the end of a request

// NOLINTNEXTLINE(performance-unnecessary-value-param): see the declaration
void Scheduler::end(std::shared_ptr<Job> job) {
  if (sequences_ && job->sequence >= 0) sequences_->leave(job->sequence);
  job->sequence = -1;
  std::erase(running_, job);
  std::erase(suspects_, job);
  refused_.reset();
  full_ = false;
  const std::lock_guard lock(mutex_);
  queue_.remove(job);
  const bool runs =
      std::ranges::any_of(running_, [&](const auto& other) { return other->client == job->client; });
  if (!runs && !queue_.has(job->client)) queue_.forget(job->client);
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): as above
void Scheduler::end_with(std::shared_ptr<Job> job, Error error) {
  if (sequences_ && job->sequence >= 0) sequences_->forget(job->sequence);
  end(job);
  job->mailbox.fail(std::move(error));
}

void Scheduler::fail_all(const Error& error) {
  while (!running_.empty()) end_with(running_.back(), error);
  while (true) {
    std::shared_ptr<Job> job;
    {
      const std::lock_guard lock(mutex_);
      job = queue_.front();
    }
    if (job == nullptr) return;
    end_with(job, error);
  }
}

}  // namespace minerva
