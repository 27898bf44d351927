#include "tensor/dtype.h"

#include <gtest/gtest.h>

namespace minerva {
namespace {

TEST(DType, IsFoundByItsSafetensorsName) {
  struct Case {
    const char* name;
    DType type;
    unsigned bits;
  };
  for (const Case& c :
       {Case{"BOOL", DType::Bool, 8}, Case{"U8", DType::U8, 8}, Case{"I64", DType::I64, 64},
        Case{"F16", DType::F16, 16}, Case{"BF16", DType::BF16, 16}, Case{"C64", DType::C64, 64},
        Case{"F8_E4M3", DType::F8_E4M3, 8}, Case{"F8_E5M2FNUZ", DType::F8_E5M2Fnuz, 8},
        Case{"F4", DType::F4, 4}, Case{"F6_E3M2", DType::F6_E3M2, 6}}) {
    EXPECT_EQ(find_dtype(c.name), c.type) << c.name;
    EXPECT_EQ(dtype_name(c.type), c.name);
    EXPECT_EQ(dtype_bits(c.type), c.bits) << c.name;
  }
}

TEST(DType, OtherNamesAreNotFound) {
  for (const char* name : {"", "GGML", "bf16", "F128", "BF16 "}) EXPECT_FALSE(find_dtype(name)) << name;
}

}  // namespace
}  // namespace minerva
