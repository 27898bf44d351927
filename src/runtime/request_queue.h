// Requests that wait for a place: by priority, then in equal shares for each client, then in order of
// arrival.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "runtime/client_shares.h"
#include "runtime/job.h"

namespace minerva {

/// Not thread-safe: the scheduler locks it.
class RequestQueue {
 public:
  void push(std::shared_ptr<Job> job);
  /// Back to where it was: it ran and had to give way.
  void push_front(std::shared_ptr<Job> job);
  using Passed = std::function<bool(const Job&)>;
  /// The one whose turn it is among those that are not `passed` over; null when there is none.
  std::shared_ptr<Job> front(const Passed& passed = nullptr) const;
  void remove(const std::shared_ptr<Job>& job);
  /// The jobs whose callers have left.
  std::vector<std::shared_ptr<Job>> gone() const;
  /// The one that came first; null when nobody waits.
  std::shared_ptr<Job> oldest() const { return jobs_.empty() ? nullptr : jobs_.front(); }
  void for_each(const std::function<void(const Job&)>& visit) const {
    for (const auto& job : jobs_) visit(*job);
  }
  /// How many there are, those whose callers have left among them.
  std::size_t count() const noexcept { return jobs_.size(); }

  /// Jobs whose callers wait.
  std::size_t size() const noexcept;
  bool empty() const noexcept { return jobs_.empty(); }

  bool has(const std::string& client) const;

  /// Of the clients of those that wait or run.
  ClientShares& shares() noexcept { return shares_; }
  const ClientShares& shares() const noexcept { return shares_; }

 private:
  std::list<std::shared_ptr<Job>> jobs_;  // in order of arrival
  ClientShares shares_;
};

}  // namespace minerva
