// What can go wrong with a template.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>

namespace minerva::jinja {

enum class FailureKind : std::uint8_t {
  Syntax,     ///< the source is no Jinja template
  Raised,     ///< the template called raise_exception(): `message` is its own words
  Execution,  ///< what Python or jinja2 would raise: an undefined or wrong value, a refused access
  Limit,      ///< a bound of Limits; `message` names it
  Memory,     ///< the process has no more
  Stack,      ///< the calling thread's stack is too small; not the template's fault
};

struct Failure {
  FailureKind kind = FailureKind::Execution;
  std::string type;     ///< jinja2's or Python's name: "TemplateSyntaxError", "UndefinedError", "TypeError" …
  std::string message;  ///< jinja2's or Python's words, without the type; may hold any text of the values
  std::size_t line = 0;  ///< of the source, from 1; 0 where unknown
};

template <class T>
using Outcome = std::expected<T, Failure>;

}  // namespace minerva::jinja
