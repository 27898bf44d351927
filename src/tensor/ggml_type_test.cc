#include "tensor/ggml_type.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

namespace minerva {
namespace {

TEST(GgmlType, FindsEveryTypeByItsNumber) {
  std::set<std::string_view> names;
  for (const auto& traits : ggml_types()) {
    const auto* found = find_ggml_type(static_cast<std::uint32_t>(traits.type));
    ASSERT_EQ(found, &traits) << traits.name;
    EXPECT_EQ(&ggml_type_traits(traits.type), &traits);
    EXPECT_TRUE(names.insert(traits.name).second) << traits.name << " stands twice";
    EXPECT_GT(traits.block_elements, 0U);
    EXPECT_GT(traits.block_bytes, 0U);
  }
  EXPECT_EQ(names.size(), 35U);
}

TEST(GgmlType, TellsWithdrawnFromUnknown) {
  for (const std::uint32_t number : {4U, 5U, 31U, 32U, 33U, 36U, 37U, 38U}) {
    EXPECT_EQ(find_ggml_type(number), nullptr) << number;
    EXPECT_FALSE(withdrawn_ggml_type(number).empty()) << number;
  }
  for (const std::uint32_t number : {43U, 44U, 255U, std::numeric_limits<std::uint32_t>::max()}) {
    EXPECT_EQ(find_ggml_type(number), nullptr) << number;
    EXPECT_TRUE(withdrawn_ggml_type(number).empty()) << number;
  }
}

TEST(GgmlType, CountsWholeBlocksOnly) {
  const auto& q4_k = ggml_type_traits(GgmlType::Q4_K);
  EXPECT_EQ(ggml_bytes(q4_k, 512), 288U);
  EXPECT_EQ(ggml_bytes(q4_k, 0), 0U);
  EXPECT_EQ(ggml_bytes(q4_k, 255), std::nullopt);
  EXPECT_EQ(ggml_bytes(ggml_type_traits(GgmlType::Q8_0), 33), std::nullopt);
  EXPECT_EQ(ggml_bytes(ggml_type_traits(GgmlType::F64), std::numeric_limits<std::uint64_t>::max()),
            std::nullopt);
}

}  // namespace
}  // namespace minerva
