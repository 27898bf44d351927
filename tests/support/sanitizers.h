// Whether this is a sanitizer's build: several times slower, and it holds several times the memory.
#pragma once

#include <cstddef>

namespace minerva::testing {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

/// What limits of time are multiplied by.
inline constexpr int kSlowdown = kSanitized ? 4 : 1;

/// Of a long list of cases, a sanitizer's build takes every `nth`.
constexpr std::size_t stride(std::size_t nth) {
  return kSanitized ? nth : 1;
}

}  // namespace minerva::testing
