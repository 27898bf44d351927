#define PCRE2_CODE_UNIT_WIDTH 8
#include "text/tokenizer/regex_classes.h"

#include <fmt/format.h>
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "text/tokenizer/unicode_data.h"
#include "text/tokenizer/unicode_tables.h"
#include "text/tokenizer/utf8_codec.h"

namespace minerva::tokenizers {

namespace {

constexpr int kNestingMax = 16;
constexpr const char* kRemedy = "Check the pattern in tokenizer.json against Oniguruma's syntax.";

constexpr std::string_view kSpaceItems =
    "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{"
    "3000}";
/// Alphabetic symbols.
constexpr std::string_view kOtherWordItems =
    "\\x{24b6}-\\x{24e9}\\x{1f130}-\\x{1f149}\\x{1f150}-\\x{1f169}\\x{1f170}-\\x{1f189}";
constexpr std::string_view kLatinWordItems = "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}";

struct NamedCategory {
  std::string_view short_name;
  std::string_view long_name;  // lower case, letters only
  CategorySet set;
};
constexpr CategorySet kSymbols = set_of(kSm) | set_of(kSc) | set_of(kSk) | set_of(kSo);
constexpr CategorySet kCased = set_of(kLu) | set_of(kLl) | set_of(kLt);
constexpr std::array<NamedCategory, 36> kCategories = {{
    {"L", "letter", kLetters},
    {"L&", "casedletter", kCased},
    {"Lu", "uppercaseletter", set_of(kLu)},
    {"Ll", "lowercaseletter", set_of(kLl)},
    {"Lt", "titlecaseletter", set_of(kLt)},
    {"Lm", "modifierletter", set_of(kLm)},
    {"Lo", "otherletter", set_of(kLo)},
    {"M", "mark", kMarks},
    {"Mn", "nonspacingmark", set_of(kMn)},
    {"Mc", "spacingmark", set_of(kMc)},
    {"Me", "enclosingmark", set_of(kMe)},
    {"N", "number", kNumbers},
    {"Nd", "decimalnumber", set_of(kNd)},
    {"Nl", "letternumber", set_of(kNl)},
    {"No", "othernumber", set_of(kNo)},
    {"P", "punctuation", kPunctuation},
    {"Pc", "connectorpunctuation", set_of(kPc)},
    {"Pd", "dashpunctuation", set_of(kPd)},
    {"Ps", "openpunctuation", set_of(kPs)},
    {"Pe", "closepunctuation", set_of(kPe)},
    {"Pi", "initialpunctuation", set_of(kPi)},
    {"Pf", "finalpunctuation", set_of(kPf)},
    {"Po", "otherpunctuation", set_of(kPo)},
    {"S", "symbol", kSymbols},
    {"Sm", "mathsymbol", set_of(kSm)},
    {"Sc", "currencysymbol", set_of(kSc)},
    {"Sk", "modifiersymbol", set_of(kSk)},
    {"So", "othersymbol", set_of(kSo)},
    {"Z", "separator", 0},
    {"Zs", "spaceseparator", 0},
    {"Zl", "lineseparator", 0},
    {"Zp", "paragraphseparator", 0},
    {"C", "other", 0},
    {"Cc", "control", 0},
    {"Cf", "format", 0},
    {"Co", "privateuse", 0},
}};

/// Items for a category: PCRE2's own property and what newer versions of Unicode added to it.
std::string category_items(const NamedCategory& category) {
  std::string items = fmt::format("\\p{{{}}}", category.short_name);
  for (const CategoryRange& range : kNewerCategories) {
    if (contains(category.set, range.category)) {
      items += fmt::format("\\x{{{:x}}}-\\x{{{:x}}}", static_cast<std::uint32_t>(range.first),
                           static_cast<std::uint32_t>(range.last));
    }
  }
  return items;
}

std::string items_of(std::string_view short_name) {
  const auto* found =
      std::ranges::find_if(kCategories, [&](const NamedCategory& c) { return c.short_name == short_name; });
  return found == kCategories.end() ? std::string() : category_items(*found);
}

std::string word_items() {
  return items_of("L") + items_of("M") + items_of("Nd") + "\\p{Nl}\\p{Pc}" + std::string(kOtherWordItems);
}

/// POSIX names; empty when it is none.
std::string posix_items(std::string_view name) {
  if (name == "alnum") return items_of("L") + items_of("M") + items_of("Nd") + "\\p{Nl}\\x{24b6}-\\x{24e9}";
  if (name == "alpha" || name == "alphabetic") return "\\p{Alphabetic}";
  if (name == "ascii") return "\\x{0}-\\x{7f}";
  if (name == "blank") return "\\p{Zs}\\x{9}";
  if (name == "cntrl") return "\\p{Cc}";
  if (name == "digit") return items_of("Nd");
  if (name == "lower" || name == "lowercase") return "\\p{Lowercase}";
  if (name == "upper" || name == "uppercase") return "\\p{Uppercase}";
  if (name == "punct") return items_of("P") + items_of("S");
  if (name == "space" || name == "whitespace") return std::string(kSpaceItems);
  if (name == "word") return word_items();
  if (name == "xdigit") return "0-9A-Fa-f";
  if (name == "any") return "\\x{0}-\\x{10ffff}";
  return {};
}

/// Lower case, without spaces, hyphens and underscores.
std::string loose(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c != ' ' && c != '-' && c != '_')
      out.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  }
  return out;
}

