// Jinja templates as jinja2 3.1.6 renders them in the environment that transformers makes for chat templates:
// immutable sandbox, trim_blocks, lstrip_blocks, loop controls, {% generation %}, transformers' tojson,
// raise_exception and strftime_now. Bounded in everything, because templates come from untrusted files.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "text/jinja/failure.h"
#include "text/jinja/value.h"

namespace minerva::jinja {

/// What parsing or one rendering may use up. Exceeding one is a Failure of kind Limit that names it.
struct Limits {
  std::size_t source_bytes_max = std::size_t{512} * 1024;
  std::size_t tokens_max = 100'000;
  std::size_t nesting_max = 100;  ///< brackets and blocks open at once in the source; macros calling macros
  std::size_t chain_max = 1000;   ///< operations one inside or behind the other in one expression
  std::size_t steps_max = 1'000'000;  ///< statements, expressions, iterations, elements and characters / 64
  std::size_t output_bytes_max = std::size_t{16} * 1024 * 1024;
  std::size_t memory_bytes_max = std::size_t{128} * 1024 * 1024;  ///< values of the template alive at once
  std::size_t stack_bytes_max = std::size_t{2} * 1024 * 1024;     ///< or what is left, if that is less
  std::chrono::nanoseconds time_max = std::chrono::milliseconds(150);  ///< processor time of the thread
};

struct RenderSettings {
  /// What strftime_now() shows, as local time; the time of the call when not set.
  std::optional<std::chrono::system_clock::time_point> now = std::nullopt;
};

/// A parsed template. Immutable and thread-safe. Nothing here throws.
class Template {
 public:
  virtual ~Template() = default;

  /// `source` must be UTF-8 (else: Syntax).
  static Outcome<std::shared_ptr<const Template>> parse(std::string_view source, const Limits& limits = {});

  /// `variables` is a dict with names as keys. Not changed, so it may be shared between threads.
  virtual Outcome<std::string> render(const Value& variables, const RenderSettings& settings = {},
                                      const Limits& limits = {}) const = 0;
};

}  // namespace minerva::jinja
