#include "base/growing_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <limits>

// ThreadSanitizer does not see that a mapping moved, and takes what lay at its new place before for its past.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MINERVA_COPIES_MAPPINGS
#endif
#endif
#if defined(__SANITIZE_THREAD__) || !defined(MREMAP_MAYMOVE)
#define MINERVA_COPIES_MAPPINGS
#endif

namespace minerva {
namespace {

void* map(std::size_t bytes) noexcept {
  return ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

// MAP_FAILED when there is no memory.
void* remap(std::byte* data, std::size_t from, std::size_t to) noexcept {
#ifndef MINERVA_COPIES_MAPPINGS
  return ::mremap(data, from, to, MREMAP_MAYMOVE);
#else
  void* const larger = map(to);
  if (larger == MAP_FAILED) return larger;
  std::memcpy(larger, data, from);
  ::munmap(data, from);
  return larger;
#endif
}

}  // namespace

bool GrowingMemory::grow(std::size_t bytes) noexcept {
  if (bytes <= capacity_) return true;
  const auto page = static_cast<std::size_t>(::getpagesize());
  if (bytes > std::numeric_limits<std::size_t>::max() - page) return false;
  const std::size_t rounded = (bytes + page - 1) / page * page;
  void* const larger = data_ == nullptr ? map(rounded) : remap(data_, capacity_, rounded);
  if (larger == MAP_FAILED) return false;
  data_ = static_cast<std::byte*>(larger);
  capacity_ = rounded;
  return true;
}

void GrowingMemory::clear() noexcept {
  if (data_ != nullptr) ::munmap(data_, capacity_);
  data_ = nullptr;
  capacity_ = 0;
}

}  // namespace minerva
