// The line at the bottom of a terminal that says what is going on, and goes when it is over.
#pragma once

#include <chrono>
#include <string>

namespace minerva::cli {

/// What takes less time is not spoken of.
inline constexpr std::chrono::milliseconds kStatusAfter{300};

/// Draws `line` over the last one, on standard error. It must fit the terminal's width.
void draw_status(const std::string& line);
void clear_status();

}  // namespace minerva::cli
