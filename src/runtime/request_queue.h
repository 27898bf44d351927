// Requests that wait for a place: by priority, then in equal shares for each client, then in order of
// arrival.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/job.h"

namespace minerva {

/// Not thread-safe: the scheduler locks it.
class RequestQueue {
 public:
  void push(std::shared_ptr<Job> job);
  /// Back to where it was: it ran and had to give way.
  void push_front(std::shared_ptr<Job> job);
  /// The one whose turn it is; null when nobody waits.
  std::shared_ptr<Job> front() const;
  void remove(const std::shared_ptr<Job>& job);
  /// The jobs whose callers have left.
  std::vector<std::shared_ptr<Job>> gone() const;
  std::vector<std::shared_ptr<Job>> all() const { return {jobs_.begin(), jobs_.end()}; }

  /// Jobs whose callers wait.
  std::size_t size() const noexcept;
  bool empty() const noexcept { return jobs_.empty(); }

  /// Tokens were computed for `client`: others come first now.
  void charge(const std::string& client, std::uint64_t tokens);
  /// `client` has nothing running or waiting any more: what it used is forgotten.
  void forget(const std::string& client);
  bool has(const std::string& client) const;

 private:
  std::uint64_t served(const std::string& client) const;
  void enter(const std::string& client);

  std::list<std::shared_ptr<Job>> jobs_;         // in order of arrival
  std::map<std::string, std::uint64_t> served_;  // of clients that are here or were charged lately
};

}  // namespace minerva
