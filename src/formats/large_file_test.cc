// Tensors that lie beyond 4 GiB in their file. The files are sparse: they take neither disk nor time.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "formats/checkpoint.h"
#include "formats/gguf/file.h"
#include "formats/safetensors/header.h"
#include "minerva/model_description.h"
#include "support/gguf_builder.h"
#include "support/temp_dir.h"

namespace minerva {
namespace {

namespace fs = std::filesystem;
using testing::GgufBuilder;
using testing::TempDir;

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30U;
// [1.1 Mi, 2048] in BF16: 4.4 GiB.
constexpr std::uint64_t kHugeRows = 1'153'434;
constexpr std::uint64_t kHugeCols = 2048;
constexpr std::uint64_t kHugeBytes = kHugeRows * kHugeCols * 2;
static_assert(kHugeBytes > 4 * kGiB);

std::string floats(float first, std::size_t count) {
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i) bytes += testing::gguf_bytes<float>(first + static_cast<float>(i));
  return bytes;
}

// `header`, then a hole of zeros up to `tail_at`, then `tail`.
fs::path write_sparse(const TempDir& folder, std::string_view name, const std::string& header,
                      std::uint64_t tail_at, const std::string& tail) {
  const fs::path path = folder.write(name, header);
  fs::resize_file(path, tail_at);
  std::ofstream out(path, std::ios::binary | std::ios::app);
  out << tail;
  return path;
}

// The tensor that is a hole, and the two behind it.
void expect_tensors(const fs::path& path) {
  const auto description = describe(path);
  ASSERT_TRUE(description) << description.error().message;
  EXPECT_EQ(description->tensor_bytes, kHugeBytes + 2 * 256 * sizeof(float));
  EXPECT_GT(description->file_bytes, kHugeBytes);
  const auto checkpoint = Checkpoint::open(*description);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  const auto huge = (*checkpoint)->require("huge.weight");
  ASSERT_TRUE(huge);
  EXPECT_EQ((*huge)->bytes, kHugeBytes);
  EXPECT_EQ((*huge)->shape.front(), static_cast<std::int64_t>(kHugeRows));
  EXPECT_EQ((*huge)->data[kHugeBytes - 1], std::byte{0});
  float first = 1;
  for (const char* name : {"after.weight", "last.weight"}) {
    const auto tensor = (*checkpoint)->require(name);
    ASSERT_TRUE(tensor) << name;
    EXPECT_GT((*tensor)->data - (*huge)->data, static_cast<std::ptrdiff_t>(4 * kGiB));
    EXPECT_EQ(std::memcmp((*tensor)->data, floats(first, 256).data(), 256 * sizeof(float)), 0) << name;
    const auto numbers = (*checkpoint)->floats(**tensor);
    ASSERT_TRUE(numbers);
    EXPECT_EQ(numbers->back(), first + 255) << name;
    first += 1000;
  }
}

TEST(LargeFile, GgufTensorsBeyondFourGigabytes) {
  const TempDir folder;
  GgufBuilder builder;
  builder.string("general.architecture", "llama").u32("llama.block_count", 1);
  builder.u32("llama.context_length", 64).u32("llama.embedding_length", 256);
  builder.u32("llama.feed_forward_length", 64).u32("llama.attention.head_count", 2);
  builder.tensor({.name = "huge.weight", .dims = {kHugeCols, kHugeRows}, .type = 30, .offset = 0});
  builder.tensor({.name = "after.weight", .dims = {256}, .offset = kHugeBytes});
  builder.tensor({.name = "last.weight", .dims = {256}, .offset = kHugeBytes + 1024});
  std::string header = builder.header();
  header.resize((header.size() + 31) / 32 * 32);
  const fs::path path =
      write_sparse(folder, "m.gguf", header, header.size() + kHugeBytes, floats(1, 256) + floats(1001, 256));
  const auto file = gguf::File::open(path);
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_NE(file->find_tensor("last.weight"), nullptr);
  EXPECT_EQ(file->find_tensor("last.weight")->offset, kHugeBytes + 1024);
  expect_tensors(path);
}

// An offset that 32 bits cut down would look sound, and is not.
TEST(LargeFile, GgufOffsetsAreNotCut) {
  const TempDir folder;
  GgufBuilder builder;
  builder.string("general.architecture", "llama");
  builder.tensor({.name = "first.weight", .dims = {256}, .offset = 0});
  builder.tensor({.name = "second.weight", .dims = {256}, .offset = (std::uint64_t{1} << 32U) + 1024});
  std::string header = builder.header();
  header.resize((header.size() + 31) / 32 * 32);
  const auto file = gguf::File::open(folder.write("m.gguf", header + floats(1, 256) + floats(1001, 256)));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::ModelLoading);
}

TEST(LargeFile, SafetensorsBeyondFourGigabytes) {
  const TempDir folder;
  folder.write("config.json", R"({"model_type": "llama", "architectures": ["LlamaForCausalLM"]})");
  std::string json = R"({"huge.weight":{"dtype":"BF16","shape":[)" + std::to_string(kHugeRows) + "," +
                     std::to_string(kHugeCols) + R"(],"data_offsets":[0,)" + std::to_string(kHugeBytes) +
                     "]}";
  std::uint64_t at = kHugeBytes;
  for (const char* name : {"after.weight", "last.weight"}) {
    json += R"(,")" + std::string(name) + R"(":{"dtype":"F32","shape":[256],"data_offsets":[)" +
            std::to_string(at) + "," + std::to_string(at + 1024) + "]}";
    at += 1024;
  }
  json += "}";
  const std::string header = testing::gguf_bytes<std::uint64_t>(json.size()) + json;
  const fs::path path = write_sparse(folder, "model.safetensors", header, header.size() + kHugeBytes,
                                     floats(1, 256) + floats(1001, 256));
  const auto file = safetensors::Header::open(path);
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_NE(file->find("last.weight"), nullptr);
  EXPECT_EQ(file->find("last.weight")->offset, kHugeBytes + 1024);
  expect_tensors(folder.path());
}

}  // namespace
}  // namespace minerva
