// What several schemas ask for at once, taken apart: unions of shapes, each without references or
// combinations.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "text/grammar/grammar_builder.h"
#include "text/grammar/json_number.h"
#include "text/grammar/schema_document.h"

namespace minerva::grammar {

/// A schema that holds, or does not hold, of a value.
struct Literal {
  const Source* source = nullptr;
  bool positive = true;
  friend auto operator<=>(const Literal&, const Literal&) = default;
};
/// All of them apply to one value.
using Node = std::vector<Literal>;

/// All that applies to one value, by the type of value that it speaks of.
struct Shape {
  /// What a schema says about members or items, and where it was met: `unevaluated...` looks at what was met
  /// within its own schema.
  struct Part {
    const Source* source = nullptr;
    std::uint32_t scope = 0;
  };
  struct Contains {
    const Source* schema = nullptr;
    std::uint32_t min = 0;
    std::uint32_t max = 0;
  };
  struct Term {
    enum class Kind : std::uint8_t { Pattern, NotPattern, Format };
    Kind kind = Kind::Pattern;
    std::string text;
    const Source* source = nullptr;
  };
  struct Scope {
    std::uint32_t parent = 0;
    Literal literal = {};
  };
  static constexpr std::uint32_t kNoScope = 0xFFFFFFFF;

  std::uint8_t types = kAllTypes;
  bool types_named = false;                      // by the schema, not only by what it denies
  std::uint8_t spoken_of = 0;                    // types that its keywords speak of
  std::optional<std::vector<Json>> values = {};  // the only ones
  std::vector<Json> denied = {};                 // values that it is not
  std::vector<Literal> literals = {};

  std::optional<Bound> low = {};
  std::optional<Bound> high = {};
  std::vector<Json> steps = {};
  std::vector<Json> denied_steps = {};

  std::uint32_t min_length = 0;
  std::uint32_t max_length = kUnbounded;
  std::vector<Term> terms = {};

  std::uint32_t min_items = 0;
  std::uint32_t max_items = kUnbounded;
  bool unique = false;
  std::vector<Part> arrays = {};
  std::vector<Contains> contains = {};

  std::uint32_t min_properties = 0;
  std::uint32_t max_properties = kUnbounded;
  std::vector<std::string> required = {};
  std::vector<std::string> forbidden = {};
  std::vector<Part> objects = {};
  std::vector<const Source*> names = {};  // schemas of all names

  std::vector<Scope> scopes = {};

  /// The types that a schema without `type` stands for are those that it speaks of.
  std::uint8_t types_meant() const noexcept {
    return types_named || spoken_of == 0 ? types : static_cast<std::uint8_t>(types & spoken_of);
  }
  bool within(std::uint32_t scope, std::uint32_t outer) const noexcept {
    // What is met on the way to denying something evaluates nothing.
    while (scope != kNoScope && scope != outer && scopes[scope].literal.positive)
      scope = scopes[scope].parent;
    return scope == outer;
  }
};

}  // namespace minerva::grammar
