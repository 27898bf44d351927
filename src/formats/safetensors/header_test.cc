#include "formats/safetensors/header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "support/paths.h"

namespace minerva::safetensors {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string file_of(std::string_view json, std::size_t data_bytes,
                    std::optional<std::uint64_t> claimed = {}) {
  std::string bytes(8, '\0');
  const std::uint64_t length = claimed.value_or(json.size());
  std::memcpy(bytes.data(), &length, sizeof(length));
  return bytes + std::string(json) + std::string(data_bytes, 'd');
}

Result<Header> read_bytes(const std::string& bytes) {
  return Header::read(MemorySource(std::as_bytes(std::span(bytes)), "model.safetensors"));
}

TEST(SafetensorsHeader, ReadsTensorsInTheOrderOfTheirData) {
  const auto header = read_bytes(file_of(
      R"({"__metadata__":{"format":"pt","n":"1"},"b":{"dtype":"F32","shape":[2],"data_offsets":[12,20]},)"
      R"("a":{"shape":[2,3],"data_offsets":[0,12],"dtype":"BF16"}}      )",
      20));
  ASSERT_TRUE(header) << header.error().message;
  ASSERT_EQ(header->tensors().size(), 2U);
  const TensorInfo& a = header->tensors()[0];
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.type, DType::BF16);
  EXPECT_THAT(a.shape, ElementsAre(2, 3));
  EXPECT_EQ(a.elements, 6U);
  EXPECT_EQ(a.offset, 0U);
  EXPECT_EQ(a.bytes, 12U);
  EXPECT_EQ(header->find("b"), &header->tensors()[1]);
  EXPECT_EQ(header->find("c"), nullptr);
  EXPECT_EQ(header->data_bytes(), 20U);
  EXPECT_EQ(header->metadata().size(), 2U);
  EXPECT_EQ(header->metadata()[0].second, "pt");
}

TEST(SafetensorsHeader, TakesScalarsEmptyTensorsAndNone) {
  EXPECT_TRUE(read_bytes(file_of("{}", 0)));
  const auto header = read_bytes(file_of(
      R"({"s":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
      R"("z":{"dtype":"F32","shape":[1099511627776,1099511627776,0],"data_offsets":[8,8]},)"
      R"("y":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},)"
      R"("f4":{"dtype":"F4","shape":[4],"data_offsets":[8,10]},"f6":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[10,13]}})",
      13));
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_EQ(header->find("s")->elements, 1U);
  EXPECT_EQ(header->find("z")->elements, 0U);
}

