#include "text/llama_library.h"

#include <fmt/format.h>
#include <ggml.h>
#include <llama.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <new>
#include <utility>

#include "base/log.h"
#include "text/fault_guard.h"

namespace minerva {
namespace {

constexpr std::size_t kReasonBytesMax = 512;

// What guard_llama sets up on its thread.
thread_local bool is_guarded = false;
thread_local std::string* last_error = nullptr;

// Not a std::exception: libllama catches those in places, and would go on.
struct LlamaAbort {
  std::string message;
};

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  return text;
}

spdlog::level::level_enum level_of(ggml_log_level level) noexcept {
  switch (level) {
    case GGML_LOG_LEVEL_ERROR:
    case GGML_LOG_LEVEL_WARN:
    case GGML_LOG_LEVEL_INFO:
      return spdlog::level::debug;
    default:
      return spdlog::level::trace;
  }
}

void on_log(ggml_log_level level, const char* text, void* /*user_data*/) noexcept {
  try {
    const std::string_view line = trim(text == nullptr ? "" : text);
    // The first error names the cause; those after it only say that something failed.
    if (level == GGML_LOG_LEVEL_ERROR && last_error != nullptr && last_error->empty())
      last_error->assign(line.substr(0, kReasonBytesMax));
    if (level == GGML_LOG_LEVEL_CONT || !log().should_log(level_of(level))) return;
    log().log(level_of(level), "llama.cpp: {}", line);
  } catch (...) {  // NOLINT(bugprone-empty-catch): a line of log is not worth an abort
  }
}

// Called by ggml where it would abort. Throwing leaves through its frames: compilers keep unwind tables for
// C on x86-64 and aarch64.
void on_abort(const char* message) {
  if (is_guarded) throw LlamaAbort{message == nullptr ? "" : message};
  log().critical("llama.cpp aborts: {}", message == nullptr ? "" : message);
}

// "/long/path/llama-vocab.cpp:577: GGML_ASSERT(x) failed" without the path.
std::string_view without_folder(std::string_view message) {
  const std::size_t colon = message.find(':');
  const std::size_t slash = message.substr(0, colon).rfind('/');
  return slash == std::string_view::npos ? message : message.substr(slash + 1);
}

// "llama_model_load: error loading model: x" -> "x".
std::string_view without_function(std::string_view message) {
  for (const std::string_view prefix :
       {"llama_model_load: error loading model: ", "llama_init_from_model: "}) {
    if (message.starts_with(prefix)) return message.substr(prefix.size());
  }
  return message;
}

class GuardScope {
 public:
  explicit GuardScope(std::string& error)
      : was_guarded_(std::exchange(is_guarded, true)), previous_(std::exchange(last_error, &error)) {}
  ~GuardScope() {
    is_guarded = was_guarded_;
    last_error = previous_;
  }
  GuardScope(const GuardScope&) = delete;
  GuardScope& operator=(const GuardScope&) = delete;

 private:
  bool was_guarded_;
  std::string* previous_;
};

// How llama.cpp and ggml say that an allocation failed.
bool is_out_of_memory(std::string_view reason) {
  constexpr std::array<std::string_view, 5> kSigns = {"insufficient memory", "bad_alloc",
                                                      "mem_buffer != NULL", "failed to allocate",
                                                      "Cannot allocate memory"};
  return std::ranges::any_of(kSigns, [&](std::string_view sign) { return reason.contains(sign); });
}

std::unexpected<Error> failed(std::string_view what, std::string_view reason) {
  if (is_out_of_memory(reason)) {
    return fail(ErrorCode::OutOfMemory, fmt::format("llama.cpp could not {}: {}", what, reason),
                "Use a smaller context (-c N) or a smaller model, or close other programs.");
  }
  return model_loading(
      fmt::format("llama.cpp could not {}: {}", what, reason.empty() ? "it gave no reason" : reason),
      "The file may be corrupted, incomplete or made for another version: download it again, or "
      "use another quantisation of the model.");
}

}  // namespace

void start_llama_library() {
  static std::once_flag once;
  std::call_once(once, [] {
    llama_log_set(on_log, nullptr);
    ggml_set_abort_callback(on_abort);
    llama_backend_init();
  });
}

Result<void> guard_llama(std::string_view what, const std::function<bool()>& work) {
  start_llama_library();
  std::string logged;
  const GuardScope scope(logged);
  try {
    bool done = false;
    switch (run_guarded([&] { done = work(); })) {
      case Fault::None:
        break;
      case Fault::NullPointer:
        return failed(what, "a tensor or key that it needs is missing (null pointer)");
      case Fault::DivisionByZero:
        return failed(what, "a number that it divides by is 0");
    }
    if (done) return {};
    return failed(what, without_function(logged));
  } catch (const LlamaAbort& abort) {
    return failed(what, without_folder(abort.message));
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::OutOfMemory, fmt::format("llama.cpp ran out of memory when asked to {}", what),
                "Use a smaller context or a smaller model, or close other programs.");
  } catch (const std::exception& exception) {
    return failed(what, exception.what());
  }
}

}  // namespace minerva
