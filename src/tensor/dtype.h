// The types of numbers that a tensor in a safetensors or PyTorch file can hold, and ggml's blocks.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace minerva {

enum class DType : std::uint8_t {
  Bool,  ///< one byte, 0 or 1
  U8,
  I8,
  U16,
  I16,
  U32,
  I32,
  U64,
  I64,
  F16,
  BF16,
  F32,
  F64,
  C64,          ///< two F32
  F8_E4M3,      ///< torch's float8_e4m3fn: no infinity
  F8_E5M2,      ///< 8-bit IEEE-like
  F8_E8M0,      ///< an exponent: 2^(x - 127)
  F8_E4M3Fnuz,  ///< no negative zero, another bias
  F8_E5M2Fnuz,
  F4,       ///< E2M1, two in a byte
  F6_E2M3,  ///< four in three bytes
  F6_E3M2,
  Ggml,  ///< blocks of a GgmlType: sizes depend on it
};

/// As safetensors spells it: "BF16", "F8_E4M3"; "GGML" for ggml's blocks.
std::string_view dtype_name(DType type) noexcept;

/// The type with this name in a safetensors header, or nothing.
std::optional<DType> find_dtype(std::string_view name) noexcept;

/// Bits of one element; 0 for Ggml.
unsigned dtype_bits(DType type) noexcept;

}  // namespace minerva
