#define PCRE2_CODE_UNIT_WIDTH 8
#include "text/tokenizer/regex.h"

#include <fmt/format.h>
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <optional>

#include "text/tokenizer/regex_syntax.h"
#include "text/tokenizer/utf8_codec.h"

namespace minerva::tokenizers {

namespace {

/// How far one search may go before the clock is looked at, in start positions.
constexpr std::size_t kWindowBytes = 256;
/// Backtracking steps for one start position: fewer on long texts, where a step can take longer.
constexpr std::uint64_t kStepBytes = 4'000'000'000;
constexpr std::uint64_t kStepsMin = 100'000;
constexpr std::uint64_t kStepsMax = 10'000'000;
constexpr std::uint32_t kHeapKibMax = 65536;
constexpr std::size_t kStackBytesMax = 1 << 20;
/// From this length on the clock is looked at inside a match, too.
constexpr std::size_t kWatchedBytes = 65536;

/// What one thread needs for matching.
struct Workspace {
  pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  pcre2_jit_stack* stack = pcre2_jit_stack_create(32768, kStackBytesMax, nullptr);

  Workspace() {
    if (context != nullptr) {
      pcre2_set_heap_limit(context, kHeapKibMax);
      if (stack != nullptr) pcre2_jit_stack_assign(context, nullptr, stack);
    }
  }
  ~Workspace() {
    pcre2_jit_stack_free(stack);
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
  }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
};

Workspace& workspace() {
  thread_local Workspace instance;
  return instance;
}

/// A callout before every item of the pattern: a positive result gives the match up.
int watch_clock(pcre2_callout_block* /*block*/, void* budget) {
  return static_cast<const TimeBudget*>(budget)->used_up() ? PCRE2_ERROR_MATCHLIMIT : 0;
}

std::unexpected<Error> too_long() {
  return invalid_request("a regular expression of the model's tokenizer takes too long on this text",
                         "Shorten the text, or check the patterns in the model's tokenizer.json: one of them "
                         "backtracks too much.");
}

struct CodeDeleter {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
using CodePointer = std::unique_ptr<pcre2_code, CodeDeleter>;

Result<CodePointer> compile_pcre2(std::string_view pattern, std::uint32_t extra_options) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  const std::unique_ptr<pcre2_compile_context, void (*)(pcre2_compile_context*)> context(
      pcre2_compile_context_create(nullptr), pcre2_compile_context_free);
  if (context == nullptr) return internal_error("PCRE2 has no memory for a compile context");
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  pcre2_set_parens_nest_limit(context.get(), 250);
  constexpr std::uint32_t kOptions = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_USE_OFFSET_LIMIT |
                                     PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_UTF_CHECK;
  CodePointer code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                 kOptions | extra_options, &error, &offset, context.get()));
  if (code == nullptr) {
    std::array<PCRE2_UCHAR, 200> message{};
    pcre2_get_error_message(error, message.data(), message.size());
    return model_loading(fmt::format("the regular expression does not compile: {}",
                                     reinterpret_cast<const char*>(message.data())),
                         "Check the pattern in tokenizer.json against Oniguruma's syntax.");
  }
  // Without the just-in-time compiler the interpreter does it: slower, the same matches.
  pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);
  return code;
}

}  // namespace

struct Regex::Code {
  CodePointer fast;
  CodePointer watched;  // looks at the clock while it matches
};

Result<Regex> Regex::compile(std::string_view pattern) {
  MINERVA_ASSIGN(const std::string translated, to_pcre2_syntax(pattern));
  auto code = std::make_shared<Code>();
  MINERVA_ASSIGN(code->fast, compile_pcre2(translated, 0));
  MINERVA_ASSIGN(code->watched, compile_pcre2(translated, PCRE2_AUTO_CALLOUT));
  return Regex(std::move(code));
}

namespace {

struct Match {
  std::size_t begin;
  std::size_t end;
};

/// The first match that begins at `from` or later.
Result<std::optional<Match>> search(const pcre2_code* code, std::string_view text, std::size_t from,
                                    const TimeBudget& budget) {
  Workspace& work = workspace();
  while (from <= text.size()) {
    const std::size_t window_end = std::min(text.size(), from + kWindowBytes);
    pcre2_set_offset_limit(work.context, window_end);
    const int result = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from,
                                   PCRE2_NO_UTF_CHECK, work.data, work.context);
    if (result >= 0) {
      const PCRE2_SIZE* offsets = pcre2_get_ovector_pointer(work.data);
      // \K can put the beginning behind the end.
      return Match{std::min(offsets[0], offsets[1]), offsets[1]};
    }
    if (result != PCRE2_ERROR_NOMATCH) return too_long();
    if (budget.used_up()) return too_long();
    if (window_end == text.size()) break;
    from = window_end + 1;
    while (from < text.size() && is_continuation(text[from])) ++from;
  }
  return std::nullopt;
}

}  // namespace

Result<void> Regex::for_each_match(std::string_view text, const TimeBudget& budget,
                                   const OnMatch& on_match) const {
  Workspace& work = workspace();
  if (work.data == nullptr || work.context == nullptr) return internal_error("PCRE2 has no memory to match");
  const auto steps = std::clamp<std::uint64_t>(kStepBytes / (text.size() + 1), kStepsMin, kStepsMax);
  pcre2_set_match_limit(work.context, static_cast<std::uint32_t>(steps));
  pcre2_set_callout(work.context, watch_clock, const_cast<TimeBudget*>(&budget));
  const pcre2_code* code = text.size() < kWatchedBytes ? code_->fast.get() : code_->watched.get();
  std::size_t position = 0;
  std::optional<std::size_t> last_end;
  for (std::size_t count = 1; position <= text.size(); ++count) {
    MINERVA_ASSIGN(const auto match, search(code, text, position, budget));
    if (!match) break;
    if (match->begin == match->end && last_end == match->end) {
      position += position < text.size() ? utf8_length(static_cast<unsigned char>(text[position])) : 1;
      continue;
    }
    // A lookbehind or \K can begin a match before the last one ended.
    if (match->begin < last_end.value_or(0)) return too_long();
    on_match(match->begin, match->end);
    position = match->end;
    last_end = match->end;
    if (count % 256 == 0 && budget.used_up()) return too_long();
  }
  return {};
}

}  // namespace minerva::tokenizers
