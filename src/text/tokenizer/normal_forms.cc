#include "text/tokenizer/normal_forms.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <unordered_set>
#include <utility>
#include <vector>

#include "text/tokenizer/unicode_tables.h"
#include "text/tokenizer/utf8_codec.h"

namespace minerva::tokenizers {

namespace {

constexpr char32_t kHangulFirst = 0xAC00;
constexpr char32_t kHangulLast = 0xD7A3;
constexpr char32_t kLeading = 0x1100;
constexpr char32_t kVowel = 0x1161;
constexpr char32_t kTrailing = 0x11A7;
constexpr char32_t kLeadingCount = 19;
constexpr char32_t kVowelCount = 21;
constexpr char32_t kTrailingCount = 28;

struct Element {
  char32_t c;
  std::uint8_t combining;  // canonical combining class
};

std::uint8_t combining_class(char32_t c) {
  if (c < 0x300 || is_after_unicode9(c)) return 0;
  return static_cast<std::uint8_t>(utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class);
}

void append_decomposed(std::vector<Element>& out, char32_t c, bool compatibility) {
  if (c < 0x80 || is_after_unicode9(c)) {
    out.push_back({c, 0});
    return;
  }
  // The longest decomposition in Unicode has 18 characters.
  std::array<utf8proc_int32_t, 32> parts{};
  int boundclass = 0;
  const int options = UTF8PROC_DECOMPOSE | (compatibility ? UTF8PROC_COMPAT : 0);
  const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts.data(), parts.size(),
                                             static_cast<utf8proc_option_t>(options), &boundclass);
  if (count <= 0 || static_cast<std::size_t>(count) > parts.size()) {
    out.push_back({c, combining_class(c)});
    return;
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const auto part = static_cast<char32_t>(parts[i]);
    out.push_back({part, combining_class(part)});
  }
}

/// Sorts a run of marks by class, equal ones staying in order. A hostile text may be one long run.
void sort_marks(std::span<Element> marks) {
  constexpr std::size_t kFew = 16;
  if (marks.size() <= kFew) {
    for (std::size_t i = 1; i < marks.size(); ++i) {
      for (std::size_t j = i; j > 0 && marks[j - 1].combining > marks[j].combining; --j) {
        std::swap(marks[j - 1], marks[j]);
      }
    }
    return;
  }
  std::array<std::size_t, 257> begins{};  // of each class in the result
  for (const Element& mark : marks) ++begins[mark.combining + std::size_t{1}];
  for (std::size_t i = 1; i < begins.size(); ++i) begins[i] += begins[i - 1];
  const std::vector<Element> unsorted(marks.begin(), marks.end());
  for (const Element& mark : unsorted) marks[begins[mark.combining]++] = mark;
}

/// Canonical ordering: marks between two starters sorted by class.
void order(std::vector<Element>& elements) {
  for (auto begin = elements.begin(); begin != elements.end();) {
    begin = std::find_if(begin, elements.end(), [](const Element& e) { return e.combining != 0; });
    const auto end = std::find_if(begin, elements.end(), [](const Element& e) { return e.combining == 0; });
    sort_marks(std::span(begin, end));
    begin = end;
  }
}

/// The one character that a and b compose to, or 0.
char32_t compose_pair(char32_t a, char32_t b) {
  if (a >= kLeading && a < kLeading + kLeadingCount && b >= kVowel && b < kVowel + kVowelCount) {
    return kHangulFirst + ((a - kLeading) * kVowelCount + (b - kVowel)) * kTrailingCount;
  }
  if (a >= kHangulFirst && a <= kHangulLast && (a - kHangulFirst) % kTrailingCount == 0 && b > kTrailing &&
      b < kTrailing + kTrailingCount) {
    return a + (b - kTrailing);
  }
  if (b < 0x300) return 0;
  // utf8proc composes only whole sequences: two characters, and one comes back if they compose.
  std::array<utf8proc_int32_t, 4> pair = {static_cast<utf8proc_int32_t>(a), static_cast<utf8proc_int32_t>(b),
                                          0, 0};
  constexpr int kOptions = UTF8PROC_COMPOSE | UTF8PROC_STABLE;
  const auto count = utf8proc_normalize_utf32(pair.data(), 2, static_cast<utf8proc_option_t>(kOptions));
  if (count != 1) return 0;
  const auto composed = static_cast<char32_t>(pair[0]);
  return is_after_unicode9(composed) ? 0 : composed;
}

void compose(std::vector<Element>& elements) {
  std::size_t kept = 0;
  std::size_t starter = SIZE_MAX;
  for (const Element element : elements) {
    if (starter != SIZE_MAX) {
      const bool adjacent = kept == starter + 1;
      // Blocked when a mark of the same or a higher class stands between.
      const bool blocked = !adjacent && elements[kept - 1].combining >= element.combining;
      if (!blocked) {
        if (const char32_t composed = compose_pair(elements[starter].c, element.c); composed != 0) {
          elements[starter].c = composed;
          continue;
        }
      }
    }
    if (element.combining == 0) starter = kept;
    elements[kept++] = element;
  }
  elements.resize(kept);
}

bool is_conjoining_jamo(char32_t c) {
  return (c >= kVowel && c < kVowel + kVowelCount) || (c > kTrailing && c < kTrailing + kTrailingCount);
}

std::uint8_t form_bit(NormalForm form) {
  return static_cast<std::uint8_t>(1U << ((form.compatibility ? 2U : 0U) + (form.compose ? 1U : 0U)));
}

/// A bit for each form: alone the character is in that form, and it neither moves nor joins what stands
/// before.
CodePointTable make_stable_table() {
  std::unordered_set<char32_t> joining;  // starters and marks that end a composed character
  for (char32_t c = 0xC0; c < 0x30000; ++c) {
    const auto* property = utf8proc_get_property(static_cast<utf8proc_int32_t>(c));
    if (property->decomp_seqindex == UINT16_MAX || property->decomp_type != 0) continue;
    std::vector<Element> parts;
    append_decomposed(parts, c, false);
    for (std::size_t i = 1; i < parts.size(); ++i) joining.insert(parts[i].c);
  }
  return CodePointTable([&](char32_t c) -> std::uint8_t {
    constexpr std::uint8_t kAll = 0x0F;
    if (c < 0x80) return kAll;
    if (combining_class(c) != 0 || is_conjoining_jamo(c) || joining.contains(c)) return 0;
    if (c >= kHangulFirst && c <= kHangulLast) return form_bit({false, true}) | form_bit({true, true});
    if (utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->decomp_seqindex == UINT16_MAX) return kAll;
    std::string alone;
    append_utf8(alone, c);
    std::uint8_t bits = 0;
    for (const bool compatibility : {false, true}) {
      for (const bool composed : {false, true}) {
        const NormalForm form{compatibility, composed};
        if (normalize(alone, form) == alone) bits |= form_bit(form);
      }
    }
    return bits;
  });
}

}  // namespace

bool surely_normal(std::string_view text, NormalForm form) {
  static const CodePointTable stable = make_stable_table();
  const std::uint8_t bit = form_bit(form);
  for (std::size_t i = 0; i < text.size();) {
    if (static_cast<unsigned char>(text[i]) < 0x80) {
      ++i;
      continue;
    }
    const CodePoint c = decode_utf8(text.data() + i);
    if ((stable[c.value] & bit) == 0) return false;
    i += c.length;
  }
  return true;
}

std::string normalize(std::string_view text, NormalForm form) {
  std::vector<Element> elements;
  elements.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint c = decode_utf8(text.data() + i);
    append_decomposed(elements, c.value, form.compatibility);
    i += c.length;
  }
  order(elements);
  if (form.compose) compose(elements);
  std::string out;
  out.reserve(text.size());
  for (const Element& element : elements) append_utf8(out, element.c);
  return out;
}

}  // namespace minerva::tokenizers
