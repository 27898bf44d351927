#include "formats/hf/weight_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <tuple>

#include "support/temp_dir.h"

namespace minerva::hf {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

/// A safetensors file with one-byte tensors of these names.
std::string weights(const std::vector<std::string>& names) {
  std::string json = "{";
  for (std::size_t i = 0; i < names.size(); ++i) {
    json += (i == 0 ? "\"" : ",\"") + names[i] + R"(":{"dtype":"U8","shape":[1],"data_offsets":[)" +
            std::to_string(i) + "," + std::to_string(i + 1) + "]}";
  }
  json += "}";
  std::string length(8, '\0');
  const std::uint64_t bytes = json.size();
  std::memcpy(length.data(), &bytes, sizeof(bytes));
  return length + json + std::string(names.size(), 'x');
}

std::string shard(int number, int count, const char* stem = "model", const char* extension = ".safetensors") {
  std::array<char, 64> name{};
  std::snprintf(name.data(), name.size(), "%s-%05d-of-%05d%s", stem, number, count, extension);
  return name.data();
}

std::string index_of(const std::vector<std::pair<std::string, std::string>>& map) {
  std::string json = R"({"weight_map":{)";
  for (const auto& [tensor, file] : map) {
    json.append(json.back() == '{' ? "\"" : ",\"").append(tensor).append("\":\"").append(file).append("\"");
  }
  return json + "}}";
}

Result<std::vector<safetensors::Header>> read(const testing::TempDir& dir) {
  MINERVA_ASSIGN(const WeightFiles files, find_weight_files(dir.path(), WeightFormat::Safetensors));
  return read_headers(files);
}

void expect_error(const Error& error, const char* message) {
  EXPECT_EQ(error.code, ErrorCode::ModelLoading);
  EXPECT_THAT(error.message, HasSubstr(message));
  EXPECT_GT(error.remedy.size(), 20U);
}

TEST(WeightFiles, PrefersTheSingleFile) {
  const testing::TempDir dir;
  dir.write("model.safetensors", weights({"a"}));
  dir.write("model.safetensors.index.json", index_of({{"a", shard(1, 1)}}));
  const auto files = find_weight_files(dir.path(), WeightFormat::Safetensors);
  ASSERT_TRUE(files) << files.error().message;
  ASSERT_THAT(files->paths, SizeIs(1));
  EXPECT_EQ(files->paths[0].filename(), "model.safetensors");
  EXPECT_FALSE(files->has_index());
}

TEST(WeightFiles, FollowsTheIndex) {
  const testing::TempDir dir;
  dir.write("model.safetensors.index.json", index_of({{"b", shard(2, 2)}, {"a", shard(1, 2)}}));
  dir.write(shard(1, 2), weights({"a"}));
  dir.write(shard(2, 2), weights({"b"}));
  const auto headers = read(dir);
  ASSERT_TRUE(headers) << headers.error().message;
  ASSERT_THAT(*headers, SizeIs(2));
  EXPECT_NE((*headers)[0].find("a"), nullptr);
}

TEST(WeightFiles, TakesCompleteShardsWithoutAnIndex) {
  const testing::TempDir dir;
  dir.write(shard(1, 2), weights({"a"}));
  dir.write(shard(2, 2), weights({"b"}));
  const auto headers = read(dir);
  ASSERT_TRUE(headers) << headers.error().message;
  EXPECT_THAT(*headers, SizeIs(2));
}

TEST(WeightFiles, NamesTheShardsThatAreMissing) {
  const testing::TempDir dir;
  dir.write(shard(1, 3), weights({"a"}));
  auto headers = read(dir);
  ASSERT_FALSE(headers);
  expect_error(headers.error(),
               "'model-00002-of-00003.safetensors', 'model-00003-of-00003.safetensors' are missing");
  dir.write("model.safetensors.index.json",
            index_of({{"a", shard(1, 3)}, {"b", shard(2, 3)}, {"c", shard(3, 3)}}));
  headers = read(dir);
  ASSERT_FALSE(headers);
  expect_error(headers.error(), "'model.safetensors.index.json' names 3 files");
  EXPECT_THAT(headers.error().message, HasSubstr("'model-00002-of-00003.safetensors'"));
}

TEST(WeightFiles, SaysWhatWasExpected) {
  const testing::TempDir dir;
  auto files = find_weight_files(dir.path(), WeightFormat::Safetensors);
  ASSERT_FALSE(files);
  expect_error(files.error(), "expected 'model.safetensors' or 'model.safetensors.index.json'");
  dir.write("consolidated.safetensors", weights({"a"}));
  files = find_weight_files(dir.path(), WeightFormat::Safetensors);
  ASSERT_FALSE(files);
  expect_error(files.error(), "found 'consolidated.safetensors'");
  files = find_weight_files(dir.path(), WeightFormat::TorchBin);
  ASSERT_FALSE(files);
  expect_error(files.error(), "expected 'pytorch_model.bin' or 'pytorch_model.bin.index.json'");
}

TEST(WeightFiles, KnowsShardNamesFromOthers) {
  for (const auto* name : {"model-00000-of-00002.safetensors", "model-00003-of-00002.safetensors",
                           "model-0001-of-00002.safetensors", "model-00001_of-00002.safetensors",
                           "model-0000x-of-00002.safetensors", "xmodel-00001-of-00001.safetensors"}) {
    const testing::TempDir dir;
    dir.write(name, weights({"a"}));
    EXPECT_FALSE(find_weight_files(dir.path(), WeightFormat::Safetensors)) << name;
  }
  const testing::TempDir dir;
  dir.write(shard(1, 99999), weights({"a"}));
  const auto files = find_weight_files(dir.path(), WeightFormat::Safetensors);
  ASSERT_FALSE(files);
  expect_error(files.error(), "one of 99999 files; at most 4096");
}

TEST(WeightFiles, TheIndexNeedNotBeRightAboutTensors) {
  const testing::TempDir dir;
  dir.write(shard(1, 2), weights({"a", "x"}));
  dir.write(shard(2, 2), weights({"b", "a"}));
  // One that is nowhere, one in the other shard, none for 'x'; 'a' stands twice.
  dir.write("model.safetensors.index.json",
            index_of({{"c", shard(2, 2)}, {"a", "./" + shard(1, 2)}, {"b", shard(1, 2)}}));
  const auto headers = read(dir);
  ASSERT_TRUE(headers) << headers.error().message;
  EXPECT_THAT(*headers, SizeIs(2));
}

TEST(WeightFiles, ShardsMayLieInAFolderOfTheDirectory) {
  const testing::TempDir dir;
  dir.write("weights/" + shard(1, 1), weights({"a"}));
  dir.write("model.safetensors.index.json", index_of({{"a", "weights/" + shard(1, 1)}}));
  const auto headers = read(dir);
  ASSERT_TRUE(headers) << headers.error().message;
  EXPECT_THAT(*headers, SizeIs(1));
}

TEST(WeightFiles, RefusesATensorInTwoShards) {
  const testing::TempDir dir;
  dir.write(shard(1, 2), weights({"a"}));
  dir.write(shard(2, 2), weights({"a"}));
  const auto headers = read(dir);
  ASSERT_FALSE(headers);
  expect_error(headers.error(), "tensor 'a' stands in 'model-00001-of-00002.safetensors' and in");
}

TEST(WeightFiles, SayWhatStandsInTheirPlace) {
  const std::tuple<const char*, const char*, const char*> kCases[] = {
      {"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "a Git LFS pointer",
       "git lfs pull"},
      {"<!DOCTYPE html><html>Sign in</html>", "a web page", "hf auth login"},
      {"Access to model org/name is restricted.", "a text file", "why the download failed"},
      {"{\"error\":\"Repository not found\"}", "a JSON file", "download"},
      {"", "an empty file", "download it again"}};
  for (const auto& [content, message, remedy] : kCases) {
    const testing::TempDir dir;
    dir.write("model.safetensors", content);
    const auto headers = read(dir);
    ASSERT_FALSE(headers);
    expect_error(headers.error(), message);
    EXPECT_THAT(headers.error().remedy, HasSubstr(remedy));
  }
}

TEST(WeightFiles, FindsTorchFiles) {
  const testing::TempDir dir;
  dir.write("pytorch_model.bin.index.json", index_of({{"a", "pytorch_model-00001-of-00002.bin"}}));
  dir.write("pytorch_model-00001-of-00002.bin", "x");
  const auto files = find_weight_files(dir.path(), WeightFormat::TorchBin);
  ASSERT_TRUE(files) << files.error().message;
  EXPECT_THAT(files->paths, SizeIs(1));
  dir.write("pytorch_model.bin", "x");
  EXPECT_EQ(find_weight_files(dir.path(), WeightFormat::TorchBin)->paths[0].filename(), "pytorch_model.bin");
}

}  // namespace
}  // namespace minerva::hf
