// What was computed for each client, so that each gets an equal share.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace minerva {

/// Tokens computed. Those of answers and those of prompts cost so differently that each are shared out by
/// themselves.
struct ServedTokens {
  std::uint64_t answers = 0;
  std::uint64_t prompts = 0;
  std::uint64_t total() const noexcept { return answers + prompts; }
};

/// Not thread-safe.
class ClientShares {
 public:
  /// `client` has something to compute. It comes level with the others, but for a little that it may be
  /// behind or ahead: a client that sends its next request when it has the answer to the last loses nothing
  /// by it, and one that comes back after an hour has no claim on that hour.
  void enter(const std::string& client);
  /// `client` has nothing to compute any more.
  void leave(const std::string& client);
  void charge(const std::string& client, const ServedTokens& tokens);
  const ServedTokens& served(const std::string& client) const;

 private:
  struct Entry {
    ServedTokens served;
    bool present = false;
  };

  std::map<std::string, Entry> clients_;  // those that are present, and some that were
};

}  // namespace minerva
