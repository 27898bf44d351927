// Writes GGUF files byte by byte for tests: sound ones, and ones that lie in any count, length or offset.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace minerva::testing {

/// The value types of GGUF, by the number that stands in the file.
namespace gguf_type {
inline constexpr std::uint32_t kU8 = 0, kI8 = 1, kU16 = 2, kI16 = 3, kU32 = 4, kI32 = 5, kF32 = 6, kBool = 7,
                               kString = 8, kArray = 9, kU64 = 10, kI64 = 11, kF64 = 12;
}  // namespace gguf_type

/// `value`'s bytes, little endian, as they stand in the file.
template <class T>
  requires std::is_arithmetic_v<T>
std::string gguf_bytes(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}
/// Length (u64) and bytes; `claimed` replaces the length.
std::string gguf_string(std::string_view text, std::optional<std::uint64_t> claimed = {});

template <class T>
constexpr std::uint32_t gguf_type_of() {
  namespace t = gguf_type;
  if constexpr (std::is_same_v<T, bool>) return t::kBool;
  if constexpr (std::is_same_v<T, float>) return t::kF32;
  if constexpr (std::is_same_v<T, double>) return t::kF64;
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    constexpr bool is_signed = std::is_signed_v<T>;
    if constexpr (sizeof(T) == 1) return is_signed ? t::kI8 : t::kU8;
    if constexpr (sizeof(T) == 2) return is_signed ? t::kI16 : t::kU16;
    if constexpr (sizeof(T) == 4) return is_signed ? t::kI32 : t::kU32;
    if constexpr (sizeof(T) == 8) return is_signed ? t::kI64 : t::kU64;
  }
  return t::kString;
}

/// One tensor as written. Every field is free to lie; an absent one is written truthfully.
struct GgufTensor {
  std::string name;
  std::vector<std::uint64_t> dims;  ///< ggml order: dims[0] is the row length
  std::uint32_t type = 0;           ///< ggml_type number; 0 = F32
  std::string data;                 ///< bytes in the data section
  std::optional<std::uint64_t> offset = {};
  std::optional<std::uint32_t> dim_count = {};
  std::optional<std::uint64_t> name_bytes = {};
};

/// Builds one file. Key-values and tensors are written in the order of the calls.
class GgufBuilder {
 public:
  // ---- header fields; what is not set is truthful
  GgufBuilder& magic(std::string_view four_bytes);
  GgufBuilder& version(std::uint32_t number);
  GgufBuilder& claim_tensor_count(std::uint64_t count);
  GgufBuilder& claim_key_value_count(std::uint64_t count);
  /// Aligns the data section and writes general.alignment unless `write_key` is false. Default 32, no key.
  GgufBuilder& alignment(std::uint32_t bytes, bool write_key = true);

  // ---- key-values
  /// A number or bool of the type T has: `kv<std::uint32_t>("llama.block_count", 1)`.
  template <class T>
    requires std::is_arithmetic_v<T>
  GgufBuilder& kv(std::string_view key, std::type_identity_t<T> value) {
    return raw(key, gguf_type_of<T>(), gguf_bytes<T>(value));
  }
  GgufBuilder& u32(std::string_view key, std::uint32_t value) { return kv<std::uint32_t>(key, value); }
  GgufBuilder& f32(std::string_view key, float value) { return kv<float>(key, value); }
  GgufBuilder& boolean(std::string_view key, bool value) { return kv<bool>(key, value); }
  GgufBuilder& string(std::string_view key, std::string_view value);
  GgufBuilder& strings(std::string_view key, const std::vector<std::string>& values);
  template <class T>
    requires std::is_arithmetic_v<T>
  GgufBuilder& array(std::string_view key, const std::vector<T>& values) {
    std::string bytes;
    for (const T value : values) bytes += gguf_bytes<T>(value);
    return raw_array(key, gguf_type_of<T>(), values.size(), bytes);
  }
  /// An array whose element type, count and content need not agree.
  GgufBuilder& raw_array(std::string_view key, std::uint32_t element_type, std::uint64_t count,
                         std::string_view content);
  /// A value of any type number with any content.
  GgufBuilder& raw(std::string_view key, std::uint32_t type, std::string_view content);
  /// Bytes in place of a whole key-value (counted as one).
  GgufBuilder& raw_record(std::string_view bytes);
  /// Drops a key-value written before, so that it can be written otherwise.
  GgufBuilder& erase(std::string_view key);

  // ---- tensors
  GgufBuilder& tensor(GgufTensor tensor);
  /// An F32 tensor of small reproducible values.
  GgufBuilder& f32_tensor(std::string_view name, const std::vector<std::uint64_t>& dims);
  /// Drops a tensor added before and returns it. Throws std::out_of_range where there is none.
  GgufTensor take_tensor(std::string_view name);
  /// A tensor added before, to make it lie. Throws std::out_of_range where there is none.
  GgufTensor& tensor_named(std::string_view name);

  /// Bytes before the data section: everything up to the last tensor info, without padding.
  std::string header() const;
  /// The whole file.
  std::string build() const;

 private:
  struct Record {
    std::string key;
    std::string bytes;
  };
  std::string magic_ = "GGUF";
  std::uint32_t version_ = 3;
  std::optional<std::uint64_t> tensor_count_;
  std::optional<std::uint64_t> key_value_count_;
  std::uint64_t alignment_ = 32;
  std::vector<Record> records_;
  std::vector<GgufTensor> tensors_;
};

/// A complete llama of one layer (hidden size 32, 2 heads, 1 KV head, 288 SentencePiece tokens, F32, context
/// 64) that llama.cpp loads and runs; about 80 KB. Tests bend it where they need to.
GgufBuilder tiny_llama();

}  // namespace minerva::testing
