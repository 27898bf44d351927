#include "text/jinja/template.h"

#include <fmt/format.h>

#include <exception>
#include <new>
#include <utility>

#include "text/jinja/budget.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/parser.h"
#include "text/jinja/raise.h"
#include "text/jinja/scopes.h"
#include "text/utf8.h"

namespace minerva::jinja {
namespace {

/// In a catch block: what was thrown, at `line` where it doesn't know better.
Failure current_failure(std::size_t line) {
  try {
    throw;
  } catch (Raised& raised) {
    if (raised.failure.line == 0) raised.failure.line = line;
    return std::move(raised.failure);
  } catch (const std::bad_alloc&) {
    return {.kind = FailureKind::Memory, .type = "MemoryError", .message = {}, .line = line};
  } catch (const std::exception& exception) {
    return {
        .kind = FailureKind::Execution, .type = "RuntimeError", .message = exception.what(), .line = line};
  }
}

class ParsedTemplate final : public Template {
 public:
  explicit ParsedTemplate(std::unique_ptr<const Program> program) : program_(std::move(program)) {}

  Outcome<std::string> render(const Value& variables, const RenderSettings& settings,
                              const Limits& limits) const override {
    if (!variables.is_dict()) {
      return std::unexpected(Failure{.kind = FailureKind::Execution,
                                     .type = "TypeError",
                                     .message = "the variables are no dict",
                                     .line = 0});
    }
    Budget budget(limits);
    Interpreter interpreter(*program_, variables, settings, budget);
    try {
      return interpreter.run();
    } catch (...) {
      return std::unexpected(current_failure(interpreter.line()));
    }
  }

 private:
  std::unique_ptr<const Program> program_;
};

}  // namespace

Outcome<std::shared_ptr<const Template>> Template::parse(std::string_view source, const Limits& limits) {
  try {
    if (source.size() > limits.source_bytes_max)
      raise_limit(fmt::format("it is longer than {} KB", limits.source_bytes_max / 1024));
    if (!is_valid_utf8(source)) raise_syntax_error("the template is not valid UTF-8", 0);
    const Budget budget(limits);
    std::unique_ptr<Program> program = parse_program(source, limits);
    resolve_scopes(*program);
    return std::make_shared<ParsedTemplate>(std::move(program));
  } catch (...) {
    return std::unexpected(current_failure(0));
  }
}

}  // namespace minerva::jinja
