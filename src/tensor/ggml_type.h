// The types a tensor in a GGUF file can have: their names and how their blocks are laid out in bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace minerva {

/// The numbers are ggml's and stand in files. Gaps are types that were withdrawn.
enum class GgmlType : std::uint32_t {
  F32 = 0,
  F16 = 1,
  Q4_0 = 2,
  Q4_1 = 3,
  Q5_0 = 6,
  Q5_1 = 7,
  Q8_0 = 8,
  Q8_1 = 9,
  Q2_K = 10,
  Q3_K = 11,
  Q4_K = 12,
  Q5_K = 13,
  Q6_K = 14,
  Q8_K = 15,
  IQ2_XXS = 16,
  IQ2_XS = 17,
  IQ3_XXS = 18,
  IQ1_S = 19,
  IQ4_NL = 20,
  IQ3_S = 21,
  IQ2_S = 22,
  IQ4_XS = 23,
  I8 = 24,
  I16 = 25,
  I32 = 26,
  I64 = 27,
  F64 = 28,
  IQ1_M = 29,
  BF16 = 30,
  TQ1_0 = 34,
  TQ2_0 = 35,
  MXFP4 = 39,
  NVFP4 = 40,
  Q1_0 = 41,
  Q2_0 = 42,
};

/// How a type is stored: rows are whole blocks of `block_elements` elements in `block_bytes` bytes.
struct GgmlTypeTraits {
  GgmlType type = GgmlType::F32;
  std::string_view name;  ///< "Q4_K"
  std::uint32_t block_elements = 1;
  std::uint32_t block_bytes = 4;
};

/// All known types, by number.
std::span<const GgmlTypeTraits> ggml_types() noexcept;

/// The traits of type number `type`, or null when it is unknown (or withdrawn: see `withdrawn_ggml_type`).
const GgmlTypeTraits* find_ggml_type(std::uint32_t type) noexcept;

/// The traits of a known type.
const GgmlTypeTraits& ggml_type_traits(GgmlType type) noexcept;

/// The name of a type that ggml had and took away ("Q4_0_4_4"), or empty.
std::string_view withdrawn_ggml_type(std::uint32_t type) noexcept;

/// Bytes of `elements` elements; nothing when they are not whole blocks or the number overflows.
std::optional<std::uint64_t> ggml_bytes(const GgmlTypeTraits& traits, std::uint64_t elements) noexcept;

}  // namespace minerva
