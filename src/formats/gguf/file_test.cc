#include "formats/gguf/file.h"

#include <functional>
#include <limits>

#include "base/limits.h"
#include "formats/gguf/test_support.h"
#include "support/temp_dir.h"

namespace minerva::gguf {
namespace {

using ::minerva::testing::gguf_bytes;
using ::minerva::testing::gguf_string;
using ::minerva::testing::GgufBuilder;
using ::minerva::testing::tiny_llama;

constexpr std::uint64_t kU64Max = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kI64Max = std::numeric_limits<std::int64_t>::max();
constexpr std::uint32_t kU32Max = std::numeric_limits<std::uint32_t>::max();

/// Small and sound: two keys, two tensors, "a" of 8 F32 (32 bytes) and "b" of 3 x 2 F32 (24 bytes).
GgufBuilder small() {
  GgufBuilder builder;
  builder.string("general.architecture", "llama").u32("n", 7);
  builder.f32_tensor("a", {8}).f32_tensor("b", {3, 2});
  return builder;
}

TEST(GgufFile, ReadsASoundFile) {
  const auto file = parse(small());
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->version(), 3U);
  EXPECT_EQ(file->alignment(), 32U);
  EXPECT_EQ(file->data_offset() % 32, 0U);
  EXPECT_EQ(file->file_bytes(), file->data_offset() + 32 + 24);
  EXPECT_EQ(file->tensor_bytes(), 56U);
  ASSERT_EQ(file->tensors().size(), 2U);
  const TensorInfo& b = file->tensors()[1];
  EXPECT_EQ(b.name, "b");
  EXPECT_EQ(b.dims, (std::array<std::uint64_t, 4>{3, 2, 1, 1}));
  EXPECT_EQ(b.dim_count, 2U);
  EXPECT_EQ(b.type, GgmlType::F32);
  EXPECT_EQ(b.offset, 32U);
  EXPECT_EQ(b.bytes, 24U);
  EXPECT_EQ(file->find_tensor("b"), &b);
  EXPECT_EQ(file->find_tensor("c"), nullptr);
}

TEST(GgufFile, ReadsVersionTwoAndOtherAlignments) {
  for (const std::uint32_t alignment : {1U, 8U, 64U, 4096U, 1U << 20U}) {
    const auto file = parse(small().version(2).alignment(alignment));
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(file->version(), 2U);
    EXPECT_EQ(file->data_offset() % alignment, 0U);
  }
}

TEST(GgufFile, ReadsAFileWithoutTensorsOrKeys) {
  const auto file = parse(GgufBuilder());
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_TRUE(file->tensors().empty());
  EXPECT_TRUE(file->metadata().entries().empty());
  EXPECT_EQ(file->data_offset(), 24U);
}

TEST(GgufFile, TakesAScalarTensorAndBytesAfterTheEnd) {
  auto builder = small();
  builder.tensor({.name = "s", .dims = {}, .data = std::string(4, 'x')});
  const auto file = parse_bytes(builder.build() + std::string(100, '\0'));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->find_tensor("s")->elements, 1U);
}

TEST(GgufFile, ReadsEveryTensorType) {
  for (const auto& traits : ggml_types()) {
    GgufBuilder builder;
    builder.tensor({.name = "t",
                    .dims = {traits.block_elements, 3},
                    .type = static_cast<std::uint32_t>(traits.type),
                    .data = std::string(std::size_t{traits.block_bytes} * 3, 'x')});
    const auto file = parse(builder);
    ASSERT_TRUE(file) << traits.name << ": " << file.error().message;
    EXPECT_EQ(file->tensors()[0].bytes, traits.block_bytes * 3U) << traits.name;
  }
}

