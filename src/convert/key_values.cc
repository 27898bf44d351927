#include "convert/key_values.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "formats/gguf/value.h"

namespace minerva::convert {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF is written as it lies in memory");

using gguf::ValueType;

template <class T>
void put(std::string& out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

void put_type(std::string& out, ValueType type) {
  put(out, static_cast<std::uint32_t>(type));
}

void put_string(std::string& out, std::string_view text) {
  put(out, static_cast<std::uint64_t>(text.size()));
  out += text;
}

/// Writes type and value.
struct Writer {
  std::string& out;

  template <class T>
  void operator()(T value) const {
    put_type(out, gguf::value_type_of<T>());
    if constexpr (std::is_same_v<T, bool>) {
      put(out, static_cast<std::uint8_t>(value));
    } else {
      put(out, value);
    }
  }
  void operator()(const std::string& value) const {
    put_type(out, ValueType::String);
    put_string(out, value);
  }
  void operator()(const std::vector<std::string>& values) const {
    array(ValueType::String, values.size());
    for (const std::string& value : values) put_string(out, value);
  }
  void operator()(const std::vector<bool>& values) const {
    array(ValueType::Bool, values.size());
    for (const bool value : values) put(out, static_cast<std::uint8_t>(value));
  }
  template <class T>
  void operator()(const std::vector<T>& values) const {
    array(gguf::value_type_of<T>(), values.size());
    for (const T value : values) put(out, value);
  }
  void array(ValueType element, std::size_t count) const {
    put_type(out, ValueType::Array);
    put_type(out, element);
    put(out, static_cast<std::uint64_t>(count));
  }
};

}  // namespace

void KeyValues::set(std::string key, GgufValue value) {
  const auto found = std::ranges::find(entries_, key, &std::pair<std::string, GgufValue>::first);
  if (found != entries_.end()) {
    found->second = std::move(value);
  } else {
    entries_.emplace_back(std::move(key), std::move(value));
  }
}

std::string KeyValues::serialised() const {
  std::string out;
  for (const auto& [key, value] : entries_) {
    put_string(out, key);
    std::visit(Writer{out}, value);
  }
  return out;
}

}  // namespace minerva::convert
