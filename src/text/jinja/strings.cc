#include "text/jinja/strings.h"

#include <algorithm>

#include "text/jinja/budget.h"
#include "text/jinja/html.h"
#include "text/jinja/object.h"
#include "text/jinja/operators.h"
#include "text/jinja/search.h"
#include "text/jinja/unicode.h"

namespace minerva::jinja {
namespace {

std::size_t previous(std::string_view text, std::size_t end) {
  do {
    --end;
  } while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80);
  return end;
}

/// Whether `most` allows no further split.
bool is_full(const std::vector<std::string_view>& parts, std::int64_t most) {
  return most >= 0 && parts.size() >= static_cast<std::size_t>(most);
}

/// Adds a part; one step.
void add(std::vector<std::string_view>& parts, std::string_view part) {
  spend(1);
  parts.push_back(part);
}

std::string_view strip_space(std::string_view text, bool left, bool right) {
  return strip(text, std::nullopt, left, right);
}

/// The first white space at or behind `from`, or the end.
std::size_t space_from(std::string_view text, std::size_t from) {
  CodePoints points(text.substr(from));
  while (!points.done()) {
    const std::size_t at = points.offset();
    if (is_space(points.next())) return from + at;
  }
  return text.size();
}

}  // namespace

std::string_view strip(std::string_view text, std::optional<std::string_view> set, bool left, bool right) {
  std::u32string characters = set ? to_code_points(*set) : std::u32string();
  spend(characters.size() / 4);
  std::ranges::sort(characters);
  std::size_t steps = 0;
  const auto goes = [&](char32_t c) {
    ++steps;
    return set ? std::ranges::binary_search(characters, c) : is_space(c);
  };
  while (left && !text.empty()) {
    CodePoints points(text);
    if (!goes(points.next())) break;
    text.remove_prefix(points.offset());
  }
  while (right && !text.empty()) {
    const std::size_t last = previous(text, text.size());
    if (!goes(CodePoints(text.substr(last)).next())) break;
    text = text.substr(0, last);
  }
  spend(steps / 16);
  return text;
}

std::optional<Part> part_of(const Value& string, const Value* start, const Value* end) {
  const std::string_view text = string.text();
  const auto length = static_cast<std::int64_t>(string_of(string).length);
  std::int64_t from = start == nullptr ? 0 : integer_argument(*start);
  std::int64_t to = end == nullptr ? length : integer_argument(*end);
  if (from < 0) from = std::max<std::int64_t>(from + length, 0);
  to = clamp_index(to, length);
  if (from > to) return std::nullopt;
  spend(text.size() / 64);
  const bool is_ascii = string_of(string).is_ascii();
  const std::size_t first =
      is_ascii ? static_cast<std::size_t>(from) : offset_of(text, static_cast<std::size_t>(from));
  const std::size_t last =
      is_ascii ? static_cast<std::size_t>(to) : offset_of(text, static_cast<std::size_t>(to));
  return Part{text.substr(first, last - first), from};
}

std::vector<std::string_view> split_space(std::string_view text, std::int64_t most) {
  std::vector<std::string_view> parts;
  text = strip_space(text, true, false);
  while (!text.empty()) {
    if (is_full(parts, most)) {
      add(parts, text);
      break;
    }
    const std::size_t end = space_from(text, 0);
    add(parts, text.substr(0, end));
    text = strip_space(text.substr(end), true, false);
  }
  return parts;
}

std::vector<std::string_view> split_space_from_end(std::string_view text, std::int64_t most) {
  std::vector<std::string_view> parts;
  text = strip_space(text, false, true);
  while (!text.empty()) {
    if (is_full(parts, most)) {
      add(parts, text);
      break;
    }
    std::size_t start = text.size();
    while (start > 0) {
      const std::size_t before = previous(text, start);
      if (is_space(CodePoints(text.substr(before)).next())) break;
      start = before;
    }
    add(parts, text.substr(start));
    text = strip_space(text.substr(0, start), false, true);
  }
  std::ranges::reverse(parts);
  return parts;
}

std::vector<std::string_view> split_at(std::string_view text, std::string_view separator, std::int64_t most) {
  std::vector<std::string_view> parts;
  std::size_t from = 0;
  while (!is_full(parts, most)) {
    const std::size_t at = find_part(text, separator, from);
    if (at == std::string_view::npos) break;
    add(parts, text.substr(from, at - from));
    from = at + separator.size();
  }
  add(parts, text.substr(from));
  return parts;
}

