#include "formats/gguf/metadata.h"

#include <fmt/format.h>

#include <cstring>
#include <span>
#include <utility>

#include "formats/quote.h"

namespace minerva::gguf {
namespace {

constexpr const char* kBadMetadata =
    "The file was written by a faulty converter, or is damaged: download it again, or get the model from "
    "another "
    "publisher.";

/// The widened form that KeyValue::value has for a T.
template <class T>
using Stored = std::conditional_t<
    std::is_same_v<T, bool>, bool,
    std::conditional_t<std::is_floating_point_v<T>, double,
                       std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>>>;

}  // namespace

bool Metadata::add(KeyValue entry) {
  if (!index_.emplace(entry.key, entries_.size()).second) return false;
  entries_.push_back(std::move(entry));
  return true;
}

const KeyValue* Metadata::find(std::string_view key) const noexcept {
  const auto found = index_.find(key);
  return found == index_.end() ? nullptr : &entries_[found->second];
}

std::unexpected<Error> Metadata::wrong_type(const KeyValue& entry, std::string_view expected) const {
  return model_loading(fmt::format("'{}': key {} has type {}, expected {}", file_name(), quoted(entry.key),
                                   describe_type(entry), expected),
                       kBadMetadata);
}

std::unexpected<Error> Metadata::missing(std::string_view key, std::string_view expected) const {
  return model_loading(fmt::format("'{}': key {} (type {}) is missing", file_name(), quoted(key), expected),
                       kBadMetadata);
}

template <class T>
  requires std::is_arithmetic_v<T>
Result<std::optional<T>> Metadata::get(std::string_view key) const {
  const KeyValue* entry = find(key);
  if (entry == nullptr) return std::nullopt;
  if (entry->type != value_type_of<T>()) return wrong_type(*entry, value_type_name(value_type_of<T>()));
  return static_cast<T>(std::get<Stored<T>>(entry->value));
}

template <class T>
  requires std::is_arithmetic_v<T>
Result<T> Metadata::require(std::string_view key) const {
  MINERVA_ASSIGN(const std::optional<T> value, get<T>(key));
  if (!value) return missing(key, value_type_name(value_type_of<T>()));
  return *value;
}

#define MINERVA_GGUF_GETTERS(T)                                                   \
  template Result<std::optional<T>> Metadata::get<T>(std::string_view key) const; \
  template Result<T> Metadata::require<T>(std::string_view key) const;
MINERVA_GGUF_GETTERS(bool)
MINERVA_GGUF_GETTERS(std::uint8_t)
MINERVA_GGUF_GETTERS(std::int8_t)
MINERVA_GGUF_GETTERS(std::uint16_t)
MINERVA_GGUF_GETTERS(std::int16_t)
MINERVA_GGUF_GETTERS(std::uint32_t)
MINERVA_GGUF_GETTERS(std::int32_t)
MINERVA_GGUF_GETTERS(std::uint64_t)
MINERVA_GGUF_GETTERS(std::int64_t)
MINERVA_GGUF_GETTERS(float)
MINERVA_GGUF_GETTERS(double)
#undef MINERVA_GGUF_GETTERS

Result<std::optional<std::uint64_t>> Metadata::get_unsigned(std::string_view key) const {
  const KeyValue* entry = find(key);
  if (entry == nullptr) return std::nullopt;
  if (const auto* value = std::get_if<std::uint64_t>(&entry->value)) return *value;
  if (const auto* value = std::get_if<std::int64_t>(&entry->value)) {
    if (*value >= 0) return static_cast<std::uint64_t>(*value);
    return model_loading(
        fmt::format("'{}': key {} is {}, expected 0 or more", file_name(), quoted(key), *value),
        kBadMetadata);
  }
  return wrong_type(*entry, "an integer");
}

Result<std::optional<double>> Metadata::get_number(std::string_view key) const {
  const KeyValue* entry = find(key);
  if (entry == nullptr) return std::nullopt;
  if (const auto* value = std::get_if<double>(&entry->value)) return *value;
  if (const auto* value = std::get_if<std::uint64_t>(&entry->value)) return static_cast<double>(*value);
  if (const auto* value = std::get_if<std::int64_t>(&entry->value)) return static_cast<double>(*value);
  return wrong_type(*entry, "a number");
}

Result<std::optional<std::string>> Metadata::get_string(std::string_view key, std::uint64_t bytes_max) const {
  const KeyValue* entry = find(key);
  if (entry == nullptr) return std::nullopt;
  const auto* text = std::get_if<std::string>(&entry->value);
  const auto* lazy = std::get_if<LazyString>(&entry->value);
  if (text == nullptr && lazy == nullptr) return wrong_type(*entry, "string");
  const std::uint64_t bytes = text != nullptr ? text->size() : lazy->bytes;
  if (bytes > bytes_max) {
    return model_loading(fmt::format("'{}': key {} is a string of {} bytes; at most {} are allowed",
                                     file_name(), quoted(key), bytes, bytes_max),
                         kBadMetadata);
  }
  if (text != nullptr) return *text;
  std::string content(static_cast<std::size_t>(bytes), '\0');
  MINERVA_TRY(source_->read(lazy->offset, std::as_writable_bytes(std::span(content))));
  return content;
}

Result<std::string> Metadata::require_string(std::string_view key, std::uint64_t bytes_max) const {
  MINERVA_ASSIGN(std::optional<std::string> text, get_string(key, bytes_max));
  if (!text) return missing(key, "string");
  return std::move(*text);
}

Result<const ArrayInfo*> Metadata::get_array(std::string_view key) const {
  const KeyValue* entry = find(key);
  if (entry == nullptr) return nullptr;
  const auto* array = std::get_if<ArrayInfo>(&entry->value);
  if (array == nullptr) return wrong_type(*entry, "array");
  return array;
}

Result<const ArrayInfo*> Metadata::typed_array(std::string_view key, ValueType element) const {
  const KeyValue* entry = find(key);
  if (entry == nullptr) return nullptr;
  const auto* array = std::get_if<ArrayInfo>(&entry->value);
  const auto is_wanted = [&](ValueType type) {
    return type == element || (type == ValueType::Bool && element == ValueType::U8);
  };
  if (array == nullptr || !is_wanted(array->element)) {
    return wrong_type(*entry, fmt::format("array of {}", value_type_name(element)));
  }
  return array;
}

Result<StringArray> Metadata::get_strings(std::string_view key) const {
  MINERVA_ASSIGN(const ArrayInfo* array, typed_array(key, ValueType::String));
  StringArray strings;
  if (array == nullptr || array->count == 0) return strings;
  const auto size = static_cast<std::size_t>(array->bytes);
  strings.storage_ = std::make_unique_for_overwrite<char[]>(size);
  MINERVA_TRY(source_->read(array->offset, std::as_writable_bytes(std::span(strings.storage_.get(), size))));
  strings.items_.reserve(static_cast<std::size_t>(array->count));
  // The lengths were checked when the file was opened, but it may have been rewritten since.
  std::size_t at = 0;
  for (std::uint64_t i = 0; i < array->count; ++i) {
    std::uint64_t length = 0;
    if (size - at >= sizeof(length)) std::memcpy(&length, strings.storage_.get() + at, sizeof(length));
    if (size - at < sizeof(length) || length > size - at - sizeof(length)) {
      return model_loading(fmt::format("'{}' changed while it was read (key {})", file_name(), quoted(key)),
                           "Wait until whatever writes the file has finished, then try again.");
    }
    strings.items_.emplace_back(strings.storage_.get() + at + sizeof(length),
                                static_cast<std::size_t>(length));
    at += sizeof(length) + static_cast<std::size_t>(length);
  }
  return strings;
}

}  // namespace minerva::gguf
