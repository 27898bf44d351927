#include "formats/gguf/metadata.h"

#include <limits>
#include <map>

#include "formats/gguf/test_support.h"

namespace minerva::gguf {
namespace {

using ::minerva::testing::GgufBuilder;

/// A file with one key of each type, named as the type.
File all_types() {
  GgufBuilder builder;
  builder.kv<std::uint8_t>("u8", 255).kv<std::int8_t>("i8", -128);
  builder.kv<std::uint16_t>("u16", 65535).kv<std::int16_t>("i16", -32768);
  builder.kv<std::uint32_t>("u32", 4294967295U)
      .kv<std::int32_t>("i32", std::numeric_limits<std::int32_t>::min());
  builder.kv<std::uint64_t>("u64", std::numeric_limits<std::uint64_t>::max());
  builder.kv<std::int64_t>("i64", std::numeric_limits<std::int64_t>::min());
  builder.kv<float>("f32", 0.5F).kv<double>("f64", 1e300).kv<bool>("bool", true);
  builder.string("string", "text").string("empty", "").string("long", std::string(10'000, 'x'));
  builder.array<std::uint32_t>("array of u32", {1, 2, 3}).array<std::int32_t>("array of i32", {-1, 2});
  builder.array<float>("array of f32", {0.5F}).array<std::uint8_t>("array of u8", {});
  builder.strings("array of string", {"a", "", "ccc"});
  auto file = parse(builder);
  if (!file) throw std::runtime_error(file.error().message);
  return std::move(*file);
}

TEST(GgufMetadata, KeepsExtremeValues) {
  const File file = all_types();
  const Metadata& m = file.metadata();
  EXPECT_EQ(m.require<std::uint8_t>("u8").value_or(0), 255);
  EXPECT_EQ(m.require<std::int8_t>("i8").value_or(0), -128);
  EXPECT_EQ(m.require<std::uint16_t>("u16").value_or(0), 65535);
  EXPECT_EQ(m.require<std::int16_t>("i16").value_or(0), -32768);
  EXPECT_EQ(m.require<std::uint32_t>("u32").value_or(0), 4294967295U);
  EXPECT_EQ(m.require<std::int32_t>("i32").value_or(0), std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(m.require<std::uint64_t>("u64").value_or(0), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(m.require<std::int64_t>("i64").value_or(0), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(m.require<float>("f32").value_or(0), 0.5F);
  EXPECT_EQ(m.require<double>("f64").value_or(0), 1e300);
  EXPECT_EQ(m.require<bool>("bool").value_or(false), true);
  EXPECT_EQ(m.require_string("string").value_or(""), "text");
  EXPECT_EQ(m.require_string("empty").value_or("x"), "");
  EXPECT_EQ(m.require_string("long").value_or(""), std::string(10'000, 'x'));
}

template <class T>
std::vector<T> numbers(const Metadata& metadata, std::string_view key) {
  auto values = metadata.get_numbers<T>(key);
  if (!values) throw std::runtime_error(values.error().message);
  return std::move(*values);
}

TEST(GgufMetadata, ReadsArrays) {
  const File file = all_types();
  const Metadata& m = file.metadata();
  EXPECT_EQ(numbers<std::uint32_t>(m, "array of u32"), (std::vector<std::uint32_t>{1, 2, 3}));
  EXPECT_EQ(numbers<std::int32_t>(m, "array of i32"), (std::vector<std::int32_t>{-1, 2}));
  EXPECT_EQ(numbers<float>(m, "array of f32"), (std::vector<float>{0.5F}));
  EXPECT_TRUE(numbers<std::uint8_t>(m, "array of u8").empty());
  const auto strings = m.get_strings("array of string");
  ASSERT_TRUE(strings);
  EXPECT_EQ(std::vector<std::string>(strings->begin(), strings->end()),
            (std::vector<std::string>{"a", "", "ccc"}));
  const auto info = m.get_array("array of u32");
  ASSERT_TRUE(info && *info != nullptr);
  EXPECT_EQ((*info)->count, 3U);
  EXPECT_EQ((*info)->bytes, 12U);
}

TEST(GgufMetadata, AbsentKeysAreNothingUnlessRequired) {
  const File file = all_types();
  const Metadata& m = file.metadata();
  EXPECT_EQ(m.get<std::uint32_t>("x").value_or(1U), std::nullopt);
  EXPECT_EQ(m.get_string("x").value_or("y"), std::nullopt);
  EXPECT_EQ(m.get_array("x").value_or(nullptr), nullptr);
  EXPECT_TRUE(m.get_strings("x") && m.get_strings("x")->empty());
  EXPECT_TRUE(m.get_numbers<float>("x") && m.get_numbers<float>("x")->empty());
  const auto missing = m.require<std::uint32_t>("x");
  ASSERT_FALSE(missing);
  expect_damaged(missing.error(), "key 'x' (type u32) is missing");
  const auto text = m.require_string("x");
  ASSERT_FALSE(text);
  expect_damaged(text.error(), "key 'x' (type string) is missing");
}

/// Each getter by the type it wants.
Result<void> get_as(const Metadata& m, const std::string& wanted, std::string_view key) {
  const auto drop = [](auto result) -> Result<void> {
    if (result) return {};
    return std::unexpected(std::move(result).error());
  };
  if (wanted == "u8") return drop(m.get<std::uint8_t>(key));
  if (wanted == "i8") return drop(m.get<std::int8_t>(key));
  if (wanted == "u16") return drop(m.get<std::uint16_t>(key));
  if (wanted == "i16") return drop(m.get<std::int16_t>(key));
  if (wanted == "u32") return drop(m.get<std::uint32_t>(key));
  if (wanted == "i32") return drop(m.get<std::int32_t>(key));
  if (wanted == "u64") return drop(m.get<std::uint64_t>(key));
  if (wanted == "i64") return drop(m.get<std::int64_t>(key));
  if (wanted == "f32") return drop(m.get<float>(key));
  if (wanted == "f64") return drop(m.get<double>(key));
  if (wanted == "bool") return drop(m.get<bool>(key));
  if (wanted == "string") return drop(m.get_string(key));
  if (wanted == "array of u32") return drop(m.get_numbers<std::uint32_t>(key));
  if (wanted == "array of i32") return drop(m.get_numbers<std::int32_t>(key));
  if (wanted == "array of f32") return drop(m.get_numbers<float>(key));
  return drop(m.get_strings(key));
}

const char* const kTypes[] = {
    "u8",  "i8",  "u16",  "i16",    "u32",          "i32",          "u64",          "i64",
    "f32", "f64", "bool", "string", "array of u32", "array of i32", "array of f32", "array of string"};

class GgufWrongType : public ::testing::TestWithParam<std::tuple<const char*, const char*>> {};

TEST_P(GgufWrongType, NamesKeyExpectedAndFound) {
  const File file = all_types();
  const auto [wanted, stored] = GetParam();
  const auto result = get_as(file.metadata(), wanted, stored);
  if (std::string_view(wanted) == stored) {
    EXPECT_TRUE(result);
    return;
  }
  ASSERT_FALSE(result);
  expect_damaged(result.error(),
                 "key '" + std::string(stored) + "' has type " + stored + ", expected " + wanted);
}
INSTANTIATE_TEST_SUITE_P(EachByEach, GgufWrongType,
                         ::testing::Combine(::testing::ValuesIn(kTypes), ::testing::ValuesIn(kTypes)));

TEST(GgufMetadata, UnsignedTakesEveryIntegerThatIsNotNegative) {
  auto file =
      parse(GgufBuilder().kv<std::int8_t>("i8", 5).kv<std::int64_t>("i64", 0).kv<std::uint16_t>("u16", 9));
  ASSERT_TRUE(file);
  const Metadata& m = file->metadata();
  EXPECT_EQ(m.get_unsigned("i8").value_or(0), 5U);
  EXPECT_EQ(m.get_unsigned("i64").value_or(1), 0U);
  EXPECT_EQ(m.get_unsigned("u16").value_or(0), 9U);
  const File all = all_types();
  const auto negative = all.metadata().get_unsigned("i32");
  ASSERT_FALSE(negative);
  expect_damaged(negative.error(), "key 'i32' is -2147483648, expected 0 or more");
  for (const auto* key : {"f32", "bool", "string", "array of u32"})
    EXPECT_FALSE(all.metadata().get_unsigned(key));
}

TEST(GgufMetadata, NumberTakesEveryNumber) {
  const File file = all_types();
  EXPECT_EQ(file.metadata().get_number("f32").value_or(0), 0.5);
  EXPECT_EQ(file.metadata().get_number("u8").value_or(0), 255.0);
  EXPECT_EQ(file.metadata().get_number("i8").value_or(0), -128.0);
  for (const auto* key : {"bool", "string", "array of u32"})
    EXPECT_FALSE(file.metadata().get_number(key)) << key;
}

TEST(GgufMetadata, StringsHaveALimitWhereTheCallerSetsOne) {
  const File file = all_types();
  EXPECT_TRUE(file.metadata().get_string("string", 4));
  const auto inline_string = file.metadata().get_string("string", 3);
  ASSERT_FALSE(inline_string);
  expect_damaged(inline_string.error(), "key 'string' is a string of 4 bytes; at most 3 are allowed");
  EXPECT_TRUE(file.metadata().get_string("long", 10'000));
  EXPECT_FALSE(file.metadata().get_string("long", 9'999));
}

/// A source whose content changes between two reads, as a file does that is rewritten.
class ChangingSource final : public ByteSource {
 public:
  explicit ChangingSource(std::string bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size() const noexcept override { return bytes_.size(); }
  const std::string& name() const noexcept override { return name_; }
  Result<void> read(std::uint64_t offset, std::span<std::byte> out) const override {
    MINERVA_TRY(MemorySource(std::as_bytes(std::span(bytes_)), name_).read(offset, out));
    if (changed_) std::ranges::fill(out, std::byte{0xFF});
    return {};
  }
  mutable bool changed_ = false;

 private:
  std::string bytes_;
  std::string name_ = "test.gguf";
};

TEST(GgufMetadata, ArraysAreCheckedAgainWhenTheyAreRead) {
  auto source = std::make_shared<ChangingSource>(GgufBuilder().strings("list", {"a", "b"}).build());
  const auto file = File::parse(source);
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->metadata().get_strings("list"));
  source->changed_ = true;
  const auto list = file->metadata().get_strings("list");
  ASSERT_FALSE(list);
  expect_damaged(list.error(), "changed while it was read");
}

}  // namespace
}  // namespace minerva::gguf
