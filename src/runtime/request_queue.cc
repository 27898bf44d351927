#include "runtime/request_queue.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace minerva {

void RequestQueue::push(std::shared_ptr<Job> job) {
  shares_.enter(job->client);
  jobs_.push_back(std::move(job));
}

void RequestQueue::push_front(std::shared_ptr<Job> job) {
  shares_.enter(job->client);
  jobs_.push_front(std::move(job));
}

std::shared_ptr<Job> RequestQueue::front(const Passed& passed) const {
  const auto now = std::chrono::steady_clock::now();
  const auto goes_first = [&](const std::shared_ptr<Job>& a, const std::shared_ptr<Job>& b) {
    if (a->level(now) != b->level(now)) return a->level(now) > b->level(now);
    return shares_.served(a->client).total() < shares_.served(b->client).total();
  };
  std::vector<std::shared_ptr<Job>> left;
  std::ranges::copy_if(jobs_, std::back_inserter(left),
                       [&](const auto& job) { return !passed || !passed(*job); });
  const auto first = std::ranges::min_element(left, goes_first);  // the earliest of equals
  return first == left.end() ? nullptr : *first;
}

void RequestQueue::remove(const std::shared_ptr<Job>& job) {
  jobs_.remove(job);
}

std::vector<std::shared_ptr<Job>> RequestQueue::gone() const {
  std::vector<std::shared_ptr<Job>> found;
  std::ranges::copy_if(jobs_, std::back_inserter(found), [](const auto& job) { return job->gone.load(); });
  return found;
}

std::size_t RequestQueue::size() const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(jobs_, [](const auto& job) { return !job->gone; }));
}

bool RequestQueue::has(const std::string& client) const {
  return std::ranges::any_of(jobs_, [&](const auto& job) { return job->client == client; });
}

}  // namespace minerva
