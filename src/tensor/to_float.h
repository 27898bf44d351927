// Plain numbers of any stored type as float32, and halves from it: for small tensors (norms, biases) and for
// tests. Slow by design; weights are computed on as they are stored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tensor/dtype.h"

namespace minerva {

/// The float32 nearest to IEEE half `bits`: exact.
float half_to_float(std::uint16_t bits) noexcept;
/// Exact.
float bfloat16_to_float(std::uint16_t bits) noexcept;

/// The half nearest to `value`, to even in a tie; infinity above its range.
std::uint16_t float_to_half(float value) noexcept;
/// The same for bfloat16; a NaN stays one.
std::uint16_t float_to_bfloat16(float value) noexcept;

/// Converts `out.size()` elements at `data` (any alignment). 64-bit types are rounded to nearest. Returns
/// false, and writes nothing, for types that have no whole bytes per element, are complex, or are ggml's
/// blocks.
[[nodiscard]] bool to_float(DType type, const std::byte* data, std::span<float> out) noexcept;

}  // namespace minerva
