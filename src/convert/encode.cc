#include "convert/encode.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "tensor/to_float.h"

namespace minerva::convert {
namespace {

constexpr std::size_t kQ8Elements = 32;
constexpr std::size_t kQ8Bytes = 34;  // a half, then 32 signed bytes

/// As ggml's reference: the largest magnitude becomes 127, ties are rounded away from zero.
void encode_q8_block(std::span<const float> block, std::byte* out) noexcept {
  float largest = 0;
  for (const float value : block) largest = std::max(largest, std::abs(value));
  const float scale = largest / 127.0F;
  const float inverse = scale != 0 ? 1.0F / scale : 0.0F;
  const std::uint16_t bits = float_to_half(scale);
  std::memcpy(out, &bits, sizeof(bits));
  for (std::size_t i = 0; i < block.size(); ++i) {
    const float rounded = std::clamp(std::round(block[i] * inverse), -127.0F, 127.0F);
    out[2 + i] = static_cast<std::byte>(static_cast<std::int8_t>(rounded));
  }
}

}  // namespace

bool encode_row(GgmlType type, std::span<const float> row, std::span<std::byte> out) noexcept {
  std::byte* to = out.data();
  switch (type) {
    case GgmlType::F16: {
      bool fits = true;
      for (const float value : row) {
        const std::uint16_t half = float_to_half(value);
        fits = fits && ((half & 0x7fffU) != 0x7c00U || std::isinf(value));
        std::memcpy(to, &half, sizeof(half));
        to += sizeof(half);
      }
      return fits;
    }
    case GgmlType::BF16:
      for (const float value : row) {
        const std::uint16_t bits = float_to_bfloat16(value);
        std::memcpy(to, &bits, sizeof(bits));
        to += sizeof(bits);
      }
      return true;
    case GgmlType::Q8_0:
      for (std::size_t i = 0; i + kQ8Elements <= row.size(); i += kQ8Elements) {
        encode_q8_block(row.subspan(i, kQ8Elements), to);
        to += kQ8Bytes;
      }
      return true;
    default:
      std::memcpy(to, row.data(), row.size_bytes());
      return true;
  }
}

}  // namespace minerva::convert
