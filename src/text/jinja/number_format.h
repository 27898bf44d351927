// Numbers as printf and Python's format() write them, and their place in a width.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "text/jinja/big_integer.h"

namespace minerva::jinja {

/// Digits of a number, the sign apart.
struct Digits {
  bool is_negative = false;
  std::string prefix;  ///< "0x" …
  std::string text;
};
/// `type`: one of d, b, o, x, X; `alternate` adds the prefix.
Digits integer_digits(const BigInteger& number, char type, bool alternate);
/// `type`: one of e, E, f, F, g, G, %.
Digits float_digits(double number, char type, std::int64_t precision, bool alternate);

/// Refuses widths and precisions that are larger than any text may be.
void check_width(std::int64_t width);

/// A text in a width of code points.
struct Alignment {
  std::string fill = " ";
  char side = '<';  ///< < > ^ or = (between sign and digits)
  std::int64_t width = 0;
};
std::string aligned(std::string_view text, const Alignment& alignment);
/// The same for a number with its sign: `sign` is '-', '+' or ' '. `grouping` is ',', '_' or none.
std::string aligned(const Digits& digits, const Alignment& alignment, char sign, char grouping = '\0',
                    std::size_t group_size = 3);

}  // namespace minerva::jinja
