#include "convert/gguf_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "convert/encode.h"
#include "formats/gguf/file.h"
#include "support/temp_dir.h"
#include "tensor/to_float.h"

namespace minerva::convert {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

KeyValues some_keys() {
  KeyValues keys;
  keys.set("general.architecture", std::string("llama"));
  keys.set("a.bool", true);
  keys.set("a.u32", std::uint32_t{7});
  keys.set("a.u64", std::uint64_t{1} << 40);
  keys.set("a.i32", std::int32_t{-7});
  keys.set("a.f32", 0.5F);
  keys.set("a.strings", std::vector<std::string>{"x", "", "yz"});
  keys.set("a.floats", std::vector<float>{1, 2, 3});
  keys.set("a.ints", std::vector<std::int32_t>{-1, 1});
  keys.set("a.bools", std::vector<bool>{true, false});
  return keys;
}

TEST(GgufWriter, WritesWhatTheReaderReads) {
  const testing::TempDir temp;
  const auto path = temp.path() / "x.gguf";
  KeyValues keys = some_keys();
  keys.set("a.u32", std::uint32_t{8});  // replaced
  const auto layout = GgufLayout::make(keys, {{.name = "v", .dims = {3}, .type = GgmlType::F32},
                                              {.name = "m", .dims = {32, 2}, .type = GgmlType::Q8_0}});
  ASSERT_TRUE(layout) << layout.error().message;
  std::vector<float> seen;
  const auto written = write_gguf(
      *layout, path, OutputFile::Existing::Keep,
      [&](std::size_t i, const ByteSink& sink) {
        const std::vector<std::byte> bytes(static_cast<std::size_t>(layout->tensors()[i].bytes),
                                           static_cast<std::byte>(i + 1));
        // In two parts.
        const auto first = sink(std::span(bytes).first(5));
        return first ? sink(std::span(bytes).subspan(5)) : first;
      },
      [&](float fraction) {
        seen.push_back(fraction);
        return true;
      });
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(fs::file_size(path), layout->file_bytes());
  ASSERT_FALSE(seen.empty());
  EXPECT_FLOAT_EQ(seen.back(), 1.0F);
  const auto file = gguf::File::open(path);
  ASSERT_TRUE(file) << file.error().message;
  const auto& metadata = file->metadata();
  EXPECT_EQ(metadata.entries().size(), keys.entries().size());
  EXPECT_EQ(metadata.require<std::uint32_t>("a.u32").value(), 8U);
  EXPECT_EQ(metadata.require<std::uint64_t>("a.u64").value(), std::uint64_t{1} << 40);
  EXPECT_EQ(metadata.require<std::int32_t>("a.i32").value(), -7);
  EXPECT_EQ(metadata.require<float>("a.f32").value(), 0.5F);
  EXPECT_TRUE(metadata.require<bool>("a.bool").value());
  EXPECT_EQ(metadata.get_strings("a.strings").value()[2], "yz");
  EXPECT_EQ(metadata.get_numbers<float>("a.floats").value(), (std::vector<float>{1, 2, 3}));
  EXPECT_EQ(metadata.get_numbers<std::int32_t>("a.ints").value(), (std::vector<std::int32_t>{-1, 1}));
  EXPECT_EQ(metadata.get_array("a.bools").value()->count, 2U);
  ASSERT_EQ(file->tensors().size(), 2U);
  EXPECT_EQ(file->tensors()[1].bytes, 68U);
  EXPECT_EQ(file->tensors()[1].offset, 32U);
}

TEST(GgufWriter, RefusesTensorsThatGgufCannotHold) {
  struct Case {
    const char* message;
    std::vector<TensorHeader> tensors;
  };
  const std::uint64_t huge = std::uint64_t{1} << 40;
  const std::vector<Case> cases = {
      {"whole blocks", {{.name = "a", .dims = {33}, .type = GgmlType::Q8_0}}},
      {"no elements", {{.name = "a", .dims = {0}}}},
      {"0 dimensions", {{.name = "a", .dims = {}}}},
      {"5 dimensions", {{.name = "a", .dims = {1, 1, 1, 1, 1}}}},
      {"too large", {{.name = "a", .dims = {huge, huge}}}},
      {"too large", {{.name = "a", .dims = {huge, std::uint64_t{1} << 23}}}},
      {"name of 0 bytes", {{.name = "", .dims = {1}}}},
      {"name of 64 bytes", {{.name = std::string(64, 'x'), .dims = {1}}}},
      {"twice", {{.name = "a", .dims = {1}}, {.name = "a", .dims = {1}}}},
  };
  for (const Case& c : cases) {
    const auto layout = GgufLayout::make({}, c.tensors);
    ASSERT_FALSE(layout) << c.message;
    EXPECT_EQ(layout.error().code, ErrorCode::InvalidRequest);
    EXPECT_THAT(layout.error().message, HasSubstr(c.message));
  }
}

TEST(GgufWriter, ADiskThatIsTooSmallIsSaidBefore) {
  const testing::TempDir temp;
  const auto layout = GgufLayout::make({}, {{.name = "a", .dims = {std::uint64_t{1} << 60}}});
  ASSERT_TRUE(layout);
  const auto written = write_gguf(
      *layout, temp.path() / "x", OutputFile::Existing::Keep,
      [](std::size_t, const ByteSink&) -> Result<void> { return internal_error("must not be asked"); }, {});
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message, HasSubstr("its disk has only"));
  EXPECT_TRUE(fs::is_empty(temp.path()));
}

