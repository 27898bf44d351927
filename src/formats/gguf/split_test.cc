#include "formats/gguf/split.h"

#include "formats/gguf/test_support.h"
#include "support/temp_dir.h"

namespace minerva::gguf {
namespace {

using ::minerva::testing::GgufBuilder;
using ::testing::HasSubstr;

/// Shard `index` of `count` with one tensor "t<index>"; the first has the model's keys.
GgufBuilder shard(std::uint16_t index, std::uint16_t count, std::int32_t tensors) {
  GgufBuilder builder;
  if (index == 0) builder.string("general.architecture", "llama");
  builder.kv<std::uint16_t>("split.no", index).kv<std::uint16_t>("split.count", count);
  builder.kv<std::int32_t>("split.tensors.count", tensors);
  builder.f32_tensor("t" + std::to_string(index), {8});
  return builder;
}

std::string name_of(int index) {
  return split_file_name("model", static_cast<std::uint32_t>(index), 3);
}

/// A folder with all three shards.
struct ThreeShards {
  testing::TempDir dir;
  ThreeShards() {
    for (int i = 0; i < 3; ++i) write(i, shard(static_cast<std::uint16_t>(i), 3, 3));
  }
  void write(int index, const GgufBuilder& builder) const { dir.write(name_of(index), builder.build()); }
  std::filesystem::path path(int index) const { return dir.path() / name_of(index); }
};

TEST(SplitName, IsParsed) {
  const auto name = parse_split_name("Qwen-3-00002-of-00012.gguf");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->prefix, "Qwen-3");
  EXPECT_EQ(name->index, 1U);
  EXPECT_EQ(name->count, 12U);
  EXPECT_EQ(split_file_name(name->prefix, name->index, name->count), "Qwen-3-00002-of-00012.gguf");
}

TEST(SplitName, IsNotSeenWhereThereIsNone) {
  for (const auto* name : {"", "model.gguf", "-00001-of-00002.gguf", "m-00000-of-00002.gguf",
                           "m-00003-of-00002.gguf", "m-0001-of-00002.gguf", "m-00001-of-0002.gguf",
                           "m-00001_of_00002.gguf", "m-00001-of-00002.GGUF", "m-+0001-of-00002.gguf",
                           "m-00001-of-00002.gguf.part", "m 00001-of-00002.gguf", "m-0x001-of-00002.gguf"}) {
    EXPECT_FALSE(parse_split_name(name)) << name;
  }
}

TEST(GgufSplit, OpensFromAnyShard) {
  const ThreeShards shards;
  for (int i = 0; i < 3; ++i) {
    const auto model = open_model(shards.path(i));
    ASSERT_TRUE(model) << model.error().message;
    ASSERT_EQ(model->files.size(), 3U);
    EXPECT_EQ(model->paths[0], shards.path(0));
    EXPECT_EQ(model->paths[2], shards.path(2));
    EXPECT_TRUE(model->metadata().contains("general.architecture"));
  }
}

TEST(GgufSplit, TakesAFileThatWasMerged) {
  const testing::TempDir dir;
  for (const std::uint16_t count : {std::uint16_t{0}, std::uint16_t{1}}) {
    const auto model = open_model(dir.write("m.gguf", shard(0, count, 1).build()));
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(model->files.size(), 1U);
  }
}

TEST(GgufSplit, NamesEveryMissingShard) {
  const ThreeShards shards;
  std::filesystem::remove(shards.path(1));
  for (const int opened : {0, 2}) {
    const auto model = open_model(shards.path(opened));
    ASSERT_FALSE(model);
    EXPECT_EQ(model.error().code, ErrorCode::ModelLoading);
    EXPECT_THAT(model.error().message, HasSubstr("1 is missing: 'model-00002-of-00003.gguf'"));
    EXPECT_THAT(model.error().remedy, HasSubstr("Download the missing part"));
  }
  std::filesystem::remove(shards.path(0));
  const auto model = open_model(shards.path(2));
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().message, HasSubstr("'model-00001-of-00003.gguf', 'model-00002-of-00003.gguf'"));
}

TEST(GgufSplit, RefusesARenamedShard) {
  const ThreeShards shards;
  const auto renamed = shards.dir.path() / "best.gguf";
  std::filesystem::copy(shards.path(0), renamed);
  const auto model = open_model(renamed);
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().message, HasSubstr("part 1 of 3"));
  EXPECT_THAT(model.error().message, HasSubstr("'-00001-of-00003.gguf'"));
}

TEST(GgufSplit, RefusesShardsThatDoNotBelongTogether) {
  struct Case {
    const char* name;
    GgufBuilder second;
    const char* message;
  };
  auto twice = shard(1, 3, 3);
  twice.tensor_named("t1").name = "t0";
  auto without_number = shard(1, 3, 3);
  without_number.erase("split.no");
  auto string_count = shard(1, 3, 3);
  string_count.erase("split.count").string("split.count", "3");
  auto negative = shard(1, 3, 3);
  negative.erase("split.no").kv<std::int32_t>("split.no", -1);
  auto two_tensors = shard(1, 3, 3);
  two_tensors.f32_tensor("extra", {2});
  const Case cases[] = {
      {"swapped", shard(2, 3, 3), "says it is part 3 of 3, expected part 2 of 3"},
      {"other count", shard(1, 4, 3), "says it is part 2 of 4, expected part 2 of 3"},
      {"not split", GgufBuilder().f32_tensor("t1", {8}), "says it is part 1 of 1"},
      {"number beyond count", shard(3, 3, 3), "'split.no' is 3, expected less than split.count"},
      {"count beyond limit", shard(1, 65535, 3), "'split.count' is 65535; at most 1024"},
      {"tensor twice", twice, "tensor 't0' stands in another part"},
      {"no number", without_number, "key 'split.no' (type an integer) is missing"},
      {"string count", string_count, "'split.count' has type string, expected an integer"},
      {"negative number", negative, "'split.no' is -1"},
      {"more tensors than promised", two_tensors,
       "'split.tensors.count' is 3, but the 3 parts hold 4 tensors"},
  };
  for (const Case& c : cases) {
    const ThreeShards shards;
    shards.write(1, c.second);
    const auto model = open_model(shards.path(0));
    ASSERT_FALSE(model) << c.name;
    EXPECT_EQ(model.error().code, ErrorCode::ModelLoading) << c.name;
    EXPECT_THAT(model.error().message, HasSubstr(c.message)) << c.name;
    EXPECT_FALSE(model.error().remedy.empty()) << c.name;
  }
}

TEST(GgufSplit, RefusesADamagedShard) {
  const ThreeShards shards;
  const std::string bytes = shard(2, 3, 3).build();
  shards.dir.write(name_of(2), bytes.substr(0, bytes.size() - 1));
  const auto model = open_model(shards.path(0));
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().message, HasSubstr("'model-00003-of-00003.gguf': tensor 't2' ends at byte"));
}

}  // namespace
}  // namespace minerva::gguf
