// Python's textwrap.wrap() of one line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace minerva::jinja {

struct WrapStyle {
  std::int64_t width = 79;
  bool breaks_long_words = true;
  bool breaks_at_hyphens = true;
};
std::vector<std::string> wrapped(std::string_view text, const WrapStyle& style);

}  // namespace minerva::jinja
