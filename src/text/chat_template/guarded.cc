#include "text/chat_template/guarded.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "base/stack.h"
#include "text/chat_template/source_check.h"

namespace minerva {
namespace {

using minerva_jinja::guard;
using minerva_jinja::limit;

constexpr std::size_t kMegabyte = std::size_t{1024} * 1024;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kInstrumented = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
constexpr bool kInstrumented = true;
#else
constexpr bool kInstrumented = false;
#endif
#else
constexpr bool kInstrumented = false;
#endif
constexpr std::size_t kStackBytesMax = (kInstrumented ? 5 : 2) * kMegabyte;  // for larger frames
// Left for what the interpreter calls without a hook on the way, and for unwinding.
constexpr std::size_t kStackReserve = kMegabyte / 5;
constexpr std::size_t kMessageBytesMax = 500;
constexpr std::string_view kRaised = "Jinja Exception: ";  // prefix of raise_exception()'s messages

std::size_t stack_budget() {
  const std::size_t left = stack_bytes_left();
  if (left == 0) return kStackBytesMax / 4;
  return std::min(kStackBytesMax, left - std::min(left, kStackReserve));
}

minerva_jinja::budget budget_of(const TemplateLimits& limits) {
  minerva_jinja::budget budget;
  budget.tokens = limits.tokens_max;
  budget.nesting = limits.nesting_max;
  budget.chain = limits.chain_max;
  budget.calls = limits.nesting_max;
  budget.steps = limits.steps_max;
  // The interpreter's own bookkeeping per piece of text counts too; render() checks the prompt itself.
  budget.text_bytes = 2 * limits.output_bytes_max;
  budget.memory_bytes = limits.memory_bytes_max;
  budget.stack_bytes = stack_budget();
  budget.time_ns = std::chrono::nanoseconds(limits.time_max).count();
  return budget;
}

std::string describe(limit which, const TemplateLimits& limits) {
  switch (which) {
    case limit::tokens:
      return fmt::format("it has more than {} tokens", limits.tokens_max);
    case limit::nesting:
      return fmt::format("more than {} brackets or blocks are nested", limits.nesting_max);
    case limit::chain:
      return fmt::format("more than {} operations or elif branches hang on each other", limits.chain_max);
    case limit::calls:
      return fmt::format("macros call each other more than {} deep", limits.nesting_max);
    case limit::stack:
      return "values or expressions are nested too deeply";
    case limit::steps:
      return fmt::format("it takes more than {} steps", limits.steps_max);
    case limit::text:
      return fmt::format("it makes a text of more than {} MB", 2 * limits.output_bytes_max / kMegabyte);
    case limit::memory:
      return fmt::format("it needs more than {} MB of memory", limits.memory_bytes_max / kMegabyte);
    case limit::time:
      return fmt::format("it takes more than {} ms of processor time", limits.time_max.count());
    case limit::none:
      break;
  }
  return "it exceeds a limit";
}

/// Replaces the compiler's names of value types ("N5jinja14value_string_tE") by the template's ("string").
std::string without_mangled_names(std::string text) {
  constexpr std::string_view kStart = "value_";
  constexpr std::string_view kEnd = "_tE";
  for (std::size_t name = text.find(kStart); name != std::string::npos; name = text.find(kStart, name + 1)) {
    const std::size_t end = text.find(kEnd, name);
    const std::size_t start = text.rfind("N5jinja", name);
    if (end == std::string::npos || start == std::string::npos || name - start > 12) continue;
    std::size_t first = start;
    constexpr std::string_view kPointer = "St10shared_ptrI";
    if (first >= kPointer.size() && text.compare(first - kPointer.size(), kPointer.size(), kPointer) == 0)
      first -= kPointer.size();
    std::size_t last = end + kEnd.size();
    while (last < text.size() && text[last] == 'E') ++last;
    const std::string plain = text.substr(name + kStart.size(), end - name - kStart.size());
    text.replace(first, last - first, plain);
    name = first;
  }
  return text;
}

/// One line of readable text, cut at a character's border.
std::string tidy(std::string_view raw) {
  for (const std::string_view prefix :
       {kRaised, std::string_view("Parser Error: "), std::string_view("NotImplemented: "),
        std::string_view("parser: "), std::string_view("lexer: ")}) {
    if (raw.starts_with(prefix)) raw.remove_prefix(prefix.size());
  }
  std::string text;
  for (const char byte : raw.substr(0, kMessageBytesMax)) {
    const bool blank = static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f;
    if (!blank) {
      text += byte;
    } else if (!text.empty() && text.back() != ' ') {
      text += ' ';
    }
  }
  if (raw.size() > kMessageBytesMax) {
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80) text.pop_back();
    if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0) text.pop_back();
    text += "...";
  }
  constexpr std::string_view kGotNothing = " (Got )";
  if (text.ends_with(kGotNothing))
    text.replace(text.size() - kGotNothing.size(), kGotNothing.size(), " before the end");
  return without_mangled_names(std::move(text));
}

std::size_t line_of(std::string_view source, std::size_t position) {
  const std::string_view before = source.substr(0, std::min(position, source.size()));
  return 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
}

std::unexpected<Error> failure(TemplateStage stage, std::string message) {
  if (stage == TemplateStage::Loading)
    return model_loading(std::move(message),
                         "The template in the model's files may be damaged or written for another program. "
                         "Download the model again, or use it without its template.");
  return invalid_request(std::move(message),
                         "The fault is in the model's chat template, not in Minerva: shorten or split the "
                         "messages, or use the model without its template.");
}

std::unexpected<Error> limit_failure(const guard& state, limit which, const TemplateLimits& limits,
                                     TemplateStage stage, std::string_view source) {
  return failure(stage, fmt::format("The chat template exceeds a limit in line {}: {}.",
                                    line_of(source, state.position), describe(which, limits)));
}

std::unexpected<Error> exception_failure(const guard& state, std::string_view what, TemplateStage stage,
                                         std::string_view source) {
  // The interpreter decorates messages on their way; the guard saw the bare one, if it is the same.
  const bool seen = !state.failure.empty() && what.find(state.failure) != std::string_view::npos;
  const std::string_view message = seen ? std::string_view(state.failure) : what;
  if (message.starts_with(kRaised) && stage == TemplateStage::Rendering) {
    return invalid_request("The model's chat template rejects these messages: " + tidy(message),
                           "Change the roles, their order or the contents as the template asks.");
  }
  return failure(stage,
                 fmt::format("The chat template is wrong in line {}: {}.",
                             line_of(source, seen ? state.failure_position : state.position), tidy(message)));
}

}  // namespace

Result<void> run_guarded(const TemplateLimits& limits, TemplateStage stage, std::string_view source,
                         const std::function<void()>& work) {
  guard state(budget_of(limits), check_tokens);
  try {
    work();
  } catch (const minerva_jinja::limit_exceeded& exceeded) {
    return limit_failure(state, exceeded.which, limits, stage, source);
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::OutOfMemory, "There is not enough memory to render the chat template.",
                "Close other programs, or shorten the messages.");
  } catch (const std::exception& exception) {
    if (state.exceeded == limit::none) return exception_failure(state, exception.what(), stage, source);
  }
  if (state.exceeded != limit::none) return limit_failure(state, state.exceeded, limits, stage, source);
  return {};
}

}  // namespace minerva
