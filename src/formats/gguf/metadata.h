// The key-values of a GGUF file, with getters that check types: a file may store any type under any key.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "base/file.h"
#include "formats/gguf/value.h"

namespace minerva::gguf {

/// The strings of an array: views into one block that this owns. Movable.
class StringArray {
 public:
  std::size_t size() const noexcept { return items_.size(); }
  bool empty() const noexcept { return items_.empty(); }
  /// `index` must be below size(). Bytes as in the file: not necessarily UTF-8.
  std::string_view operator[](std::size_t index) const noexcept { return items_[index]; }
  auto begin() const noexcept { return items_.begin(); }
  auto end() const noexcept { return items_.end(); }

 private:
  friend class Metadata;
  std::unique_ptr<char[]> storage_;
  std::vector<std::string_view> items_;
};

/// Immutable once made; thread-safe. Arrays and long strings are read from the source when asked for. Every
/// getter's errors: ModelLoading naming the key, the type expected and the type found.
class Metadata {
 public:
  explicit Metadata(std::shared_ptr<const ByteSource> source) : source_(std::move(source)) {}

  /// False when the key is there already.
  bool add(KeyValue entry);

  const std::vector<KeyValue>& entries() const noexcept { return entries_; }
  const KeyValue* find(std::string_view key) const noexcept;
  bool contains(std::string_view key) const noexcept { return find(key) != nullptr; }

  /// A number or bool stored as exactly a T (as llama.cpp demands it), or nothing when the key is absent.
  template <class T>
    requires std::is_arithmetic_v<T>
  Result<std::optional<T>> get(std::string_view key) const;
  /// The same; absence is an error.
  template <class T>
    requires std::is_arithmetic_v<T>
  Result<T> require(std::string_view key) const;

  /// An integer of any type that is not negative.
  Result<std::optional<std::uint64_t>> get_unsigned(std::string_view key) const;
  /// A number of any type.
  Result<std::optional<double>> get_number(std::string_view key) const;

  /// A string of at most `bytes_max` bytes.
  Result<std::optional<std::string>> get_string(std::string_view key,
                                                std::uint64_t bytes_max = kNoLimit) const;
  Result<std::string> require_string(std::string_view key, std::uint64_t bytes_max = kNoLimit) const;

  /// Element type, count and place of an array, or null when the key is absent.
  Result<const ArrayInfo*> get_array(std::string_view key) const;
  /// The elements of an array of strings; empty when the key is absent.
  Result<StringArray> get_strings(std::string_view key) const;
  /// The elements of an array of exactly T (bool as std::uint8_t); empty when the key is absent.
  template <class T>
    requires std::is_arithmetic_v<T>
  Result<std::vector<T>> get_numbers(std::string_view key) const {
    MINERVA_ASSIGN(const ArrayInfo* array, typed_array(key, value_type_of<T>()));
    std::vector<T> values(array == nullptr ? 0 : static_cast<std::size_t>(array->count));
    if (!values.empty()) MINERVA_TRY(source_->read(array->offset, std::as_writable_bytes(std::span(values))));
    return values;
  }

  static constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};

  /// "'file.gguf': key 'k' has type i32, expected u32".
  std::unexpected<Error> wrong_type(const KeyValue& entry, std::string_view expected) const;
  std::unexpected<Error> missing(std::string_view key, std::string_view expected) const;
  /// The file's name, for messages.
  const std::string& file_name() const noexcept { return source_->name(); }

 private:
  Result<const ArrayInfo*> typed_array(std::string_view key, ValueType element) const;

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  std::shared_ptr<const ByteSource> source_;
  std::vector<KeyValue> entries_;
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> index_;
};

}  // namespace minerva::gguf
