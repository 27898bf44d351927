// A template's source as tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/value.h"

namespace minerva::jinja {

enum class TokenType : std::uint8_t {
  Data,
  VariableBegin,
  VariableEnd,
  BlockBegin,
  BlockEnd,
  Name,
  String,
  Integer,
  Float,
  Operator,
  End,
};

struct Token {
  TokenType type = TokenType::End;
  std::uint32_t line = 1;
  std::string text;  ///< of Data, Name and String what it means; of Operator the symbol
  Value number;      ///< of Integer and Float
};

/// Throws what is wrong with the source, and for more than `tokens_max` tokens.
std::vector<Token> tokenize(std::string_view source, std::size_t tokens_max);

/// As jinja2 names a token in its messages.
std::string describe(const Token& token);
/// The same for what was expected: an operator, "name", "end of statement block" …
std::string describe_symbol(std::string_view symbol);

}  // namespace minerva::jinja
