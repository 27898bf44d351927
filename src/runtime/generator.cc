#include "runtime/generator.h"

#include <fmt/format.h>

#include <optional>
#include <stop_token>
#include <utility>

namespace minerva {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// Takes what comes for one request.
class Receiver {
 public:
  Receiver(Job& job, const GenerationRequest& request, const TextCallback& on_text,
           std::optional<Clock::time_point> until)
      : job_(job), request_(request), on_text_(on_text), until_(until) {
    result_.prompt_tokens.assign(job.tokens.begin(),
                                 job.tokens.begin() + static_cast<std::ptrdiff_t>(job.prompt_size));
    result_.seed = job.answer.seed();
    result_.finish_reason = FinishReason::Cancelled;
  }

  // Until the last piece, an error, or the caller has had enough.
  Result<void> run() {
    while (!request_.cancel.stop_requested() && !is_late()) {
      auto letter = job_.mailbox.take(until_);
      if (!letter || is_late()) return {};
      if (!*letter) return std::unexpected(std::move(*letter).error());
      if (!take(std::move(**letter))) return {};
    }
    return {};
  }
  bool finished() const noexcept { return finished_; }

  Generation result(Clock::time_point start) && {
    Timings& t = result_.timings;
    t.cached_tokens = job_.cached_tokens;
    const std::int64_t admitted_us = job_.admitted_us;
    const Clock::time_point admitted =
        admitted_us < 0 ? Clock::now() : job_.submitted + std::chrono::microseconds(admitted_us);
    t.queue_ms = seconds_between(start, admitted) * 1e3;
    if (!first_) return std::move(result_);
    t.ttft_ms = seconds_between(start, *first_) * 1e3;
    t.prefill_tokens = static_cast<std::uint32_t>(result_.prompt_tokens.size()) - t.cached_tokens;
    if (t.prefill_tokens > 0) t.prefill_tps = t.prefill_tokens / seconds_between(admitted, *first_);
    if (result_.tokens.size() > 1) {
      t.decode_tokens = static_cast<std::uint32_t>(result_.tokens.size()) - 1;
      t.decode_tps = t.decode_tokens / seconds_between(*first_, last_);
    }
    return std::move(result_);
  }

 private:
  bool is_late() const { return until_ && Clock::now() >= *until_; }

  // False after the last piece that is wanted.
  bool take(Mailbox::Letter letter) {
    AnswerPiece& piece = letter.piece;
    if (!first_) first_ = letter.when;
    last_ = letter.when;
    if (piece.token) result_.tokens.push_back(std::move(*piece.token));
    result_.text += piece.text;
    finished_ = piece.finish.has_value();
    const bool goes_on = piece.text.empty() || !on_text_ || on_text_(piece.text);
    if (finished_) result_.finish_reason = *piece.finish;
    return goes_on && !finished_;
  }

  Job& job_;
  const GenerationRequest& request_;
  const TextCallback& on_text_;
  std::optional<Clock::time_point> until_;
  Generation result_;
  std::optional<Clock::time_point> first_;
  Clock::time_point last_;
  bool finished_ = false;
};

}  // namespace

Result<std::optional<Clock::time_point>> deadline_of(const GenerationRequest& request,
                                                     Clock::time_point start) {
  constexpr std::chrono::hours kNever{24 * 365};  // later than that is no deadline: no sum overflows
  if (!request.deadline || *request.deadline >= kNever) return std::nullopt;
  if (request.deadline->count() < 0) {
    return invalid_request(fmt::format("a deadline of {} ms lies in the past", request.deadline->count()),
                           "Give a number of milliseconds from now, or none.");
  }
  return start + *request.deadline;
}

Generation cancelled_generation(Clock::time_point start) {
  Generation generation;
  generation.finish_reason = FinishReason::Cancelled;
  generation.timings.queue_ms = seconds_between(start, Clock::now()) * 1e3;
  return generation;
}

Result<Generation> generate(Scheduler& scheduler, const std::shared_ptr<Job>& job,
                            const GenerationRequest& request, const TextCallback& on_text,
                            Clock::time_point start) {
  MINERVA_ASSIGN(const auto until, deadline_of(request, start));
  Receiver receiver(*job, request, on_text, until);
  if (!request.cancel.stop_requested()) {
    MINERVA_TRY(scheduler.submit(job));
    const std::stop_callback on_cancel(request.cancel, [&] { job->mailbox.wake(); });
    auto received = receiver.run();
    if (!received) return std::unexpected(std::move(received).error());
    if (!receiver.finished()) scheduler.leave(job);
  }
  return std::move(receiver).result(start);
}

}  // namespace minerva