TEST(SafetensorsHeader, KnowsEveryType) {
  const std::pair<const char*, int> types[] = {
      {"BOOL", 8},        {"U8", 8},   {"I8", 8},      {"I16", 16},    {"U16", 16},    {"I32", 32},
      {"U32", 32},        {"I64", 64}, {"U64", 64},    {"F16", 16},    {"BF16", 16},   {"F32", 32},
      {"F64", 64},        {"C64", 64}, {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8},
      {"F8_E5M2FNUZ", 8}, {"F4", 4},   {"F6_E2M3", 6}, {"F6_E3M2", 6}};
  for (const auto& [name, bits] : types) {
    const auto bytes = static_cast<std::size_t>(bits);  // of 8 elements
    const auto header =
        read_bytes(file_of(std::string(R"({"t":{"dtype":")") + name + R"(","shape":[8],"data_offsets":[0,)" +
                               std::to_string(bytes) + "]}}",
                           bytes));
    EXPECT_TRUE(header) << name << ": " << header.error().message;
  }
}

TEST(SafetensorsHeader, TakesWhatTheReferenceTakes) {
  constexpr const char* kTensor = R"("t":{"dtype":"F32","shape":[2],"data_offsets":[0,8])";
  for (const std::string& json :
       {std::string(R"({"__metadata__":null,)") + kTensor + "}}",
        std::string(R"({"__metadata__":{},)") + kTensor + "}}", std::string(" \n{") + kTensor + "}}",
        std::string("{") + kTensor + R"(,"other":1}})"}) {
    const auto header = read_bytes(file_of(json, 8));
    ASSERT_TRUE(header) << json << header.error().message;
    EXPECT_NE(header->find("t"), nullptr);
    EXPECT_TRUE(header->metadata().empty());
  }
}

TEST(SafetensorsHeader, UnescapesNames) {
  const auto header =
      read_bytes(file_of(R"({"a\u00e4\"\n":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1));
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_NE(header->find("a\xC3\xA4\"\n"), nullptr);
}

struct Bad {
  const char* name;
  std::string bytes;
  const char* message;
};
void PrintTo(const Bad& bad, std::ostream* out) {
  *out << bad.name;
}

constexpr std::uint64_t kU64Max = std::numeric_limits<std::uint64_t>::max();

/// One tensor "t" with the given fields and 8 bytes of data.
std::string one(std::string_view fields) {
  return file_of("{\"t\":{" + std::string(fields) + "}}", 8);
}
std::string two(std::string_view first, std::string_view second, std::size_t data) {
  return file_of("{\"a\":{\"dtype\":\"U8\"," + std::string(first) + "},\"b\":{\"dtype\":\"U8\"," +
                     std::string(second) + "}}",
                 data);
}
constexpr const char* kGood = R"("dtype":"F32","shape":[2],"data_offsets":[0,8])";

const Bad kBad[] = {
    {"empty_file", "", "has 0 bytes; a safetensors file has at least 10"},
    {"seven_bytes", std::string(7, '\0'), "has 7 bytes"},
    {"nine_bytes", std::string(9, '\0'), "has 9 bytes"},
    {"length_0", file_of("", 8), "does not start with '{'"},
    {"length_beyond_file", file_of("{}", 0, 3), "claims 3 bytes, but the file has 10 bytes"},
    {"length_beyond_limit", file_of("{}", 0, 100'000'001), "claims 100000001 bytes; at most 100000000"},
    {"length_max", file_of("{}", 0, kU64Max), "claims 18446744073709551615 bytes"},
    {"starts_with_a_zero", file_of(std::string_view("\0{}", 3), 0), "does not start with '{'"},
    {"array", file_of("[]", 0), "does not start with '{'"},
    {"not_closed", file_of(R"({"t":)", 8), "not valid JSON"},
    {"only_brace", file_of("{ ", 0), "JSON"},
    {"trailing", file_of("{} x", 0), "not valid JSON"},
    {"two_objects", file_of("{}{}", 0), "not valid JSON"},
    {"zero_bytes_after", file_of(std::string_view("{}\0\0", 4), 0), "header"},
    {"invalid_utf8", file_of("{\"\xFF\":1}", 0), "not valid JSON"},
    {"nested_100000", file_of("{\"t\":" + std::string(100'000, '['), 0), "header"},
    {"tensor_no_object", file_of(R"({"t":1})", 0), "tensor 't' is not described by a JSON object"},
    {"tensor_null", file_of(R"({"t":null})", 0), "tensor 't' is not described"},
    {"metadata_list", file_of(R"({"__metadata__":[]})", 0), "__metadata__"},
    {"metadata_number", file_of(R"({"__metadata__":{"n":1}})", 0),
     "'n' in __metadata__ of its header is not a string"},
    {"metadata_twice", file_of(R"({"__metadata__":{},"__metadata__":{"n":"1"}})", 0),
     "__metadata__ stands twice"},
    {"metadata_null_and_more", file_of(R"({"__metadata__":null,"__metadata__":{"n":"1"}})", 0),
     "__metadata__ stands twice"},
    {"metadata_null_entry", file_of(R"({"__metadata__":{"n":null}})", 0), "'n' in __metadata__"},
    {"no_dtype", one(R"("shape":[2],"data_offsets":[0,8])"), "tensor 't' has no 'dtype'"},
    {"no_shape", one(R"("dtype":"F32","data_offsets":[0,8])"), "tensor 't' has no 'shape'"},
    {"no_offsets", one(R"("dtype":"F32","shape":[2])"), "tensor 't' has no 'data_offsets'"},
    {"no_fields", one(""), "tensor 't' has no 'dtype'"},
    {"dtype_unknown", one(R"("dtype":"F31","shape":[2],"data_offsets":[0,8])"), "unknown dtype 'F31'"},
    {"dtype_ggml", one(R"("dtype":"GGML","shape":[2],"data_offsets":[0,8])"), "unknown dtype 'GGML'"},
    {"dtype_lower_case", one(R"("dtype":"f32","shape":[2],"data_offsets":[0,8])"), "unknown dtype 'f32'"},
    {"dtype_number", one(R"("dtype":1,"shape":[2],"data_offsets":[0,8])"), "'dtype' that is not a string"},
    {"dtype_twice", one(R"("dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8])"),
     "has 'dtype' twice"},
    {"shape_twice", one(R"("dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8])"),
     "has 'shape' twice"},
    {"shape_number", one(R"("dtype":"F32","shape":2,"data_offsets":[0,8])"), "'shape' that is not a list"},
    {"shape_negative", one(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])"),
     "'shape' with something else"},
    {"shape_fraction", one(R"("dtype":"F32","shape":[2.0],"data_offsets":[0,8])"),
     "'shape' with something else"},
    {"shape_string", one(R"("dtype":"F32","shape":["2"],"data_offsets":[0,8])"),
     "'shape' with something else"},
    {"shape_beyond_u64", one(R"("dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,8])"),
     "Problem while parsing a number"},
    {"shape_17", one(R"("dtype":"F32","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2],"data_offsets":[0,8])"),
     "more than 16 dimensions"},
    {"elements_overflow", one(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8])"),
     "elements can't be counted"},
    {"elements_overflow_to_2", one(R"("dtype":"F32","shape":[9223372036854775809,2],"data_offsets":[0,8])"),
     "elements can't be counted"},
    {"bits_overflow", one(R"("dtype":"F32","shape":[576460752303423490],"data_offsets":[0,8])"),
     "bits can't be counted"},
    {"half_a_byte", one(R"("dtype":"F4","shape":[3],"data_offsets":[0,8])"), "does not fill whole bytes"},
    {"size_too_small", one(R"("dtype":"F32","shape":[1],"data_offsets":[0,8])"), "takes 4 bytes"},
    {"size_too_large", one(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])"), "takes 12 bytes"},
    {"offsets_one", one(R"("dtype":"F32","shape":[2],"data_offsets":[8])"), "not two offsets"},
    {"offsets_three", one(R"("dtype":"F32","shape":[2],"data_offsets":[0,8,8])"), "not two offsets"},
    {"offsets_none", one(R"("dtype":"F32","shape":[2],"data_offsets":[])"), "not two offsets"},
    {"offsets_reversed", one(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])"), "not two offsets"},
    {"offsets_negative", one(R"("dtype":"F32","shape":[2],"data_offsets":[-8,0])"), "not two offsets"},
    {"offsets_object", one(R"("dtype":"F32","shape":[2],"data_offsets":{})"), "not two offsets"},
    {"offsets_at_the_end_of_u64",
     one(R"("dtype":"F32","shape":[2],"data_offsets":[18446744073709551607,18446744073709551615])"),
     "leaves a hole"},
    {"starts_after_hole", file_of(R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8),
     "starts at offset 4 of the data, expected 0"},
    {"hole", two(R"("shape":[4],"data_offsets":[0,4])", R"("shape":[4],"data_offsets":[5,9])", 9),
     "leaves a hole"},
    {"overlap", two(R"("shape":[4],"data_offsets":[0,4])", R"("shape":[4],"data_offsets":[3,7])", 7),
     "overlaps another"},
    {"same_place", two(R"("shape":[4],"data_offsets":[0,4])", R"("shape":[4],"data_offsets":[0,4])", 4),
     "overlaps another"},
    {"data_missing", file_of("{\"t\":{" + std::string(kGood) + "}}", 7), "but the file has"},
    {"data_left_over", file_of("{\"t\":{" + std::string(kGood) + "}}", 9), "but the file has"},
    {"data_without_tensors", file_of("{}", 1), "describes a file of 10 bytes, but the file has 11 bytes"},
    {"tensor_twice",
     file_of(R"({"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
             R"("t":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
             8),
     "tensor 't' stands twice"},
    {"tensor_twice_escaped",
     file_of(R"({"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
             R"("\u0074":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
             8),
     "tensor 't' stands twice"},
};

