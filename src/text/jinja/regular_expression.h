// The few regular expressions that jinja2 and Python's library use themselves.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

namespace minerva::jinja {

class RegularExpression {
 public:
  /// `pattern` is ours and right; white space in it is ignored.
  explicit RegularExpression(std::string_view pattern);
  ~RegularExpression();
  RegularExpression(const RegularExpression&) = delete;
  RegularExpression& operator=(const RegularExpression&) = delete;

  struct Match {
    std::size_t begin;
    std::size_t end;
  };
  /// The first match at or behind `from`. Raises a limit when it takes too long.
  std::optional<Match> find(std::string_view text, std::size_t from = 0) const;
  bool matches(std::string_view text) const { return find(text).has_value(); }

 private:
  struct Code;
  std::unique_ptr<Code> code_;
};

}  // namespace minerva::jinja
