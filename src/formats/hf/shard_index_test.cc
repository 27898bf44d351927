#include "formats/hf/shard_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"

namespace minerva::hf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr const char* kName = "model.safetensors.index.json";

Result<ShardIndex> read(std::string_view json) {
  const testing::TempDir dir;
  return read_shard_index(dir.write(kName, json), ".safetensors");
}

TEST(ShardIndex, NamesFiles) {
  const auto index = read(R"({"metadata":{"total_size":12},"weight_map":
      {"b":"m-2.safetensors","a":"m-1.safetensors","c":"m-2.safetensors"}})");
  ASSERT_TRUE(index) << index.error().message;
  EXPECT_THAT(index->files, ElementsAre("m-1.safetensors", "m-2.safetensors"));
  EXPECT_EQ(index->tensor_count, 3U);
}

TEST(ShardIndex, TakesPathsInsideOfTheDirectory) {
  const auto index =
      read(R"({"weight_map":{"a":"./m-1.safetensors","b":"m-1.safetensors","c":"x//m-2.safetensors",
      "d":"./././x/m-2.safetensors","d":"m-3.safetensors"}})");
  ASSERT_TRUE(index) << index.error().message;
  EXPECT_THAT(index->files, ElementsAre("m-1.safetensors", "m-3.safetensors", "x/m-2.safetensors"));
}

struct Bad {
  const char* name;
  const char* json;
  const char* message;
};
void PrintTo(const Bad& bad, std::ostream* out) {
  *out << bad.name;
}

const Bad kBad[] = {
    {"empty", "", "it is empty"},
    {"cut", R"({"weight_map":{"a":"m.safetensors")", "it ends in the middle"},
    {"list", "[]", "expected a JSON object"},
    {"lfs", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", "is a Git LFS pointer"},
    {"page", "<!DOCTYPE html><html>", "is a web page"},
    {"answer", "Entry not found", "it holds the text 'Entry not found'"},
    {"trailing", R"({"weight_map":{"a":"m.safetensors"}} x {})", "not valid JSON"},
    {"no_map", R"({"metadata":{}})", "'weight_map' is missing"},
    {"map_list", R"({"weight_map":[]})", "'weight_map' is missing or not an object"},
    {"map_null", R"({"weight_map":null})", "'weight_map' is missing or not an object"},
    {"map_empty", R"({"weight_map":{}})", "'weight_map' is empty"},
    {"number", R"({"weight_map":{"a":1}})", "weight_map['a'] is not a string"},
    {"null", R"({"weight_map":{"a":null}})", "weight_map['a'] is not a string"},
    {"parent", R"({"weight_map":{"a":"../m.safetensors"}})",
     "expected the name of a .safetensors file in this directory"},
    {"parent_later", R"({"weight_map":{"a":"x/../../m.safetensors"}})", "expected the name of"},
    {"absolute", R"({"weight_map":{"a":"/etc/m.safetensors"}})", "expected the name of"},
    {"backslash", R"({"weight_map":{"a":"..\\m.safetensors"}})", "expected the name of"},
    {"zero_byte", R"({"weight_map":{"a":"m\u0000.safetensors"}})", "expected the name of"},
    {"dots", R"({"weight_map":{"a":".."}})", "expected the name of"},
    {"empty_name", R"({"weight_map":{"a":""}})", "expected the name of"},
    {"other_format", R"({"weight_map":{"a":"m.bin"}})", "is 'm.bin', expected"},
};

class ShardIndexBad : public ::testing::TestWithParam<Bad> {};
TEST_P(ShardIndexBad, IsRefusedWithItsEntry) {
  const auto index = read(GetParam().json);
  ASSERT_FALSE(index);
  EXPECT_EQ(index.error().code, ErrorCode::ModelLoading);
  EXPECT_THAT(index.error().message, HasSubstr(kName));
  EXPECT_THAT(index.error().message, HasSubstr(GetParam().message));
  EXPECT_FALSE(index.error().remedy.empty());
}
INSTANTIATE_TEST_SUITE_P(Indexes, ShardIndexBad, ::testing::ValuesIn(kBad),
                         [](const auto& test) { return test.param.name; });

TEST(ShardIndex, RefusesTooManyFilesAndTooDeepJson) {
  std::string map;
  for (int i = 0; i < 4097; ++i) {
    map += (i == 0 ? "" : ",") + ("\"t" + std::to_string(i)) + "\":\"" + std::to_string(i) + ".safetensors\"";
  }
  const auto files = read("{\"weight_map\":{" + map + "}}");
  ASSERT_FALSE(files);
  EXPECT_THAT(files.error().message, HasSubstr("names 4097 files; at most 4096"));
  EXPECT_FALSE(read("{\"weight_map\":" + std::string(1'000'000, '[')));
}

}  // namespace
}  // namespace minerva::hf
