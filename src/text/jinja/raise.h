// How the interpreter reports errors to itself. Nothing of this leaves the module.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include "text/jinja/failure.h"

namespace minerva::jinja {

/// Carries a Failure to Template::parse() or render().
class Raised final : public std::exception {
 public:
  explicit Raised(Failure what) noexcept : failure(std::move(what)) {}
  const char* what() const noexcept override { return failure.message.c_str(); }
  Failure failure;
};

/// Throws a Failure of kind Execution with one of Python's or jinja2's types.
[[noreturn]] void raise(std::string_view type, std::string message);
[[noreturn]] inline void raise_type_error(std::string message) {
  raise("TypeError", std::move(message));
}
[[noreturn]] inline void raise_value_error(std::string message) {
  raise("ValueError", std::move(message));
}
[[noreturn]] void raise_syntax_error(std::string message, std::size_t line);
[[noreturn]] void raise_limit(std::string message);

}  // namespace minerva::jinja
