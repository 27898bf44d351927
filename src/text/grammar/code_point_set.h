// Sets of Unicode scalar values, as character classes have them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

namespace minerva::grammar {

inline constexpr char32_t kCodePointMax = 0x10FFFF;

/// Scalar values only: surrogates (U+D800 to U+DFFF) are never members, whatever is added.
class CodePointSet {
 public:
  struct Range {
    char32_t first = 0;
    char32_t last = 0;  // inclusive
    friend bool operator==(const Range&, const Range&) = default;
  };

  CodePointSet() = default;
  CodePointSet(std::initializer_list<Range> ranges) : CodePointSet(std::vector<Range>(ranges)) {}
  explicit CodePointSet(const std::vector<Range>& ranges);
  static CodePointSet all() { return {{0, kCodePointMax}}; }

  void add(char32_t first, char32_t last) { add(CodePointSet{{first, last}}); }
  void add(const CodePointSet& other);
  CodePointSet complement() const;
  CodePointSet intersection(const CodePointSet& other) const;
  CodePointSet without(const CodePointSet& other) const { return intersection(other.complement()); }

  bool empty() const noexcept { return ranges_.empty(); }
  bool contains(char32_t c) const noexcept;
  /// Sorted, apart from each other.
  const std::vector<Range>& ranges() const noexcept { return ranges_; }

  friend bool operator==(const CodePointSet&, const CodePointSet&) = default;

 private:
  void append(char32_t first, char32_t last);
  void normalize();

  std::vector<Range> ranges_;
};

}  // namespace minerva::grammar