TEST(GgufWriter, ErrorsOfTensorsLeaveNothing) {
  const testing::TempDir temp;
  const auto layout = GgufLayout::make({}, {{.name = "a", .dims = {4}}});
  ASSERT_TRUE(layout);
  const std::array<std::byte, 4> short_data{};
  for (const bool fails : {true, false}) {
    const auto written = write_gguf(*layout, temp.path() / "x", OutputFile::Existing::Keep,
                                    [&](std::size_t, const ByteSink& sink) -> Result<void> {
                                      if (fails) return model_loading("damaged", "Download it again.");
                                      return sink(short_data);
                                    },
                                    {});
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, fails ? ErrorCode::ModelLoading : ErrorCode::Internal);
    EXPECT_TRUE(fs::is_empty(temp.path()));
  }
}

// Every half, there and back; and what lies between goes to the nearest, to even in a tie.
TEST(Encode, HalvesAreRoundedToNearest) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float value = half_to_float(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(half_to_float(float_to_half(value))));
      continue;
    }
    ASSERT_EQ(float_to_half(value), half);
    if ((half & 0x7c00U) == 0x7c00U || (half & 0x7fffU) >= 0x7bffU) continue;
    const float next = half_to_float(static_cast<std::uint16_t>(half + 1));
    const float middle = (value + next) / 2;
    const auto even = static_cast<std::uint16_t>((half & 1U) == 0 ? half : half + 1);
    ASSERT_EQ(float_to_half(middle), even) << bits;
    ASSERT_EQ(float_to_half(std::nextafter(middle, value)), half) << bits;
    ASSERT_EQ(float_to_half(std::nextafter(middle, next)), half + 1) << bits;
  }
  EXPECT_EQ(float_to_half(65519.996F), 0x7bffU);
  EXPECT_EQ(float_to_half(65520.0F), 0x7c00U);
  EXPECT_EQ(float_to_half(std::numeric_limits<float>::denorm_min()), 0U);
}

TEST(Encode, Bfloat16IsRoundedToNearest) {
  EXPECT_EQ(float_to_bfloat16(1.0F), 0x3f80U);
  EXPECT_EQ(float_to_bfloat16(1.00390625F), 0x3f80U);  // a tie, to even
  EXPECT_EQ(float_to_bfloat16(1.01171875F), 0x3f82U);  // a tie, to even
  EXPECT_EQ(float_to_bfloat16(std::nextafter(1.00390625F, 2.0F)), 0x3f81U);
  EXPECT_TRUE(std::isnan(bfloat16_to_float(float_to_bfloat16(std::nanf("")))));
  EXPECT_TRUE(std::isinf(bfloat16_to_float(float_to_bfloat16(std::numeric_limits<float>::max()))));
}

TEST(Encode, NumbersThatF16CannotHoldAreTold) {
  std::array<std::byte, 4> out{};
  EXPECT_TRUE(encode_row(GgmlType::F16, std::array{65504.0F, -1.0F}, out));
  EXPECT_FALSE(encode_row(GgmlType::F16, std::array{1.0F, 7e4F}, out));
  EXPECT_TRUE(encode_row(GgmlType::BF16, std::array{1.0F, 7e4F}, out));
}

TEST(Encode, Q8BlocksOfZerosAndExtremes) {
  std::vector<float> row(64, 0.0F);
  row[32] = -254.0F;
  row[33] = 1.0F;
  std::vector<std::byte> out(68);
  ASSERT_TRUE(encode_row(GgmlType::Q8_0, row, out));
  EXPECT_EQ(out[0], std::byte{0});
  std::uint16_t scale = 0;
  std::memcpy(&scale, &out[34], 2);
  EXPECT_EQ(half_to_float(scale), 2.0F);
  EXPECT_EQ(static_cast<std::int8_t>(out[36]), -127);
  EXPECT_EQ(static_cast<std::int8_t>(out[37]), 1);  // 0.5, away from zero
}

}  // namespace
}  // namespace minerva::convert