std::vector<std::string_view> split_at_from_end(std::string_view text, std::string_view separator,
                                                std::int64_t most) {
  std::vector<std::string_view> parts;
  const LastFinder finder(separator);
  while (!is_full(parts, most)) {
    const std::size_t at = finder.find(text);
    if (at == std::string_view::npos) break;
    add(parts, text.substr(at + separator.size()));
    text = text.substr(0, at);
  }
  add(parts, text);
  std::ranges::reverse(parts);
  return parts;
}

std::vector<std::string_view> split_lines(std::string_view text, bool keeps_ends) {
  std::vector<std::string_view> lines;
  std::size_t from = 0;
  for (CodePoints points(text); !points.done();) {
    const std::size_t end = points.offset();
    const char32_t c = points.next();
    if (!is_line_break(c)) continue;
    if (c == '\r' && points.offset() < text.size() && text[points.offset()] == '\n') points.next();
    add(lines, text.substr(from, (keeps_ends ? points.offset() : end) - from));
    from = points.offset();
  }
  if (from < text.size()) add(lines, text.substr(from));
  return lines;
}

std::string replaced(std::string_view text, std::string_view old, std::string_view with, std::int64_t most) {
  std::string out;
  std::uint64_t left = most < 0 ? UINT64_MAX : static_cast<std::uint64_t>(most);
  const auto put = [&](std::string_view piece) {
    spend(1 + piece.size() / 64);
    expect_bytes(out.size() + piece.size(), 2);
    out += piece;
  };
  std::size_t from = 0;
  if (old.empty()) {
    // Before every character and at the end.
    while (left > 0) {
      put(with);
      --left;
      if (from >= text.size()) return out;
      const std::size_t size = offset_of(text.substr(from), 1);
      out += text.substr(from, size);
      from += size;
    }
  }
  while (left > 0) {
    const std::size_t at = find_part(text, old, from);
    if (at == std::string_view::npos) break;
    put(text.substr(from, at - from));
    put(with);
    from = at + old.size();
    --left;
  }
  put(text.substr(from));
  return out;
}

std::string strip_tags(std::string_view html) {
  std::string kept;
  std::size_t from = 0;
  while (true) {
    const std::size_t start = html.find('<', from);
    if (start == std::string_view::npos) break;
    const bool is_comment = html.substr(start).starts_with("<!--");
    const std::size_t end = is_comment ? html.find("-->", start + 4) : html.find('>', start);
    if (end == std::string_view::npos) break;
    kept += html.substr(from, start - from);
    from = end + (is_comment ? 3 : 1);
  }
  kept += html.substr(from);
  std::string out;
  for (const std::string_view word : split_space(kept, -1)) {
    if (!out.empty()) out += ' ';
    out += word;
  }
  spend(html.size() / 8);
  return unescape_html(out);
}

bool is_identifier(std::string_view text) {
  CodePoints points(text);
  if (points.done() || !is_identifier_start(points.next())) return false;
  while (!points.done())
    if (!is_identifier_part(points.next())) return false;
  return true;
}

bool is_lower_text(std::string_view text) {
  bool has_lower = false;
  for (CodePoints points(text); !points.done();) {
    const char32_t c = points.next();
    if (is_upper(c) || is_title(c)) return false;
    has_lower = has_lower || is_lower(c);
  }
  return has_lower;
}

bool is_upper_text(std::string_view text) {
  bool has_upper = false;
  for (CodePoints points(text); !points.done();) {
    const char32_t c = points.next();
    if (is_lower(c) || is_title(c)) return false;
    has_upper = has_upper || is_upper(c);
  }
  return has_upper;
}

bool is_title_text(std::string_view text) {
  bool has_cased = false;
  bool in_word = false;
  for (CodePoints points(text); !points.done();) {
    const char32_t c = points.next();
    if (is_upper(c) || is_title(c)) {
      if (in_word) return false;
      in_word = has_cased = true;
    } else if (is_lower(c)) {
      if (!in_word) return false;
      has_cased = true;
    } else {
      in_word = false;
    }
  }
  return has_cased;
}

}  // namespace minerva::jinja
