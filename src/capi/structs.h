// Structs that a program passes in, which may have been compiled for an earlier or a later version.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <type_traits>

#include "base/error.h"
#include "minerva/minerva.h"

namespace minerva::capi {

/// What a struct is called, its default, and its size in the first version that had it. A field is added at
/// the end, and `first_size` stays what it was: offsetof(T, the new field). No struct may end in padding,
/// where a new field would not change the size.
template <class T>
struct StructTraits;

template <class T>
void set_up(T* to, std::size_t size) noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  if (to == nullptr || size < sizeof(std::size_t)) return;
  const T defaults = StructTraits<T>::defaults();
  std::memset(static_cast<void*>(to), 0, size);
  std::memcpy(static_cast<void*>(to), &defaults, std::min(size, sizeof(T)));
  std::memcpy(static_cast<void*>(to), &size, sizeof size);
}

/// Whether `given` was set up, and asks for nothing that this version does not know.
template <class T>
Result<void> check_struct(const T& given) {
  constexpr std::size_t kLargest = 4096;  // beyond it, nobody set the size
  const std::size_t size = given.struct_size;
  const std::string name = StructTraits<T>::name;
  if (size < StructTraits<T>::first_size || size > kLargest) {
    return invalid_request("a " + name + " was not set up: its struct_size is " + std::to_string(size),
                           "Call " + name + "_init first.");
  }
  const auto* bytes = reinterpret_cast<const unsigned char*>(&given);
  if (size > sizeof(T) && std::any_of(bytes + sizeof(T), bytes + size, [](auto b) { return b != 0; })) {
    return invalid_request(
        "a " + name + " has fields of a later version of Minerva than " + MINERVA_VERSION_STRING + " set",
        "Install a later libminerva, or leave those fields alone.");
  }
  return {};
}

/// What `given` says, with defaults for fields that it does not have. NULL: the defaults.
template <class T>
Result<T> read_struct(const T* given) {
  T read = StructTraits<T>::defaults();
  if (given == nullptr) return read;
  MINERVA_TRY(check_struct(*given));
  std::memcpy(&read, given, std::min(given->struct_size, sizeof(T)));
  return read;
}

}  // namespace minerva::capi
