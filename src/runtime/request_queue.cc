#include "runtime/request_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace minerva {

std::uint64_t RequestQueue::served(const std::string& client) const {
  const auto found = served_.find(client);
  return found == served_.end() ? 0 : found->second;
}

// A client that comes has no claim on the time before: it starts level with the one that was served least.
void RequestQueue::enter(const std::string& client) {
  if (served_.contains(client)) return;
  std::uint64_t least = 0;
  if (!served_.empty()) {
    const auto by_tokens = [](const auto& a, const auto& b) { return a.second < b.second; };
    least = std::ranges::min_element(served_, by_tokens)->second;
  }
  served_.emplace(client, least);
}

void RequestQueue::push(std::shared_ptr<Job> job) {
  enter(job->client);
  jobs_.push_back(std::move(job));
}

void RequestQueue::push_front(std::shared_ptr<Job> job) {
  enter(job->client);
  jobs_.push_front(std::move(job));
}

std::shared_ptr<Job> RequestQueue::front() const {
  const auto goes_first = [&](const std::shared_ptr<Job>& a, const std::shared_ptr<Job>& b) {
    if (a->priority != b->priority) return a->priority > b->priority;
    return served(a->client) < served(b->client);
  };
  const auto first = std::ranges::min_element(jobs_, goes_first);  // the earliest of equals
  return first == jobs_.end() ? nullptr : *first;
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

void RequestQueue::charge(const std::string& client, std::uint64_t tokens) {
  enter(client);
  served_[client] += tokens;
}

bool RequestQueue::has(const std::string& client) const {
  return std::ranges::any_of(jobs_, [&](const auto& job) { return job->client == client; });
}

void RequestQueue::forget(const std::string& client) {
  served_.erase(client);
}

}  // namespace minerva
