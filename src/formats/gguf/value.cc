#include "formats/gguf/value.h"

#include <fmt/format.h>

#include <array>

namespace minerva::gguf {
namespace {

struct Traits {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array<Traits, kValueTypeCount> kTraits = {{
    {"u8", 1},
    {"i8", 1},
    {"u16", 2},
    {"i16", 2},
    {"u32", 4},
    {"i32", 4},
    {"f32", 4},
    {"bool", 1},
    {"string", 0},
    {"array", 0},
    {"u64", 8},
    {"i64", 8},
    {"f64", 8},
}};

}  // namespace

std::string_view value_type_name(ValueType type) noexcept {
  const auto index = static_cast<std::size_t>(type);
  return index < kTraits.size() ? kTraits[index].name : "unknown";
}

std::uint64_t value_type_bytes(ValueType type) noexcept {
  const auto index = static_cast<std::size_t>(type);
  return index < kTraits.size() ? kTraits[index].bytes : 0;
}

std::string describe_type(const KeyValue& entry) {
  if (const auto* array = std::get_if<ArrayInfo>(&entry.value)) {
    return fmt::format("array of {}", value_type_name(array->element));
  }
  return std::string(value_type_name(entry.type));
}

}  // namespace minerva::gguf
