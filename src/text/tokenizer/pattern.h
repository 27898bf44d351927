// A pattern of tokenizer.json, {"String": ...} or {"Regex": ...}: cuts a text into what matches and what
// doesn't.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "text/tokenizer/regex.h"
#include "text/tokenizer/split_scanners.h"

namespace minerva::tokenizers {

/// The error of a text that a part of the tokenizer makes too large, or works on too long.
std::unexpected<Error> too_much_text();
/// How large a chain of steps may make a text of `bytes`: far more than any real tokenizer does.
std::size_t expanded_bytes_max(std::size_t bytes) noexcept;

/// A part of a text, in bytes.
struct Segment {
  std::uint32_t begin;
  std::uint32_t end;
  bool is_match;
};

/// Immutable and thread-safe.
class Pattern {
 public:
  static Result<Pattern> literal(std::string text);
  static Result<Pattern> regex(std::string_view expression);

  /// The segments of `text` (valid UTF-8) in order, without gaps; empty matches are empty segments. Errors:
  /// as Regex::for_each_match.
  Result<void> segments(std::string_view text, const TimeBudget& budget, std::vector<Segment>& out) const;

  /// `text` with every match replaced by `content`.
  Result<std::string> replace(std::string_view text, std::string_view content,
                              const TimeBudget& budget) const;
  /// Whether nothing in `text` surely matches. Fast; false may be wrong.
  bool surely_absent(std::string_view text) const;

  /// The hand-written scanner for a well-known regex, or null.
  SplitScanner scanner() const noexcept;
  /// The literal text, or empty.
  std::string_view literal_text() const noexcept;

 private:
  using Kind = std::variant<std::string, Regex, SplitScanner>;
  explicit Pattern(Kind kind) : kind_(std::move(kind)) {}
  Kind kind_;
};

}  // namespace minerva::tokenizers
