#include "tensor/dtype.h"

#include <array>
#include <cstddef>

namespace minerva {
namespace {

struct Traits {
  DType type;
  std::string_view name;
  unsigned bits;
};

// In the order of the enumeration.
constexpr std::array kTraits = {
    Traits{DType::Bool, "BOOL", 8},
    Traits{DType::U8, "U8", 8},
    Traits{DType::I8, "I8", 8},
    Traits{DType::U16, "U16", 16},
    Traits{DType::I16, "I16", 16},
    Traits{DType::U32, "U32", 32},
    Traits{DType::I32, "I32", 32},
    Traits{DType::U64, "U64", 64},
    Traits{DType::I64, "I64", 64},
    Traits{DType::F16, "F16", 16},
    Traits{DType::BF16, "BF16", 16},
    Traits{DType::F32, "F32", 32},
    Traits{DType::F64, "F64", 64},
    Traits{DType::C64, "C64", 64},
    Traits{DType::F8_E4M3, "F8_E4M3", 8},
    Traits{DType::F8_E5M2, "F8_E5M2", 8},
    Traits{DType::F8_E8M0, "F8_E8M0", 8},
    Traits{DType::F8_E4M3Fnuz, "F8_E4M3FNUZ", 8},
    Traits{DType::F8_E5M2Fnuz, "F8_E5M2FNUZ", 8},
    Traits{DType::F4, "F4", 4},
    Traits{DType::F6_E2M3, "F6_E2M3", 6},
    Traits{DType::F6_E3M2, "F6_E3M2", 6},
    Traits{DType::Ggml, "GGML", 0},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kTraits.size(); ++i) {
    if (static_cast<std::size_t>(kTraits[i].type) != i) return false;
  }
  return true;
}
static_assert(in_order());

const Traits& traits(DType type) noexcept {
  return kTraits[static_cast<std::size_t>(type)];
}

}  // namespace

std::string_view dtype_name(DType type) noexcept {
  return traits(type).name;
}

unsigned dtype_bits(DType type) noexcept {
  return traits(type).bits;
}

std::optional<DType> find_dtype(std::string_view name) noexcept {
  for (const Traits& entry : kTraits) {
    if (entry.name == name && entry.type != DType::Ggml) return entry.type;
  }
  return std::nullopt;
}

}  // namespace minerva
