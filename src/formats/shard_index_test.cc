#include "formats/shard_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"

namespace minerva {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ShardIndex, ReadsAnIndex) {
  const auto index =
      read_shard_index(MINERVA_TEST_DATA "/formats/safetensors-sharded/model.safetensors.index.json");
  ASSERT_TRUE(index) << index.error().message;
  EXPECT_THAT(index->files,
              ElementsAre("model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors",
                          "model-00003-of-00003.safetensors"));
  EXPECT_EQ(index->tensors.size(), 30U);
  EXPECT_EQ(index->tensors.at("lm_head.weight"), "model-00001-of-00003.safetensors");
}

TEST(ShardIndex, RefusesOthers) {
  struct Case {
    std::string text;
    const char* message;
  };
  for (const Case& c : {
           Case{"", "not valid JSON"},
           Case{"[]", "no 'weight_map'"},
           Case{"3", "no 'weight_map'"},
           Case{"{}", "no 'weight_map'"},
           Case{R"({"weight_map":{}})", "no 'weight_map'"},
           Case{R"({"weight_map":[]})", "no 'weight_map'"},
           Case{R"({"weight_map":{"a":1}})", "the file of tensor 'a' is not a string"},
           Case{R"({"weight_map":{"a":""}})", "not the name of a file"},
           Case{R"({"weight_map":{"a":".."}})", "not the name of a file"},
           Case{R"({"weight_map":{"a":"../secret"}})", "not the name of a file"},
           Case{R"({"weight_map":{"a":"/etc/passwd"}})", "not the name of a file"},
           Case{R"({"weight_map":{"a":"b\\c"}})", "not the name of a file"},
           Case{R"({"weight_map":{"a":"b\u0000c"}})", "not the name of a file"},
           Case{std::string(1'000'000, '['), "nested deeper"},
       }) {
    const auto index = parse_shard_index(c.text, "i.json");
    ASSERT_FALSE(index) << c.text;
    EXPECT_EQ(index.error().code, ErrorCode::ModelLoading);
    EXPECT_THAT(index.error().message, HasSubstr("'i.json'"));
    EXPECT_THAT(index.error().message, HasSubstr(c.message));
    EXPECT_FALSE(index.error().remedy.empty());
  }
}

TEST(ShardIndex, LimitsTheNumberOfFiles) {
  std::string text = R"({"weight_map":{)";
  for (std::size_t i = 0; i <= limits::kShardCountMax; ++i) {
    text += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":\"" + std::to_string(i) + "\"";
  }
  const auto index = parse_shard_index(text + "}}", "i.json");
  ASSERT_FALSE(index);
  EXPECT_THAT(index.error().message, HasSubstr("it names 4097 files"));
}

}  // namespace
}  // namespace minerva
