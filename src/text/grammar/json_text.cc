#include "text/grammar/json_text.h"

#include <fmt/format.h>

#include "text/tokenizer/utf8_codec.h"

namespace minerva::grammar {
namespace {

const CodePointSet kNotPlain = {{0, 0x1F}, {'"', '"'}, {'\\', '\\'}};
const CodePointSet kHex = {{'0', '9'}, {'a', 'f'}, {'A', 'F'}};

// The escape of a character that JSON strings cannot hold as it is.
std::string escape_of(char32_t c) {
  switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\b':
      return "\\b";
    case '\f':
      return "\\f";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return fmt::format("\\u{:04x}", static_cast<std::uint32_t>(c));
  }
}

}  // namespace

template <class Write>
ExprId JsonText::shared(std::optional<RuleId>& rule, Write write) {
  if (!rule) {
    rule = b_.add_rule();
    b_.define(*rule, write());
  }
  return b_.rule(*rule);
}

ExprId JsonText::space() {
  constexpr std::uint32_t kIndentationMax = 20;
  return shared(space_, [&] {
    const ExprId indentation = b_.repeat(b_.one_of({{' ', ' '}, {'\t', '\t'}}), 0, kIndentationMax);
    return b_.alternatives({b_.empty(), b_.literal(" "), b_.sequence({b_.literal("\n"), indentation})});
  });
}

ExprId JsonText::comma() {
  return b_.sequence({b_.literal(","), space()});
}
ExprId JsonText::colon() {
  return b_.sequence({b_.literal(":"), space()});
}

ExprId JsonText::value() {
  return shared(value_, [&] {
    return b_.alternatives(
        {object(), array(), string(), number(), b_.literal("true"), b_.literal("false"), b_.literal("null")});
  });
}

ExprId JsonText::object() {
  return shared(object_, [&] {
    const ExprId member = b_.sequence({key(), colon(), value()});
    const ExprId members = b_.sequence({member, b_.repeat(b_.sequence({comma(), member}), 0)});
    return b_.sequence(
        {b_.literal("{"), space(), b_.optional(b_.sequence({members, space()})), b_.literal("}")});
  });
}

ExprId JsonText::array() {
  return shared(array_, [&] { return array_of({}, value(), 0, kUnbounded); });
}

ExprId JsonText::array_of(const std::vector<ExprId>& first, ExprId item, std::uint32_t min,
                          std::uint32_t max) {
  std::vector<ExprId> parts;
  for (const ExprId part : first) {
    if (!parts.empty()) parts.push_back(comma());
    parts.push_back(part);
  }
  ExprId items = 0;
  if (!first.empty()) {
    parts.push_back(b_.repeat(b_.sequence({comma(), item}), min, max));
    items = b_.sequence(parts);
  } else if (max == 0) {
    items = min == 0 ? b_.empty() : b_.nothing();
  } else {
    const ExprId more = b_.repeat(b_.sequence({comma(), item}), min == 0 ? 0 : min - 1,
                                  max == kUnbounded ? kUnbounded : max - 1);
    items = b_.sequence({item, more});
    if (min == 0) items = b_.optional(items);
  }
  return b_.sequence({b_.literal("["), space(), items, space(), b_.literal("]")});
}

ExprId JsonText::number() {
  return shared(number_, [&] {
    constexpr std::uint32_t kDigitsMax = 17;
    const ExprId digit = b_.one_of({{'0', '9'}});
    const ExprId whole = b_.alternatives(
        {b_.literal("0"), b_.sequence({b_.one_of({{'1', '9'}}), b_.repeat(digit, 0, kDigitsMax)})});
    const ExprId exponent =
        b_.sequence({b_.one_of({{'e', 'e'}, {'E', 'E'}}), b_.optional(b_.one_of({{'+', '+'}, {'-', '-'}})),
                     b_.repeat(digit, 1, 2)});
    return b_.sequence({b_.optional(b_.literal("-")), whole,
                        b_.optional(b_.sequence({b_.literal("."), b_.repeat(digit, 1, kDigitsMax)})),
                        b_.optional(exponent)});
  });
}

ExprId JsonText::integer() {
  return shared(integer_, [&] {
    const ExprId more = b_.repeat(b_.one_of({{'0', '9'}}), 0, 17);
    return b_.alternatives(
        {b_.literal("0"), b_.sequence({b_.optional(b_.literal("-")), b_.one_of({{'1', '9'}}), more})});
  });
}

// Any character of a string in any spelling; surrogates in pairs only.
ExprId JsonText::character() {
  const ExprId hex = b_.one_of(kHex);
  const auto set = [&](const char* members) {
    CodePointSet result;
    for (const char* c = members; *c != '\0'; ++c)
      result.add(static_cast<char32_t>(*c), static_cast<char32_t>(*c));
    return b_.one_of(result);
  };
  const ExprId plain = b_.sequence({set("0123456789abcefABCEF"), hex, hex, hex});
  const ExprId below = b_.sequence({set("dD"), set("01234567"), hex, hex});
  const ExprId pair = b_.sequence(
      {set("dD"), set("89abAB"), hex, hex, b_.literal("\\u"), set("dD"), set("cdefCDEF"), hex, hex});
  const ExprId escape = b_.alternatives(
      {set("\"\\/bfnrt"), b_.sequence({b_.literal("u"), b_.alternatives({plain, below, pair})})});
  return b_.alternatives({b_.one_of(kNotPlain.complement()), b_.sequence({b_.literal("\\"), escape})});
}

ExprId JsonText::quoted(ExprId value) {
  return b_.sequence({b_.literal("\""), value, b_.literal("\"")});
}

ExprId JsonText::string(std::uint32_t min, std::uint32_t max) {
  if (min > max) return b_.nothing();
  if (max == 0) return b_.literal("\"\"");
  if (max == kUnbounded && min == 0)
    return shared(string_, [&] { return quoted(b_.repeat(character(), 0)); });
  return quoted(b_.repeat(character(), min, max));
}

ExprId JsonText::literal_string(std::string_view value) {
  std::string text = "\"";
  for (std::size_t at = 0; at < value.size();) {
    const auto c = tokenizers::decode_utf8(value.data() + at);
    text += kNotPlain.contains(c.value) ? escape_of(c.value) : std::string(value.substr(at, c.length));
    at += c.length;
  }
  return b_.literal(text + "\"");
}

ExprId JsonText::key() {
  return quoted(b_.repeat(b_.one_of(kNotPlain.complement()), 1));
}

Automaton JsonText::key_values() {
  return *Automaton::repeated(kNotPlain.complement()).without(Automaton::of(""));
}

std::optional<ExprId> JsonText::string_of(const Automaton& values) {
  const auto spelled = values.respelled(escape_of, kNotPlain);
  if (!spelled) return std::nullopt;
  return quoted(automaton_expr(*spelled, b_));
}

ClassWriter JsonText::class_writer() {
  return [this](const CodePointSet& set) {
    std::vector<ExprId> alternatives = {b_.one_of(set.without(kNotPlain))};
    const CodePointSet escaped = set.intersection(kNotPlain);
    for (const auto& [first, last] : escaped.ranges())
      for (char32_t c = first; c <= last; ++c) alternatives.push_back(b_.literal(escape_of(c)));
    return b_.alternatives(alternatives);
  };
}

}  // namespace minerva::grammar
