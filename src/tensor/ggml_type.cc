#include "tensor/ggml_type.h"

#include <array>
#include <cstddef>

#include "base/checked.h"

namespace minerva {
namespace {

using enum GgmlType;

constexpr std::array kTypes = {
    GgmlTypeTraits{F32, "F32", 1, 4},
    GgmlTypeTraits{F16, "F16", 1, 2},
    GgmlTypeTraits{Q4_0, "Q4_0", 32, 18},
    GgmlTypeTraits{Q4_1, "Q4_1", 32, 20},
    GgmlTypeTraits{Q5_0, "Q5_0", 32, 22},
    GgmlTypeTraits{Q5_1, "Q5_1", 32, 24},
    GgmlTypeTraits{Q8_0, "Q8_0", 32, 34},
    GgmlTypeTraits{Q8_1, "Q8_1", 32, 36},
    GgmlTypeTraits{Q2_K, "Q2_K", 256, 84},
    GgmlTypeTraits{Q3_K, "Q3_K", 256, 110},
    GgmlTypeTraits{Q4_K, "Q4_K", 256, 144},
    GgmlTypeTraits{Q5_K, "Q5_K", 256, 176},
    GgmlTypeTraits{Q6_K, "Q6_K", 256, 210},
    GgmlTypeTraits{Q8_K, "Q8_K", 256, 292},
    GgmlTypeTraits{IQ2_XXS, "IQ2_XXS", 256, 66},
    GgmlTypeTraits{IQ2_XS, "IQ2_XS", 256, 74},
    GgmlTypeTraits{IQ3_XXS, "IQ3_XXS", 256, 98},
    GgmlTypeTraits{IQ1_S, "IQ1_S", 256, 50},
    GgmlTypeTraits{IQ4_NL, "IQ4_NL", 32, 18},
    GgmlTypeTraits{IQ3_S, "IQ3_S", 256, 110},
    GgmlTypeTraits{IQ2_S, "IQ2_S", 256, 82},
    GgmlTypeTraits{IQ4_XS, "IQ4_XS", 256, 136},
    GgmlTypeTraits{I8, "I8", 1, 1},
    GgmlTypeTraits{I16, "I16", 1, 2},
    GgmlTypeTraits{I32, "I32", 1, 4},
    GgmlTypeTraits{I64, "I64", 1, 8},
    GgmlTypeTraits{F64, "F64", 1, 8},
    GgmlTypeTraits{IQ1_M, "IQ1_M", 256, 56},
    GgmlTypeTraits{BF16, "BF16", 1, 2},
    GgmlTypeTraits{TQ1_0, "TQ1_0", 256, 54},
    GgmlTypeTraits{TQ2_0, "TQ2_0", 256, 66},
    GgmlTypeTraits{MXFP4, "MXFP4", 32, 17},
    GgmlTypeTraits{NVFP4, "NVFP4", 64, 36},
    GgmlTypeTraits{Q1_0, "Q1_0", 128, 18},
    GgmlTypeTraits{Q2_0, "Q2_0", 64, 18},
};

struct Withdrawn {
  std::uint32_t number;
  std::string_view name;
};
constexpr std::array kWithdrawn = {
    Withdrawn{4, "Q4_2"},        Withdrawn{5, "Q4_3"},        Withdrawn{31, "Q4_0_4_4"},
    Withdrawn{32, "Q4_0_4_8"},   Withdrawn{33, "Q4_0_8_8"},   Withdrawn{36, "IQ4_NL_4_4"},
    Withdrawn{37, "IQ4_NL_4_8"}, Withdrawn{38, "IQ4_NL_8_8"},
};

/// Position in kTypes by type number; 255 where there is none.
constexpr std::uint8_t kNone = 255;
constexpr auto kIndex = [] {
  std::array<std::uint8_t, 43> index{};
  index.fill(kNone);
  for (std::size_t i = 0; i < kTypes.size(); ++i) {
    index[static_cast<std::size_t>(kTypes[i].type)] = static_cast<std::uint8_t>(i);
  }
  return index;
}();

}  // namespace

std::span<const GgmlTypeTraits> ggml_types() noexcept {
  return kTypes;
}

const GgmlTypeTraits* find_ggml_type(std::uint32_t type) noexcept {
  if (type >= kIndex.size() || kIndex[type] == kNone) return nullptr;
  return &kTypes[kIndex[type]];
}

const GgmlTypeTraits& ggml_type_traits(GgmlType type) noexcept {
  const auto* traits = find_ggml_type(static_cast<std::uint32_t>(type));
  return traits != nullptr ? *traits : kTypes.front();
}

std::string_view withdrawn_ggml_type(std::uint32_t type) noexcept {
  for (const auto& [number, name] : kWithdrawn) {
    if (number == type) return name;
  }
  return {};
}

std::optional<std::uint64_t> ggml_bytes(const GgmlTypeTraits& traits, std::uint64_t elements) noexcept {
  if (elements % traits.block_elements != 0) return std::nullopt;
  return checked_multiply<std::uint64_t>(elements / traits.block_elements, traits.block_bytes);
}

}  // namespace minerva
