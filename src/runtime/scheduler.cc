#include "runtime/scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <exception>
#include <iterator>
#include <limits>
#include <map>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "runtime/batch_plan.h"

namespace minerva {
namespace {

// A request is let in when its prompt and this much of its answer have room; it may have to give way later.
constexpr std::uint64_t kExpectedAnswer = 256;
constexpr std::uint64_t kCellsStep = 256;
// A request waits no longer than this for memory that requests to other models hold: one of them may be
// waiting for this very answer.
constexpr auto kRoomWaitMax = std::chrono::seconds(60);
// Answers, and prompts that come meanwhile, wait no longer than this for a part of somebody's prompt.
constexpr double kPromptSeconds = 0.1;
constexpr std::size_t kPromptRowsMin = 16;
constexpr std::size_t kPromptRowsAlone = 64;  // fewer at a time take longer in all
// A request waits for another that computes the same prompt when it saves so many tokens.
constexpr std::size_t kPrefixWorthWaiting = 64;

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
    job->waits_since = job->submitted;
    queue_.push(job);
    if (interruptible_) step_stop_.request_stop();
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
    } catch (...) {
      give_up();
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
    const auto job = first_of_queue();
    if (job == nullptr || !admit(job)) return;
  }
}

std::shared_ptr<Job> Scheduler::first_of_queue() {
  const auto now = Clock::now();
  const std::lock_guard lock(mutex_);
  return queue_.front([&](const Job& job) { return waits_for_prefix(job, now); });
}

