// The values a GGUF key can have.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace minerva::gguf {

/// The numbers stand in files.
enum class ValueType : std::uint32_t {
  U8 = 0,
  I8 = 1,
  U16 = 2,
  I16 = 3,
  U32 = 4,
  I32 = 5,
  F32 = 6,
  Bool = 7,
  String = 8,
  Array = 9,
  U64 = 10,
  I64 = 11,
  F64 = 12,
};
inline constexpr std::uint32_t kValueTypeCount = 13;

/// "u32", "string", "array" ...
std::string_view value_type_name(ValueType type) noexcept;
/// Bytes of one value; 0 for strings and arrays.
std::uint64_t value_type_bytes(ValueType type) noexcept;

/// The ValueType that stores exactly a T.
template <class T>
  requires std::is_arithmetic_v<T>
constexpr ValueType value_type_of() noexcept {
  if constexpr (std::is_same_v<T, bool>) {
    return ValueType::Bool;
  } else if constexpr (std::is_floating_point_v<T>) {
    return sizeof(T) == 4 ? ValueType::F32 : ValueType::F64;
  } else {
    switch (sizeof(T)) {
      case 1:
        return std::is_signed_v<T> ? ValueType::I8 : ValueType::U8;
      case 2:
        return std::is_signed_v<T> ? ValueType::I16 : ValueType::U16;
      case 4:
        return std::is_signed_v<T> ? ValueType::I32 : ValueType::U32;
      default:
        return std::is_signed_v<T> ? ValueType::I64 : ValueType::U64;
    }
  }
}

/// An array that stays in the file until someone asks for its elements.
struct ArrayInfo {
  ValueType element = ValueType::U8;
  std::uint64_t count = 0;
  std::uint64_t offset = 0;  ///< of the first element, from the start of the file
  std::uint64_t bytes = 0;   ///< of all elements; for strings their lengths included
};

/// A long string that stays in the file.
struct LazyString {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

/// One key-value. Integers are widened to 64 bits of their signedness, F32 to double.
struct KeyValue {
  std::string key;
  ValueType type = ValueType::U8;
  std::variant<std::uint64_t, std::int64_t, double, bool, std::string, LazyString, ArrayInfo> value;
};

/// What `entry` is, for messages: "u32", "array of string".
std::string describe_type(const KeyValue& entry);

}  // namespace minerva::gguf