TEST(GgufFile, ReadsStringsLongerThanItsWindow) {
  std::vector<std::string> strings = {"first", std::string(700'000, 'x'), "", "last"};
  const std::string text(300'000, 'y');
  const auto file = parse(small().strings("list", strings).string("text", text));
  ASSERT_TRUE(file) << file.error().message;
  const auto list = file->metadata().get_strings("list");
  ASSERT_TRUE(list);
  EXPECT_EQ(std::vector<std::string>(list->begin(), list->end()), strings);
  EXPECT_EQ(file->metadata().require_string("text").value_or(""), text);
}

// ---- one lie a file

struct Lie {
  const char* name;
  std::function<void(GgufBuilder&)> tell;
  const char* message;  ///< must stand in the error
};
void PrintTo(const Lie& lie, std::ostream* out) {
  *out << lie.name;
}

class GgufLie : public ::testing::TestWithParam<Lie> {};

TEST_P(GgufLie, IsRefusedWithItsName) {
  auto builder = small();
  GetParam().tell(builder);
  const auto file = parse(builder);
  ASSERT_FALSE(file);
  expect_damaged(file.error(), GetParam().message);
}

const Lie kHeaderLies[] = {
    {"magic_lower_case", [](auto& b) { b.magic("gguf"); }, "starts with 'gguf', expected 'GGUF'"},
    {"magic_zero", [](auto& b) { b.magic(std::string_view("\0\0\0\0", 4)); }, "expected 'GGUF'"},
    {"version_0", [](auto& b) { b.version(0); }, "GGUF version 0"},
    {"version_1", [](auto& b) { b.version(1); }, "GGUF version 1"},
    {"version_4", [](auto& b) { b.version(4); }, "GGUF version 4"},
    {"version_max", [](auto& b) { b.version(kU32Max); }, "GGUF version 4294967295"},
    {"big_endian_3", [](auto& b) { b.version(0x03000000); }, "big-endian GGUF file (version 3)"},
    {"big_endian_2", [](auto& b) { b.version(0x02000000); }, "big-endian GGUF file (version 2)"},
    {"tensor_count_more", [](auto& b) { b.claim_tensor_count(3); }, "tensor"},
    {"tensor_count_limit", [](auto& b) { b.claim_tensor_count(limits::kGgufTensorCountMax + 1); }, "tensors"},
    {"tensor_count_i64_max", [](auto& b) { b.claim_tensor_count(kI64Max); }, "9223372036854775807 tensors"},
    {"tensor_count_max", [](auto& b) { b.claim_tensor_count(kU64Max); }, "18446744073709551615 tensors"},
    {"key_value_count_fewer", [](auto& b) { b.claim_key_value_count(1); }, "tensor"},
    {"key_value_count_more", [](auto& b) { b.claim_key_value_count(3); }, "the name of tensor 1 of 2"},
    {"key_value_count_limit", [](auto& b) { b.claim_key_value_count(limits::kGgufKeyValueCountMax + 1); },
     "key-values"},
    {"key_value_count_max", [](auto& b) { b.claim_key_value_count(kU64Max); },
     "18446744073709551615 key-values"},
};
INSTANTIATE_TEST_SUITE_P(Header, GgufLie, ::testing::ValuesIn(kHeaderLies),
                         [](const auto& test) { return test.param.name; });

GgufBuilder& raw(GgufBuilder& builder, std::uint32_t type, const std::string& content) {
  return builder.raw("k", type, content);
}

const Lie kKeyLies[] = {
    {"key_empty", [](auto& b) { b.u32("", 1); }, "the name of key 3 of 3 is empty"},
    {"key_too_long", [](auto& b) { b.u32(std::string(65'536, 'k'), 1); }, "65536 bytes long"},
    {"key_length_beyond_file", [](auto& b) { b.raw_record(gguf_string("k", 1'000'000)); },
     "the name of key 3"},
    {"key_length_max", [](auto& b) { b.raw_record(gguf_string("k", kU64Max)); }, "the name of key 3"},
    {"key_twice", [](auto& b) { b.u32("n", 8); }, "key 'n' stands twice"},
    {"key_twice_other_type", [](auto& b) { b.string("n", "x"); }, "key 'n' stands twice"},
    {"type_13", [](auto& b) { raw(b, 13, ""); }, "unknown type 13"},
    {"type_max", [](auto& b) { raw(b, kU32Max, ""); }, "unknown type 4294967295"},
    {"bool_2", [](auto& b) { raw(b, 7, "\x02"); }, "bool of value 2"},
    {"bool_255", [](auto& b) { raw(b, 7, "\xFF"); }, "bool of value 255"},
    {"string_beyond_file", [](auto& b) { raw(b, 8, gguf_string("abc", 5'000'000)); }, "the value of key 'k'"},
    {"string_length_max", [](auto& b) { raw(b, 8, gguf_string("abc", kU64Max)); }, "the value of key 'k'"},
    {"string_length_almost_max", [](auto& b) { raw(b, 8, gguf_string("abc", kU64Max - 7)); },
     "the value of key 'k'"},
    {"array_of_array", [](auto& b) { b.raw_array("k", 9, 0, ""); },
     "array of type 9, which no array can hold"},
    {"array_of_unknown", [](auto& b) { b.raw_array("k", 13, 1, "x"); }, "array of type 13"},
    {"array_type_max", [](auto& b) { b.raw_array("k", kU32Max, 1, "x"); }, "array of type 4294967295"},
    {"array_count_beyond_file", [](auto& b) { b.raw_array("k", 4, 1'000'000, "abcd"); },
     "the array of key 'k'"},
    {"array_count_limit", [](auto& b) { b.raw_array("k", 0, limits::kGgufArrayElementCountMax + 1, "x"); },
     "array of 16777217 elements"},
    {"array_count_overflow", [](auto& b) { b.raw_array("k", 10, (1ULL << 61U) + 1, "x"); }, "elements"},
    {"array_count_max", [](auto& b) { b.raw_array("k", 12, kU64Max, "x"); }, "elements"},
    {"string_array_count_beyond", [](auto& b) { b.raw_array("k", 8, 1'000'000, gguf_string("a")); },
     "the array of key 'k'"},
    {"string_array_length_beyond", [](auto& b) { b.raw_array("k", 8, 1, gguf_string("a", 1'000'000)); },
     "the array of key 'k'"},
    {"string_array_length_max", [](auto& b) { b.raw_array("k", 8, 1, gguf_string("a", kU64Max)); },
     "the array of key 'k'"},
    {"alignment_0", [](auto& b) { b.u32("general.alignment", 0); }, "'general.alignment' is 0"},
    {"alignment_3", [](auto& b) { b.u32("general.alignment", 3); }, "'general.alignment' is 3"},
    {"alignment_33", [](auto& b) { b.u32("general.alignment", 33); }, "'general.alignment' is 33"},
    {"alignment_limit", [](auto& b) { b.u32("general.alignment", 1U << 21U); },
     "'general.alignment' is 2097152"},
    {"alignment_max", [](auto& b) { b.u32("general.alignment", kU32Max); },
     "'general.alignment' is 4294967295"},
    {"alignment_i32", [](auto& b) { b.template kv<std::int32_t>("general.alignment", 32); },
     "'general.alignment' has type i32, expected u32"},
    {"alignment_string", [](auto& b) { b.string("general.alignment", "32"); },
     "has type string, expected u32"},
    {"alignment_u64", [](auto& b) { b.template kv<std::uint64_t>("general.alignment", 32); }, "has type u64"},
    {"alignment_array", [](auto& b) { b.template array<std::uint32_t>("general.alignment", {32}); },
     "has type array of u32, expected u32"},
};
INSTANTIATE_TEST_SUITE_P(KeyValue, GgufLie, ::testing::ValuesIn(kKeyLies),
                         [](const auto& test) { return test.param.name; });

const Lie kTensorLies[] = {
    {"name_empty", [](auto& b) { b.tensor_named("b").name = ""; }, "the name of tensor 2 of 2 is empty"},
    {"name_64", [](auto& b) { b.tensor_named("b").name = std::string(64, 'x'); }, "64 bytes long"},
    {"name_length_max", [](auto& b) { b.tensor_named("b").name_bytes = kU64Max; }, "the name of tensor 2"},
    {"name_length_beyond", [](auto& b) { b.tensor_named("b").name_bytes = 1'000'000; },
     "the name of tensor 2"},
    {"name_with_zero", [](auto& b) { b.tensor_named("b").name = std::string("x\0y", 3); }, "zero byte"},
    {"name_twice", [](auto& b) { b.tensor_named("b").name = "a"; }, "tensor 'a' stands twice"},
    {"dims_5", [](auto& b) { b.tensor_named("b").dims = {1, 1, 1, 1, 1}; }, "has 5 dimensions"},
    {"dim_count_max", [](auto& b) { b.tensor_named("b").dim_count = kU32Max; }, "has 4294967295 dimensions"},
    {"dim_0", [](auto& b) { b.tensor_named("b").dims = {3, 0}; }, "dimension 1 is 0"},
    {"dim_0_first", [](auto& b) { b.tensor_named("b").dims = {0, 2}; }, "dimension 0 is 0"},
    {"dim_max", [](auto& b) { b.tensor_named("b").dims = {3, kU64Max}; }, "can't be counted"},
    {"dim_minus_one", [](auto& b) { b.tensor_named("b").dims = {kU64Max}; }, "can't be counted"},
    {"dim_i64_max_fits_but_not_bytes", [](auto& b) { b.tensor_named("b").dims = {kI64Max}; },
     "beyond 64 bits"},
    {"dims_overflow", [](auto& b) { b.tensor_named("b").dims = {1ULL << 32U, 1ULL << 32U}; },
     "can't be counted"},
    {"dims_overflow_to_small", [](auto& b) { b.tensor_named("b").dims = {1ULL << 33U, (1ULL << 31U) + 1}; },
     "can't be counted"},
    {"bytes_overflow", [](auto& b) { b.tensor_named("b").dims = {1ULL << 62U}; }, "beyond 64 bits"},
    {"bytes_wrap_to_16", [](auto& b) { b.tensor_named("b").dims = {(1ULL << 62U) + 4}; }, "beyond 64 bits"},
    {"type_43", [](auto& b) { b.tensor_named("b").type = 43; }, "unknown type 43"},
    {"type_max", [](auto& b) { b.tensor_named("b").type = kU32Max; }, "unknown type 4294967295"},
    {"type_withdrawn", [](auto& b) { b.tensor_named("b").type = 31; },
     "type Q4_0_4_4, which ggml no longer supports"},
    {"row_no_whole_blocks", [](auto& b) { b.tensor_named("b").type = 2; },
     "expected a multiple of 32 for type Q4_0"},
    {"offset_1", [](auto& b) { b.tensor_named("b").offset = 1; }, "overlaps the tensor before it"},
    {"offset_0", [](auto& b) { b.tensor_named("b").offset = 0; }, "overlaps the tensor before it"},
    {"offset_gap", [](auto& b) { b.tensor_named("b").offset = 64; }, "leaves a gap"},
    {"offset_first_not_0", [](auto& b) { b.tensor_named("a").offset = 32; }, "starts at offset 32"},
    {"offset_max", [](auto& b) { b.tensor_named("b").offset = kU64Max; },
     "starts at offset 18446744073709551615"},
    {"offset_max_aligned", [](auto& b) { b.tensor_named("b").offset = kU64Max - 31; }, "leaves a gap"},
    {"larger_than_its_data", [](auto& b) { b.tensor_named("b").dims = {7}; }, "but the file has"},
    {"far_larger_than_the_file", [](auto& b) { b.tensor_named("b").dims = {1ULL << 40U}; },
     "but the file has"},
    {"ends_beyond_64_bits", [](auto& b) { b.tensor_named("b").dims = {(1ULL << 62U) - 8}; }, "2^64 or later"},
};
INSTANTIATE_TEST_SUITE_P(Tensor, GgufLie, ::testing::ValuesIn(kTensorLies),
                         [](const auto& test) { return test.param.name; });

// ---- truncation

TEST(GgufTruncation, EveryByteOfAHeaderIsMissed) {
  const auto builder = small();
  const std::string bytes = builder.build();
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const auto file = parse_bytes(bytes.substr(0, length));
    ASSERT_FALSE(file) << "parsed with only " << length << " of " << bytes.size() << " bytes";
    EXPECT_EQ(file.error().code, ErrorCode::ModelLoading);
    EXPECT_FALSE(file.error().remedy.empty());
  }
  EXPECT_TRUE(parse_bytes(bytes));
}

class GgufTruncated : public ::testing::TestWithParam<int> {};

TEST_P(GgufTruncated, IsRefusedWithBothSizes) {
  const std::string bytes = tiny_llama().build();
  const std::size_t length = bytes.size() * static_cast<std::size_t>(GetParam()) / 64;
  const auto file = parse_bytes(bytes.substr(0, length));
  ASSERT_FALSE(file);
  if (length >= 24) expect_damaged(file.error(), std::to_string(length) + " bytes");
}
INSTANTIATE_TEST_SUITE_P(SixtyFourths, GgufTruncated, ::testing::Range(0, 64));

TEST(GgufTruncation, NoFlippedByteOfAHeaderCrashes) {
  // Each byte in turn becomes 0, 1, 0x7F, 0x80 and 0xFF; the file parses or it doesn't.
  const auto builder = small();
  const std::string sound = builder.build();
  const std::size_t header = builder.header().size();
  int refused = 0;
  for (std::size_t at = 0; at < header; ++at) {
    for (const char value : {'\0', '\1', '\x7F', '\x80', '\xFF'}) {
      std::string bytes = sound;
      bytes[at] = value;
      const auto file = parse_bytes(bytes);
      if (file) continue;
      ++refused;
      EXPECT_FALSE(file.error().remedy.empty());
    }
  }
  EXPECT_GT(refused, 100);
}

/// Fails the read number `fail_at`.
class FailingSource final : public ByteSource {
 public:
  FailingSource(std::string bytes, int fail_at) : bytes_(std::move(bytes)), fail_at_(fail_at) {}
  std::uint64_t size() const noexcept override { return bytes_.size(); }
  const std::string& name() const noexcept override { return bytes_.name(); }
  Result<void> read(std::uint64_t offset, std::span<std::byte> out) const override {
    if (reads_++ == fail_at_) return model_loading("the disk failed", "Try another disk.");
    return bytes_.read(offset, out);
  }

 private:
  OwnedBytes bytes_;
  int fail_at_;
  mutable int reads_ = 0;
};

TEST(GgufFile, PassesOnWhatTheMediumSays) {
  auto builder = tiny_llama();
  builder.string("long", std::string(600'000, 'x'));  // several windows
  for (int fail_at = 0;; ++fail_at) {
    const auto file = File::parse(std::make_shared<FailingSource>(builder.build(), fail_at));
    if (file) {
      EXPECT_GE(fail_at, 2);  // header in one read, the rest after the long string in another
      break;
    }
    EXPECT_EQ(file.error().message, "the disk failed");
    ASSERT_LT(fail_at, 100);
  }
}

TEST(GgufFile, OpensFromDisk) {
  const testing::TempDir dir;
  const auto file = File::open(dir.write("tiny.gguf", tiny_llama().build()));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->name(), "tiny.gguf");
  EXPECT_EQ(file->tensors().size(), 11U);
}

}  // namespace
}  // namespace minerva::gguf
