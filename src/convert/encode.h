// Numbers as GGUF types store them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tensor/ggml_type.h"

namespace minerva::convert {

/// Writes `row` as F32, F16, BF16 or Q8_0 (whole blocks). `out` has room for exactly that. False when a
/// finite number does not fit the type (F16).
[[nodiscard]] bool encode_row(GgmlType type, std::span<const float> row, std::span<std::byte> out) noexcept;

}  // namespace minerva::convert