bool is_script(const std::string& name) {
  const std::string pattern = fmt::format("\\p{{sc:{}}}", name);
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), PCRE2_UTF,
                                   &error, &offset, nullptr);
  pcre2_code_free(code);
  return code != nullptr;
}

void add_member(CharacterSet& set, CharacterSet member) {
  const bool plain = !member.negated && member.members.empty() && member.others.empty();
  if (plain) {
    set.items += member.items;
  } else {
    set.members.push_back(std::move(member));
  }
}

std::optional<char32_t> hex_value(std::string_view digits) {
  if (digits.empty() || digits.size() > 8) return std::nullopt;
  char32_t value = 0;
  for (const char digit : digits) {
    if (std::isxdigit(static_cast<unsigned char>(digit)) == 0) return std::nullopt;
    const char32_t nibble =
        digit <= '9' ? static_cast<char32_t>(digit - '0') : static_cast<char32_t>((digit | 0x20) - 'a' + 10);
    value = (value << 4U) | nibble;
  }
  if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return std::nullopt;
  return value;
}

std::unexpected<Error> bad(std::string what) {
  return model_loading(std::move(what), kRemedy);
}

}  // namespace

std::string to_expression(const CharacterSet& set) {
  std::string united;
  if (set.members.empty()) {
    if (set.others.empty()) {
      // An empty class matches nothing.
      if (set.items.empty()) return set.negated ? "(?s:.)" : "(?!)";
      return (set.negated ? "[^" : "[") + set.items + "]";
    }
    united = set.items.empty() ? "(?!)" : "[" + set.items + "]";
  } else {
    united = "(?:";
    if (!set.items.empty()) united += "[" + set.items + "]|";
    for (const CharacterSet& member : set.members) united += to_expression(member) + "|";
    united.back() = ')';
  }
  std::string conditions;
  for (const CharacterSet& other : set.others) conditions += "(?=" + to_expression(other) + ")";
  if (set.negated) return "(?:(?!" + conditions + united + ")(?s:.))";
  return conditions.empty() ? united : "(?:" + conditions + united + ")";
}

std::optional<CharacterSet> shorthand_set(char letter, bool in_class) {
  CharacterSet set;
  set.negated = letter >= 'A' && letter <= 'Z';
  switch (letter | 0x20) {
    case 'd':
      set.items = items_of("Nd");
      return set;
    case 's':
      set.items = kSpaceItems;
      return set;
    case 'w':
      set.items = word_items();
      if (!in_class) set.items += kLatinWordItems;
      return set;
    case 'h':
      set.items = "0-9A-Fa-f";
      return set;
    default:
      return std::nullopt;
  }
}

Result<CharacterSet> property_set(std::string_view name, bool negated) {
  CharacterSet set;
  set.negated = negated;
  if (name.starts_with('^')) {
    set.negated = !negated;
    name.remove_prefix(1);
  }
  const std::string plain = loose(name);
  const bool is_name = !plain.empty() && std::ranges::all_of(plain, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '&';
  });
  if (!is_name) return bad(fmt::format("\\p{{{}}} names no property", name));
  set.items = posix_items(plain);
  for (const NamedCategory& category : kCategories) {
    if (plain == category.long_name || plain == loose(category.short_name))
      set.items = category_items(category);
  }
  // A script (and not also what Script_Extensions says), another property, or a name that PCRE2 will refuse.
  if (set.items.empty()) set.items = fmt::format("\\p{{{}{}}}", is_script(plain) ? "sc:" : "", plain);
  return set;
}

std::string literal_character(char32_t c) {
  if (c < 0x80 && std::isalnum(static_cast<int>(c)) == 0) {
    return fmt::format("\\x{{{:x}}}", static_cast<std::uint32_t>(c));
  }
  std::string out;
  append_utf8(out, c);
  return out;
}

std::optional<std::string_view> parse_braced(std::string_view pattern, std::size_t& position) {
  if (position >= pattern.size() || pattern[position] != '{') return std::nullopt;
  const std::size_t end = pattern.find('}', position);
  if (end == std::string_view::npos || end - position > 64) return std::nullopt;
  const auto name = pattern.substr(position + 1, end - position - 1);
  position = end + 1;
  return name;
}

