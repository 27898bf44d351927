// A request's way through the scheduler, seen from the thread that called.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "base/error.h"
#include "minerva/generation.h"
#include "runtime/scheduler.h"

namespace minerva {

/// When a request that was made at `start` must have ended; absent: never. Errors: InvalidRequest.
Result<std::optional<std::chrono::steady_clock::time_point>> deadline_of(
    const GenerationRequest& request, std::chrono::steady_clock::time_point start);

/// What a request that was made at `start` gets when it ends before anything was computed for it.
Generation cancelled_generation(std::chrono::steady_clock::time_point start);

/// Submits `job` and hands its text to `on_text` as it comes, on this thread. What was handed over before the
/// request was cancelled, the receiver had enough or the deadline passed is what the result holds. `start`:
/// when the request was made. Errors: Busy, and what the computation gives.
Result<Generation> generate(Scheduler& scheduler, const std::shared_ptr<Job>& job,
                            const GenerationRequest& request, const TextCallback& on_text,
                            std::chrono::steady_clock::time_point start);

}  // namespace minerva
