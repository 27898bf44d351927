#include "base/stack.h"

#include <pthread.h>

#include <cstdint>

namespace minerva {
namespace {

/// The lowest address of this thread's stack, or 0.
std::uintptr_t lowest_address() noexcept {
#if defined(__APPLE__)
  const auto* top = static_cast<const char*>(pthread_get_stackaddr_np(pthread_self()));
  return reinterpret_cast<std::uintptr_t>(top) - pthread_get_stacksize_np(pthread_self());
#else
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return 0;
  void* address = nullptr;
  std::size_t size = 0;
  const bool known = pthread_attr_getstack(&attributes, &address, &size) == 0;
  pthread_attr_destroy(&attributes);
  return known ? reinterpret_cast<std::uintptr_t>(address) : 0;
#endif
}

}  // namespace

std::size_t stack_bytes_left() noexcept {
  thread_local const std::uintptr_t lowest = lowest_address();
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  return lowest != 0 && here > lowest ? here - lowest : 0;
}

}  // namespace minerva
