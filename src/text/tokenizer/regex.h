// Regular expressions of untrusted files, run by PCRE2's just-in-time compiler within limits.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace minerva::tokenizers {

/// When work on one text has to end.
struct TimeBudget {
  std::chrono::steady_clock::time_point end;
  /// Ten seconds from now: a text of megabytes needs less than one.
  static TimeBudget start() { return {std::chrono::steady_clock::now() + std::chrono::seconds(10)}; }
  bool used_up() const { return std::chrono::steady_clock::now() > end; }
};

/// Immutable and thread-safe.
class Regex {
 public:
  /// `pattern` in Oniguruma's syntax. Errors: ModelLoading, without the file's name.
  static Result<Regex> compile(std::string_view pattern);

  /// Called with the begin and end of each match.
  using OnMatch = std::function<void(std::size_t, std::size_t)>;
  /// All matches in `text` (valid UTF-8), from left to right, none overlapping, as Oniguruma's find_iter
  /// gives them: no empty match right after a match. Errors: InvalidRequest when it takes too long or too
  /// much memory.
  Result<void> for_each_match(std::string_view text, const TimeBudget& budget, const OnMatch& on_match) const;

 private:
  struct Code;
  explicit Regex(std::shared_ptr<const Code> code) : code_(std::move(code)) {}
  std::shared_ptr<const Code> code_;
};

}  // namespace minerva::tokenizers