std::optional<char32_t> parse_character_escape(std::string_view pattern, std::size_t& position) {
  if (position + 1 >= pattern.size()) return std::nullopt;
  const char letter = pattern[position + 1];
  constexpr std::array<std::pair<char, char32_t>, 7> kControls = {
      {{'t', 0x09}, {'n', 0x0A}, {'v', 0x0B}, {'f', 0x0C}, {'r', 0x0D}, {'a', 0x07}, {'e', 0x1B}}};
  for (const auto& [name, value] : kControls) {
    if (letter == name) {
      position += 2;
      return value;
    }
  }
  if (letter == 'x' || letter == 'u') {
    std::size_t end = position + 2;
    std::optional<std::string_view> digits = letter == 'x' ? parse_braced(pattern, end) : std::nullopt;
    if (!digits) {
      std::size_t count = 0;
      const std::size_t count_max = letter == 'x' ? 2 : 4;
      while (count < count_max && end + count < pattern.size() &&
             std::isxdigit(static_cast<unsigned char>(pattern[end + count])) != 0) {
        ++count;
      }
      digits = pattern.substr(end, count);
      end += count;
    }
    const auto value = hex_value(*digits);
    if (value) position = end;
    return value;
  }
  if (letter == '0') {
    char32_t value = 0;
    std::size_t end = position + 1;
    for (std::size_t count = 0;
         count < 3 && end < pattern.size() && pattern[end] >= '0' && pattern[end] <= '7'; ++count) {
      value = value * 8 + static_cast<char32_t>(pattern[end++] - '0');
    }
    position = end;
    return value;
  }
  const CodePoint c = decode_utf8(pattern.data() + position + 1);
  if (c.value < 0x80 && std::isalnum(static_cast<int>(c.value)) != 0) return std::nullopt;
  position += 1 + c.length;
  return c.value;
}

namespace {

/// One end of a range: a plain or escaped character. Nothing, and no move, for anything else.
std::optional<char32_t> parse_class_character(std::string_view pattern, std::size_t& position) {
  if (pattern[position] == '\\') {
    if (position + 1 < pattern.size() && pattern[position + 1] == 'b') {
      position += 2;
      return 0x08;
    }
    return parse_character_escape(pattern, position);
  }
  const CodePoint c = decode_utf8(pattern.data() + position);
  position += c.length;
  return c.value;
}

/// `\d`, `\p{L}` ... in a class; `position` is at the backslash.
Result<CharacterSet> parse_class_escape(std::string_view pattern, std::size_t& position) {
  if (position + 1 >= pattern.size()) return bad("a pattern ends with a backslash");
  const char letter = pattern[position + 1];
  if (auto set = shorthand_set(letter, /*in_class=*/true)) {
    position += 2;
    return std::move(*set);
  }
  if (letter == 'p' || letter == 'P') {
    std::size_t end = position + 2;
    const auto name = parse_braced(pattern, end);
    if (!name) return bad("\\p needs a name in braces");
    position = end;
    return property_set(*name, letter == 'P');
  }
  return bad(fmt::format("the escape \\{} can't stand in a class", letter));
}

Result<void> parse_class_item(std::string_view pattern, std::size_t& position, CharacterSet& operand,
                              int depth) {
  if (pattern[position] == '[') {
    if (pattern.substr(position, 2) == "[:") {
      const std::size_t end = pattern.find(":]", position + 2);
      if (end != std::string_view::npos && end - position < 24) {
        const auto name = pattern.substr(position + 2, end - position - 2);
        MINERVA_ASSIGN(CharacterSet posix, property_set(name, false));
        position = end + 2;
        add_member(operand, std::move(posix));
        return {};
      }
    }
    MINERVA_ASSIGN(CharacterSet nested, parse_class(pattern, position, depth + 1));
    add_member(operand, std::move(nested));
    return {};
  }
  const auto first = parse_class_character(pattern, position);
  if (!first) {
    MINERVA_ASSIGN(CharacterSet member, parse_class_escape(pattern, position));
    add_member(operand, std::move(member));
    return {};
  }
  const bool range = position + 1 < pattern.size() && pattern[position] == '-' &&
                     pattern[position + 1] != ']' && pattern[position + 1] != '[';
  operand.items += literal_character(*first);
  if (!range) return {};
  std::size_t after = position + 1;
  const auto last = parse_class_character(pattern, after);
  if (!last) return {};  // the hyphen is a literal: "[a-\d]"
  if (*last < *first) return bad("a class has a range whose end comes before its beginning");
  operand.items += "-" + literal_character(*last);
  position = after;
  return {};
}

}  // namespace

Result<CharacterSet> parse_class(std::string_view pattern, std::size_t& position, int depth) {
  if (depth > kNestingMax) return bad("classes are nested too deeply");
  CharacterSet result;
  std::vector<CharacterSet> operands(1);
  ++position;
  if (position < pattern.size() && pattern[position] == '^') {
    result.negated = true;
    ++position;
  }
  bool at_start = true;  // a "]" that comes first is a literal
  while (position < pattern.size()) {
    if (pattern[position] == ']' && !at_start) {
      ++position;
      if (operands.size() == 1) {
        result.items = std::move(operands[0].items);
        result.members = std::move(operands[0].members);
      } else {
        result.members.push_back(std::move(operands[0]));
        result.others.assign(std::make_move_iterator(operands.begin() + 1),
                             std::make_move_iterator(operands.end()));
      }
      return result;
    }
    at_start = false;
    if (pattern.substr(position, 2) == "&&") {
      operands.emplace_back();
      position += 2;
      continue;
    }
    MINERVA_TRY(parse_class_item(pattern, position, operands.back(), depth));
  }
  return bad("a class lacks its \"]\"");
}

}  // namespace minerva::tokenizers