// Whether somebody of no lower level is about to compute much of the job's prompt, which can then be copied.
bool Scheduler::waits_for_prefix(const Job& job, Clock::time_point now) const {
  if (!sequences_) return false;
  std::size_t there = 0;
  for (const auto& other : running_) {
    if (pending(*other) <= 1 || other->level(now) < job.level(now)) continue;
    const std::size_t common = std::min(common_prefix(other->tokens, job.tokens), job.tokens.size() - 1);
    const std::size_t computed = sequences_->held(other->sequence).size();
    if (common < computed + kPrefixWorthWaiting || !sequences_->goes_back(other->sequence)) continue;
    if (there == 0) there = sequences_->reusable(job.tokens, job.planned_length());
    if (common >= there + kPrefixWorthWaiting) return true;
  }
  return false;
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
    job->waited += Clock::now() - *std::exchange(job->waits_since, std::nullopt);
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

// For the job and those that run, and for those that are let in next, so that the context does not grow for
// each.
ContextMaker::Size Scheduler::wanted_size(const Job& job, LookAhead ahead) const {
  const ContextMaker::Size limit = maker_.limit();
  std::uint64_t cells = expected_cells(job);
  for (const auto& other : running_) cells += expected_cells(*other);
  std::size_t requests = running_.size();
  {
    const std::lock_guard lock(mutex_);
    std::size_t places =
        ahead == LookAhead::No ? 0 : limit.sequences - std::min<std::size_t>(limit.sequences, requests + 1);
    queue_.for_each([&](const Job& other) {
      if (other.gone) return;
      ++requests;
      if (&other == &job || places == 0) return;
      cells += expected_cells(other);
      --places;
    });
  }
  const auto sequences = static_cast<std::uint32_t>(std::bit_ceil(std::max<std::size_t>(requests, 1)));
  return {.tokens =
              std::max({size_.tokens, job.context_tokens,
                        static_cast<std::uint32_t>(std::min<std::uint64_t>(round_up(cells), limit.tokens))}),
          .sequences = std::max(size_.sequences, std::min(sequences, limit.sequences))};
}

// Sees to a context that has a place and cells for the job.
Result<void> Scheduler::make_room(const std::shared_ptr<Job>& job) {
  if (make_room_of(wanted_size(*job, LookAhead::Queue))) return {};
  auto made = make_room_of(wanted_size(*job, LookAhead::No));
  if (made || !running_.empty()) return made;
  // Alone it may need less.
  const ContextMaker::Size least = {.tokens = std::max(size_.tokens, job->context_tokens),
                                    .sequences = std::max(size_.sequences, 1U)};
  if (sequences_ && least == size_) return {};
  return grow(least, while_wanted(job));
}

Result<void> Scheduler::make_room_of(const ContextMaker::Size& asked) {
  ContextMaker::Size wanted = asked;
  if (sequences_ && sequences_->has_place()) wanted.sequences = size_.sequences;
  if (sequences_ && wanted == size_) return {};
  if (!running_.empty() && std::ranges::find(refused_, wanted) != refused_.end()) return out_of_room();
  auto grown = grow(wanted, {});
  if (!grown) refused_.push_back(wanted);
  return grown;
}

std::unexpected<Error> Scheduler::out_of_room() {
  return fail(ErrorCode::OutOfMemory, "there is no memory for one more request now",
              "Wait for others to end.");
}

bool Scheduler::is_first(const std::shared_ptr<Job>& job) {
  return first_of_queue() == job;
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
  const auto now = Clock::now();
  if (victim == nullptr || victim->level(now) >= job->level(now)) return false;
  preempt(victim);
  return true;
}

std::shared_ptr<Job> Scheduler::last_of_lowest_priority() const {
  const auto now = Clock::now();
  std::shared_ptr<Job> last;
  for (const auto& job : running_) {
    if (last == nullptr || job->level(now) < last->level(now) ||
        (job->level(now) == last->level(now) && job->admission > last->admission))
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
  job->waits_since = Clock::now();
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
    interruptible_ = may_be_interrupted(shares);
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
    interruptible_ = false;
  }
  if (const Error* error = model_.poisoned()) {
    fail_all(*error);
    lose_context(*error);
    return;
  }
  switch (result.status) {
    case DecodeStatus::Ok:
      measure(Clock::now() - start);
      take_results(shares);
      break;
    case DecodeStatus::Aborted:
      for (const Share& share : shares) share.job->had_company = true;
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

std::vector<Scheduler::Share> Scheduler::build_batch() {
  std::vector<Share> shares;
  prompt_rows_ = 0;
  ++steps_;
  if (!suspects_.empty()) {
    const auto& suspect = suspects_.front();
    add_rows(suspect, std::min<std::size_t>(pending(*suspect), sequences_->context().batch_tokens()), shares);
    return shares;
  }
  if (running_.size() > 1)
    for (const auto& job : running_) job->had_company = true;
  const std::vector<std::size_t> planned = plan();
  for (std::size_t i = 0; i < planned.size(); ++i) {
    if (planned[i] == 0) continue;
    if (pending(*running_[i]) > 1) prompt_rows_ += planned[i];
    add_rows(running_[i], planned[i], shares);
    running_[i]->last_row = steps_;
  }
  return shares;
}

std::vector<std::size_t> Scheduler::plan() const {
  const auto now = Clock::now();
  std::map<std::string_view, std::size_t> clients;
  std::vector<ServedTokens> served;
  std::vector<BatchCandidate> candidates;
  std::size_t answers = 0;
  for (const auto& job : running_) {
    const auto [client, is_new] = clients.try_emplace(job->client, served.size());
    if (is_new) {
      const std::lock_guard lock(mutex_);
      served.push_back(queue_.shares().served(job->client));
    }
    const std::size_t rows = pending(*job);
    answers += rows == 1 ? 1 : 0;
    candidates.push_back(
        {.pending = rows, .level = job->level(now), .client = client->second, .last_row = job->last_row});
  }
  const std::size_t most = sequences_->context().batch_tokens();
  return plan_batch(candidates, served, {.rows = most, .prompt_rows = prompt_budget(answers, most)});
}

bool Scheduler::is_alone() const {
  return running_.size() == 1 && !running_.front()->had_company;
}

// A long part of a lone prompt is begun again, once and in smaller parts, when another request comes; but not
// where all that was computed before would be lost with it.
bool Scheduler::may_be_interrupted(const std::vector<Share>& shares) const {
  if (!is_alone() || shares.empty() || shares.front().rows <= kPromptRowsAlone) return false;
  const SequenceId sequence = shares.front().job->sequence;
  return sequences_->held(sequence).empty() || sequences_->goes_back(sequence);
}

// Who is alone has the largest parts, always of the same sizes: some backends' last bits depend on them.
std::size_t Scheduler::prompt_budget(std::size_t answers, std::size_t most) const {
  if (is_alone()) return most;
  const std::size_t least = answers == 0 ? kPromptRowsAlone : kPromptRowsMin;
  if (seconds_per_prompt_row_ <= 0) return kPromptRowsAlone;
  const double rows = kPromptSeconds / seconds_per_prompt_row_;
  return static_cast<std::size_t>(
      std::clamp(rows, static_cast<double>(least), static_cast<double>(std::max(most, least))));
}

void Scheduler::measure(Clock::duration step) {
  for (const auto& job : running_)
    if (job->last_row < steps_) job->waited += step;
  if (prompt_rows_ < kPromptRowsMin) return;
  constexpr double kSmoothing = 0.3;
  const double now = std::chrono::duration<double>(step).count() / static_cast<double>(rows_.size());
  seconds_per_prompt_row_ +=
      (seconds_per_prompt_row_ > 0 ? kSmoothing : 1.0) * (now - seconds_per_prompt_row_);
}

void Scheduler::take_results(const std::vector<Share>& shares) {
  // First everything that reads the context's outputs, then what changes the context.
  std::vector<std::pair<std::shared_ptr<Job>, Result<AnswerPiece>>> ended;
  for (const Share& share : shares) {
    const auto& job = share.job;
    std::erase(suspects_, job);
    const bool answers = pending(*job) == 1;
    sequences_->extend(job->sequence,
                       std::span(job->tokens).subspan(sequences_->held(job->sequence).size(), share.rows));
    {
      const std::lock_guard lock(mutex_);
      queue_.shares().charge(job->client,
                             answers ? ServedTokens{.answers = 1} : ServedTokens{.prompts = share.rows});
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
  while (!running_.empty()) end_with(running_.back(), Error(error));
}

// After an exception: whatever it left half done goes.
void Scheduler::give_up() noexcept {
  // Where there is no memory even to say so, the words are short enough to need none.
  const auto attempt = [this](const Error& error) {
    std::size_t waiting = 0;  // not those that come when the first has its answer
    {
      const std::lock_guard lock(mutex_);
      computing_.clear();
      interruptible_ = false;
      waiting = queue_.count();
    }
    lose_context(error);
    end_waiting(waiting, error);
  };
  try {
    attempt(error_of_exception());
  } catch (...) {
    attempt({ErrorCode::OutOfMemory, "out of memory", ""});
  }
}

// ---- the end of a request

// NOLINTNEXTLINE(performance-unnecessary-value-param): see the declaration
void Scheduler::end(std::shared_ptr<Job> job) {
  if (sequences_ && job->sequence >= 0) sequences_->leave(job->sequence);
  job->sequence = -1;
  std::erase(running_, job);
  std::erase(suspects_, job);
  refused_.clear();
  full_ = false;
  const std::lock_guard lock(mutex_);
  queue_.remove(job);
  const bool runs =
      std::ranges::any_of(running_, [&](const auto& other) { return other->client == job->client; });
  if (!runs && !queue_.has(job->client)) queue_.shares().leave(job->client);
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): as above
void Scheduler::end_with(std::shared_ptr<Job> job, Error error) {
  if (sequences_ && job->sequence >= 0) sequences_->forget(job->sequence);
  end(job);
  job->mailbox.fail(std::move(error));
}

// At most so many of those that wait.
void Scheduler::end_waiting(std::size_t most, const Error& error) {
  for (; most > 0; --most) {
    std::shared_ptr<Job> job;
    {
      const std::lock_guard lock(mutex_);
      job = queue_.oldest();
    }
    if (job == nullptr) return;
    end_with(job, error);
  }
}

void Scheduler::fail_all(const Error& error) {
  while (!running_.empty()) end_with(running_.back(), error);
  end_waiting(std::numeric_limits<std::size_t>::max(), error);
}

}  // namespace minerva