class SafetensorsBad : public ::testing::TestWithParam<Bad> {};

TEST_P(SafetensorsBad, IsRefusedWithItsReason) {
  const auto header = read_bytes(GetParam().bytes);
  ASSERT_FALSE(header);
  EXPECT_EQ(header.error().code, ErrorCode::ModelLoading);
  EXPECT_THAT(header.error().message, HasSubstr("'model.safetensors'"));
  EXPECT_THAT(header.error().message, HasSubstr(GetParam().message));
  EXPECT_FALSE(header.error().remedy.empty());
}
INSTANTIATE_TEST_SUITE_P(Headers, SafetensorsBad, ::testing::ValuesIn(kBad),
                         [](const auto& test) { return test.param.name; });

TEST(SafetensorsHeader, EveryTruncationIsMissed) {
  const std::string bytes = one(kGood);
  ASSERT_TRUE(read_bytes(bytes));
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const auto header = read_bytes(bytes.substr(0, length));
    EXPECT_FALSE(header) << length << " of " << bytes.size();
  }
}

TEST(SafetensorsHeader, ReadsRealFiles) {
  const std::filesystem::path data = testing::test_data();
  for (const auto* file : {"models/llama/model.safetensors", "formats/mlx-4bit/model.safetensors"}) {
    const auto header = Header::open(data / file);
    ASSERT_TRUE(header) << header.error().message;
    EXPECT_GT(header->tensors().size(), 20U);
  }
}

}  // namespace
}  // namespace minerva::safetensors
