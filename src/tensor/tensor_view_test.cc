#include "tensor/tensor_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <numeric>

namespace minerva {
namespace {

using ::testing::ElementsAre;

TensorView view(std::vector<std::int64_t> shape, std::vector<std::int64_t> strides) {
  TensorView tensor;
  tensor.shape = std::move(shape);
  tensor.strides = std::move(strides);
  return tensor;
}

TEST(TensorView, CountsElements) {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(view({}, {}).elements(), 1);
  EXPECT_EQ(view({2, 3}, {3, 1}).elements(), 6);
  EXPECT_EQ(view({kMax, kMax, 0}, {0, 0, 0}).elements(), 0);
}

TEST(TensorView, KnowsWhetherItIsContiguous) {
  EXPECT_TRUE(view({}, {}).contiguous());
  EXPECT_TRUE(view({2, 3}, {3, 1}).contiguous());
  EXPECT_FALSE(view({2, 3}, {1, 2}).contiguous());
  EXPECT_FALSE(view({2, 3}, {4, 1}).contiguous());
  EXPECT_FALSE(view({3}, {0}).contiguous());
  EXPECT_TRUE(view({1, 3}, {99, 1}).contiguous()) << "one row is never stepped over";
  EXPECT_TRUE(view({3, 1}, {1, 7}).contiguous());
  EXPECT_TRUE(view({0, 3}, {9, 9}).contiguous());
}

TEST(TensorView, ContiguousStrides) {
  EXPECT_THAT(contiguous_strides(std::vector<std::int64_t>{2, 3, 4}), ElementsAre(12, 4, 1));
  EXPECT_THAT(contiguous_strides(std::vector<std::int64_t>{}), ElementsAre());
  EXPECT_THAT(contiguous_strides(std::vector<std::int64_t>{5, 0}), ElementsAre(0, 0));
}

TEST(TensorView, NamesItsType) {
  TensorView tensor = view({32}, {1});
  tensor.dtype = DType::BF16;
  EXPECT_EQ(tensor.type_name(), "BF16");
  tensor.dtype = DType::Ggml;
  tensor.ggml = GgmlType::Q4_K;
  EXPECT_EQ(tensor.type_name(), "Q4_K");
  EXPECT_EQ(shape_text(tensor.shape), "[32]");
}

template <class T>
void check_copies(DType dtype) {
  struct Case {
    std::vector<std::int64_t> shape;
    std::vector<std::int64_t> strides;
  };
  for (const Case& c :
       {Case{{}, {}}, Case{{6}, {1}}, Case{{6}, {2}}, Case{{2, 3}, {3, 1}}, Case{{3, 2}, {1, 3}},
        Case{{2, 3}, {7, 2}}, Case{{50, 70}, {1, 50}}, Case{{70, 50}, {60, 1}}, Case{{2, 3, 4}, {1, 2, 6}},
        Case{{4, 2, 3, 2}, {1, 50, 5, 24}}, Case{{0, 4}, {4, 1}}, Case{{3, 1, 2}, {2, 9, 1}}}) {
    TensorView tensor = view(c.shape, c.strides);
    tensor.dtype = dtype;
    std::vector<T> storage(4500);
    std::iota(storage.begin(), storage.end(), T{1});
    tensor.data = reinterpret_cast<const std::byte*>(storage.data());
    std::vector<T> out(static_cast<std::size_t>(tensor.elements()) + 1, T{0});
    copy_contiguous(tensor, reinterpret_cast<std::byte*>(out.data()));
    const auto logical = contiguous_strides(c.shape);
    for (std::int64_t i = 0; i < tensor.elements(); ++i) {
      std::int64_t at = 0;
      for (std::size_t d = 0; d < c.shape.size(); ++d) at += i / logical[d] % c.shape[d] * c.strides[d];
      ASSERT_EQ(out[static_cast<std::size_t>(i)], storage[static_cast<std::size_t>(at)])
          << shape_text(c.shape) << i;
    }
    EXPECT_EQ(out.back(), T{0}) << "nothing is written after the last element";
  }
}

TEST(TensorView, CopiesWhatIsStrided) {
  check_copies<std::uint8_t>(DType::U8);
  check_copies<std::uint16_t>(DType::BF16);
  check_copies<std::uint32_t>(DType::F32);
  check_copies<std::uint64_t>(DType::F64);
}

}  // namespace
}  // namespace minerva
