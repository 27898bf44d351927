// What Python's str does with texts; shared by its methods and jinja2's filters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/value.h"

namespace minerva::jinja {

/// Without the characters of `set` (white space where there is none) at its ends.
std::string_view strip(std::string_view text, std::optional<std::string_view> set, bool left, bool right);

/// The part of a text between two positions, each possibly null; nothing where the start is behind the end.
struct Part {
  std::string_view text;
  std::int64_t start = 0;  ///< in code points
};
std::optional<Part> part_of(const Value& string, const Value* start, const Value* end);

// At most `most` splits; all where that is negative.
std::vector<std::string_view> split_space(std::string_view text, std::int64_t most);
std::vector<std::string_view> split_space_from_end(std::string_view text, std::int64_t most);
std::vector<std::string_view> split_at(std::string_view text, std::string_view separator, std::int64_t most);
std::vector<std::string_view> split_at_from_end(std::string_view text, std::string_view separator,
                                                std::int64_t most);
std::vector<std::string_view> split_lines(std::string_view text, bool keeps_ends);

/// At most `most` replacements; all where that is negative.
std::string replaced(std::string_view text, std::string_view old, std::string_view with, std::int64_t most);

/// Markup.striptags().
std::string strip_tags(std::string_view html);

bool is_identifier(std::string_view text);
bool is_lower_text(std::string_view text);
bool is_upper_text(std::string_view text);
bool is_title_text(std::string_view text);

}  // namespace minerva::jinja
