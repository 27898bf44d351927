// str.isalpha() and its siblings.
#include <array>

#include "text/jinja/budget.h"
#include "text/jinja/call_arguments.h"
#include "text/jinja/methods.h"
#include "text/jinja/strings.h"
#include "text/jinja/unicode.h"

namespace minerva::jinja {
namespace {

template <bool (*Holds)(char32_t) noexcept>
Value all(Interpreter& /*interpreter*/, const Value& self, const Arguments& arguments) {
  const Parameters given("str method", arguments, {}, 0);
  spend(self.text().size() / 16);
  for (CodePoints points(self.text()); !points.done();)
    if (!Holds(points.next())) return false;
  return !self.text().empty();
}

bool is_ascii(char32_t c) noexcept {
  return c < 0x80;
}

/// True of an empty text too.
template <bool (*Holds)(char32_t) noexcept>
Value all_or_none(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  return self.text().empty() ? Value(true) : all<Holds>(interpreter, self, arguments);
}

template <bool (*Holds)(std::string_view)>
Value whole(Interpreter& /*interpreter*/, const Value& self, const Arguments& arguments) {
  const Parameters given("str method", arguments, {}, 0);
  spend(self.text().size() / 16);
  return Holds(self.text());
}

constexpr std::array<Method, 12> kMethods = {{
    {"isalnum", all<is_alnum>},
    {"isalpha", all<is_alpha>},
    {"isascii", all_or_none<is_ascii>},
    {"isdecimal", all<is_decimal>},
    {"isdigit", all<is_digit>},
    {"isidentifier", whole<is_identifier>},
    {"islower", whole<is_lower_text>},
    {"isnumeric", all<is_numeric>},
    {"isprintable", all_or_none<is_printable>},
    {"isspace", all<is_space>},
    {"istitle", whole<is_title_text>},
    {"isupper", whole<is_upper_text>},
}};

}  // namespace

std::span<const Method> string_test_methods() {
  return kMethods;
}

}  // namespace minerva::jinja
