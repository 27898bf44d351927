#include "formats/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "base/file.h"
#include "support/gguf_builder.h"
#include "support/paths.h"
#include "support/pickle_builder.h"
#include "support/temp_dir.h"

namespace minerva {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::TempDir;

ModelDescription described(const fs::path& path, Format format) {
  ModelDescription description;
  description.path = path;
  description.format = format;
  return description;
}

std::shared_ptr<Checkpoint> open(const fs::path& path, Format format) {
  auto checkpoint = Checkpoint::open(described(path, format));
  EXPECT_TRUE(checkpoint) << path << ": " << checkpoint.error().message;
  return checkpoint ? *checkpoint : nullptr;
}

std::shared_ptr<Checkpoint> fixture(const std::string& name, Format format) {
  return open(testing::test_data() / name, format);
}

void expect_refused(const fs::path& path, Format format, std::string_view message,
                    ErrorCode code = ErrorCode::ModelLoading) {
  const auto result = Checkpoint::open(described(path, format));
  ASSERT_FALSE(result) << message;
  EXPECT_EQ(result.error().code, code);
  EXPECT_THAT(result.error().message, HasSubstr(message));
  EXPECT_FALSE(result.error().remedy.empty());
}

/// A safetensors file of F32 vectors of two elements.
std::string safetensors(const std::vector<std::string>& names) {
  std::string header = "{";
  std::string data;
  for (const std::string& name : names) {
    const std::string begin = std::to_string(data.size());
    data += std::string("\0\0\x80\x3f\0\0\0\x40", 8);  // 1, 2
    header += (header.size() > 1 ? ",\"" : "\"") + name + R"(":{"dtype":"F32","shape":[2],"data_offsets":[)" +
              begin + "," + std::to_string(data.size()) + "]}";
  }
  header += "}";
  return testing::little_endian(header.size(), 8) + header + data;
}

std::string torch_vector(const std::string& name) {
  return testing::torch_archive(testing::PickleBuilder()
                                    .empty_dict()
                                    .string(name)
                                    .tensor({.storage_elements = 2, .shape = {2}, .strides = {1}})
                                    .set_item()
                                    .finish(),
                                {{"0", std::string("\0\0\x80\x3f\0\0\0\x40", 8)}});
}

std::string read_all(const fs::path& path) {
  return read_file(path, 1U << 30).value();
}

// ---- the same weights, stored in different ways

/// Every tensor of `checkpoint` equals that of the reference model, up to `tolerance` of its magnitude, or of
/// the smallest normal half, whose subnormals are as coarse.
void expect_same_weights(const Checkpoint& checkpoint, const std::string& reference_name, float tolerance) {
  const auto reference = fixture(reference_name, Format::HfSafetensors);
  ASSERT_EQ(checkpoint.tensors().size(), reference->tensors().size());
  for (const TensorView& expected : reference->tensors()) {
    const TensorView* tensor = checkpoint.find(expected.name);
    ASSERT_NE(tensor, nullptr) << expected.name;
    EXPECT_EQ(tensor->shape, expected.shape) << expected.name;
    const auto values = checkpoint.floats(*tensor).value();
    const auto wanted = reference->floats(expected).value();
    ASSERT_EQ(values.size(), wanted.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      ASSERT_LE(std::abs(values[i] - wanted[i]), tolerance * std::max(std::abs(wanted[i]), 0x1p-14F))
          << expected.name << " " << i;
    }
  }
}

TEST(Checkpoint, StoredInAnyWayTheWeightsAreTheSame) {
  struct Case {
    const char* name;
    Format format;
    float tolerance;
  };
  for (const Case& c :
       {Case{"safetensors-float32", Format::HfSafetensors, 0},
        Case{"safetensors-float16", Format::HfSafetensors, 0x1p-11F},
        Case{"safetensors-sharded", Format::HfSafetensors, 0}, Case{"bin", Format::HfTorchBin, 0},
        Case{"bin-sharded", Format::HfTorchBin, 0}, Case{"bin-views-f32", Format::HfTorchBin, 0}}) {
    SCOPED_TRACE(c.name);
    const auto checkpoint = fixture(std::string("formats/") + c.name, c.format);
    ASSERT_TRUE(checkpoint);
    expect_same_weights(*checkpoint, "models/llama", c.tolerance);
  }
}

TEST(Checkpoint, OpensEveryReferenceModel) {
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(testing::test_data() / "models")) {
    const auto checkpoint = open(entry.path(), Format::HfSafetensors);
    ASSERT_TRUE(checkpoint);
    EXPECT_GT(checkpoint->tensors().size(), 10U) << entry.path();
    EXPECT_EQ(checkpoint->metadata("format"), "pt");
    for (const TensorView& tensor : checkpoint->tensors()) {
      EXPECT_TRUE(tensor.contiguous());
      EXPECT_EQ(tensor.dtype, DType::BF16) << tensor.name;
      EXPECT_EQ(tensor.file, "model.safetensors");
    }
    EXPECT_FALSE(checkpoint->problem());
    ++count;
  }
  EXPECT_GE(count, 49U);
}

TEST(Checkpoint, OpensWhatMlxWrites) {
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(testing::test_data() / "formats")) {
    if (!entry.path().filename().string().starts_with("mlx-")) continue;
    SCOPED_TRACE(entry.path());
    const auto checkpoint = open(entry.path(), Format::HfMlx);
    ASSERT_TRUE(checkpoint);
    EXPECT_EQ(checkpoint->metadata("format"), "mlx");
    std::size_t packed = 0;
    for (const TensorView& scales : checkpoint->tensors()) {
      if (!scales.name.ends_with(".scales")) continue;
      const auto module = scales.name.substr(0, scales.name.size() - std::string_view(".scales").size());
      const TensorView* weight = checkpoint->find(module + ".weight");
      ASSERT_NE(weight, nullptr) << module;
      EXPECT_EQ(weight->dtype, DType::U32);
      EXPECT_EQ(weight->shape[0], scales.shape[0]);
      ++packed;
    }
    EXPECT_GT(packed, 0U);
    ++count;
  }
  EXPECT_GE(count, 10U);
}

// ---- GGUF

TEST(Checkpoint, TurnsGgufShapesRound) {
  const TempDir dir;
  auto builder = testing::tiny_llama();
  builder.tensor({.name = "blocks", .dims = {64, 3}, .type = 8, .data = std::string(3 * 2 * 34, '\1')});
  const auto path = dir.write("m.gguf", builder.build());
  const auto checkpoint = open(path, Format::Gguf);
  ASSERT_TRUE(checkpoint);
  const TensorView* embedding = checkpoint->find("token_embd.weight");
  ASSERT_NE(embedding, nullptr);
  EXPECT_THAT(embedding->shape, ElementsAre(288, 32));
  EXPECT_THAT(embedding->strides, ElementsAre(32, 1));
  EXPECT_EQ(embedding->dtype, DType::F32);
  EXPECT_THAT(checkpoint->floats(*embedding).value(), SizeIs(288 * 32));
  const TensorView* blocks = checkpoint->find("blocks");
  ASSERT_NE(blocks, nullptr);
  EXPECT_EQ(blocks->dtype, DType::Ggml);
  EXPECT_EQ(blocks->ggml, GgmlType::Q8_0);
  EXPECT_EQ(blocks->type_name(), "Q8_0");
  EXPECT_THAT(blocks->shape, ElementsAre(3, 64));
  EXPECT_EQ(blocks->bytes, 3U * 2 * 34);
  EXPECT_EQ(blocks->data[0], std::byte{1});
  const auto floats = checkpoint->floats(*blocks);
  ASSERT_FALSE(floats);
  EXPECT_THAT(floats.error().message, HasSubstr("tensor 'blocks' is stored as Q8_0"));
}

TEST(Checkpoint, OpensARealGguf) {
  const auto path = testing::smollm2_gguf();
  MINERVA_NEEDS_MODEL(path);
  const auto checkpoint = open(path, Format::Gguf);
  ASSERT_TRUE(checkpoint);
  EXPECT_THAT(checkpoint->require("token_embd.weight").value()->shape, ElementsAre(49152, 576));
  EXPECT_GT(checkpoint->tensor_bytes(), 80'000'000U);
}

// ---- access

TEST(Checkpoint, SaysWhichTensorIsMissing) {
  const auto checkpoint = fixture("models/llama", Format::HfSafetensors);
  EXPECT_EQ(checkpoint->find("model.nothing.weight"), nullptr);
  const auto result = checkpoint->require("model.nothing.weight");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::ModelLoading);
  EXPECT_THAT(result.error().message, HasSubstr("tensor 'model.nothing.weight' is missing"));
}

TEST(Checkpoint, PacksStridedTensorsOnce) {
  const auto checkpoint = fixture("formats/bin-views-f32", Format::HfTorchBin);
  const TensorView& view = **checkpoint->require("model.layers.0.self_attn.o_proj.weight");
  ASSERT_FALSE(view.contiguous());
  const TensorView packed = checkpoint->contiguous(view).value();
  EXPECT_TRUE(packed.contiguous());
  EXPECT_EQ(packed.shape, view.shape);
  EXPECT_EQ(packed.bytes, 64U * 64 * 4);
  EXPECT_EQ(checkpoint->floats(packed).value(), checkpoint->floats(view).value());
  EXPECT_EQ(checkpoint->contiguous(view).value().data, packed.data);
  const TensorView& plain = **checkpoint->require("model.layers.0.self_attn.q_proj.weight");
  EXPECT_EQ(checkpoint->contiguous(plain).value().data, plain.data) << "mapped, not copied";
}

TEST(Checkpoint, RoundsDoublesOnce) {
  const TempDir dir;
  dir.write("config.json", "{}");
  const std::string header = R"({"d":{"dtype":"F64","shape":[2],"data_offsets":[0,16]},)"
                             R"("f":{"dtype":"F32","shape":[1],"data_offsets":[16,20]}})";
  const std::array<double, 2> numbers = {0.1, -3.0};
  std::string data(20, '\0');
  std::memcpy(data.data(), numbers.data(), sizeof numbers);
  dir.write("model.safetensors", testing::little_endian(header.size(), 8) + header + data);
  const auto checkpoint = open(dir.path(), Format::HfSafetensors);
  ASSERT_TRUE(checkpoint);
  const TensorView rounded = checkpoint->single_precision(*checkpoint->find("d")).value();
  EXPECT_EQ(rounded.dtype, DType::F32);
  EXPECT_EQ(rounded.bytes, 8U);
  EXPECT_THAT(checkpoint->floats(rounded).value(), ElementsAre(0.1F, -3.0F));
  EXPECT_EQ(checkpoint->single_precision(*checkpoint->find("d"))->data, rounded.data);
  const TensorView& single = *checkpoint->find("f");
  EXPECT_EQ(checkpoint->single_precision(single)->data, single.data) << "mapped, not copied";
}

// What a .bin may hold beside weights (tests/data/bin).
TEST(Checkpoint, ReadsWhatABinRepeatsAndNamesWhatItDoesNotRead) {
  for (const char* name : {"unneeded.bin", "legacy.bin"}) {
    const TempDir dir;
    dir.write("config.json", "{}");
    fs::copy(testing::test_data() / "bin" / name, dir.path() / "pytorch_model.bin");
    const auto checkpoint = open(dir.path(), Format::HfTorchBin);
    ASSERT_TRUE(checkpoint);
    EXPECT_THAT(checkpoint->floats(*checkpoint->find("expanded")).value(), ElementsAre(7, 7, 7, 7, 7));
    const TensorView rows = checkpoint->contiguous(*checkpoint->find("rows")).value();
    EXPECT_THAT(checkpoint->floats(rows).value(), ElementsAre(1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3));
    EXPECT_THAT(checkpoint->floats(*checkpoint->find("turned")).value(),
                ElementsAre(12, 16, 20, 13, 17, 21, 14, 18, 22, 15, 19, 23));
    EXPECT_EQ(checkpoint->find("sparse"), nullptr);
    const auto sparse = checkpoint->require("sparse");
    ASSERT_FALSE(sparse);
    EXPECT_THAT(
        sparse.error().message,
        HasSubstr("tensor 'sparse' is made by 'torch._utils._rebuild_sparse_tensor', which is not read"));
  }
}

// ---- shards

class Shards : public ::testing::Test {
 protected:
  void SetUp() override { dir_.write("config.json", "{}"); }
  void index(const std::string& weight_map) {
    dir_.write("model.safetensors.index.json", R"({"weight_map":{)" + weight_map + "}}");
  }
  void refuse(std::string_view message) const { expect_refused(dir_.path(), Format::HfSafetensors, message); }
  static constexpr const char* kFirst = "model-00001-of-00002.safetensors";
  static constexpr const char* kSecond = "model-00002-of-00002.safetensors";
  TempDir dir_;
};

TEST_F(Shards, AreReadTogether) {
  dir_.write(kFirst, safetensors({"a", "b"}));
  dir_.write(kSecond, safetensors({"c"}));
  index(R"("a":"model-00001-of-00002.safetensors","b":"model-00001-of-00002.safetensors",
           "c":"model-00002-of-00002.safetensors")");
  const auto checkpoint = open(dir_.path(), Format::HfSafetensors);
  ASSERT_TRUE(checkpoint);
  EXPECT_THAT(checkpoint->tensors(), SizeIs(3));
  EXPECT_EQ(checkpoint->find("c")->file, kSecond);
  EXPECT_THAT(checkpoint->floats(*checkpoint->find("c")).value(), ElementsAre(1, 2));
  EXPECT_EQ(checkpoint->tensor_bytes(), 24U);
}

TEST_F(Shards, MissingOneIsNamed) {
  dir_.write(kFirst, safetensors({"a"}));
  index(R"("a":"model-00001-of-00002.safetensors","c":"model-00002-of-00002.safetensors")");
  refuse("'model-00002-of-00002.safetensors' is missing");
}

TEST_F(Shards, MayHoldOtherTensorsThanTheIndexSays) {
  dir_.write(kFirst, safetensors({"a"}));
  dir_.write(kSecond, safetensors({"c", "d"}));
  index(R"("a":"model-00002-of-00002.safetensors","b":"./model-00001-of-00002.safetensors")");
  const auto checkpoint = open(dir_.path(), Format::HfSafetensors);
  ASSERT_TRUE(checkpoint);
  EXPECT_THAT(checkpoint->tensors(), SizeIs(3));
  EXPECT_EQ(checkpoint->find("a")->file, kFirst);
  const auto missing = checkpoint->require("b");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("tensor 'b' is missing from the 2 weight files"));
}

TEST_F(Shards, OfAnIndexTheLaterCounts) {
  dir_.write(kFirst, safetensors({"a", "b"}));
  dir_.write(kSecond, safetensors({"b"}));
  index(R"("a":"model-00001-of-00002.safetensors","b":"model-00001-of-00002.safetensors",
           "c":"model-00002-of-00002.safetensors")");
  const auto checkpoint = open(dir_.path(), Format::HfSafetensors);
  ASSERT_TRUE(checkpoint);
  EXPECT_THAT(checkpoint->tensors(), SizeIs(2));
  EXPECT_EQ(checkpoint->find("b")->file, kSecond);
}

TEST_F(Shards, WithoutAnIndexMayNotHoldATensorTwice) {
  dir_.write(kFirst, safetensors({"a", "b"}));
  dir_.write(kSecond, safetensors({"b"}));
  refuse(
      "tensor 'b' is in 'model-00001-of-00002.safetensors' and again in 'model-00002-of-00002.safetensors'");
}

TEST_F(Shards, MayNotLieOutside) {
  dir_.write("m/config.json", "{}");
  dir_.write(kFirst, safetensors({"a"}));
  for (const char* outside :
       {"../model-00001-of-00002.safetensors", "x/../../model-00001-of-00002.safetensors",
        "/model-00001-of-00002.safetensors"}) {
    dir_.write("m/model.safetensors.index.json", std::string(R"({"weight_map":{"a":")") + outside + "\"}}");
    expect_refused(dir_.path() / "m", Format::HfSafetensors, "expected the name of a .safetensors file");
  }
}

TEST_F(Shards, OfTorchAreTakenAlike) {
  dir_.write("pytorch_model-00001-of-00002.bin", torch_vector("a"));
  dir_.write(
      "pytorch_model.bin.index.json",
      R"({"weight_map":{"x":"pytorch_model-00001-of-00002.bin","b":"pytorch_model-00002-of-00002.bin"}})");
  expect_refused(dir_.path(), Format::HfTorchBin, "'pytorch_model-00002-of-00002.bin' is missing");
  dir_.write("pytorch_model-00002-of-00002.bin", torch_vector("b"));
  const auto checkpoint = open(dir_.path(), Format::HfTorchBin);
  ASSERT_TRUE(checkpoint);
  EXPECT_THAT(checkpoint->tensors(), SizeIs(2));
  EXPECT_THAT(checkpoint->floats(*checkpoint->find("b")).value(), ElementsAre(1, 2));
}

// ---- what is wrong with files

TEST(Checkpoint, RefusesQuantisationsBeforeItLooksAtWeights) {
  const TempDir dir;
  dir.write("config.json", R"({"quantization_config":{"quant_method":"gptq","bits":4}})");
  dir.write("model.safetensors", "no weights at all");
  expect_refused(dir.path(), Format::HfSafetensors, "quantised with GPTQ");
}

TEST(Checkpoint, RefusesOtherFormats) {
  expect_refused("/nowhere/model.onnx", Format::Onnx, "'model.onnx' is onnx", ErrorCode::InvalidRequest);
}

TEST(Checkpoint, SaysWhatADirectoryLacks) {
  const TempDir dir;
  expect_refused(dir.path(), Format::HfSafetensors, "'config.json'");
  dir.write("config.json", "{}");
  expect_refused(dir.path(), Format::HfSafetensors, "has no weights");
  expect_refused(dir.path() / "m.gguf", Format::Gguf, "'m.gguf'");
}

TEST(Checkpoint, RefusesFilesThatChangedSinceTheyWereDescribed) {
  const TempDir dir;
  dir.write("config.json", "{}");
  dir.write("model.safetensors", safetensors({"a"}));
  auto description = described(dir.path(), Format::HfSafetensors);
  description.file_bytes = safetensors({"a"}).size();
  EXPECT_TRUE(Checkpoint::open(description));
  description.file_bytes += 1;
  const auto result = Checkpoint::open(description);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("when the model was looked at"));
}

TEST(Checkpoint, RefusesTruncatedFiles) {
  struct Case {
    fs::path path;
    const char* name;
    Format format;
  };
  const fs::path data = testing::test_data();
  const TempDir gguf;
  gguf.write("m.gguf", testing::tiny_llama().build());
  for (const Case& c : {Case{data / "models/llama", "model.safetensors", Format::HfSafetensors},
                        Case{data / "formats/bin", "pytorch_model.bin", Format::HfTorchBin},
                        Case{data / "formats/mlx-4bit", "model.safetensors", Format::HfMlx},
                        Case{gguf.path(), "m.gguf", Format::Gguf}}) {
    const std::string whole = read_all(c.path / c.name);
    const TempDir dir;
    if (c.format != Format::Gguf) dir.write("config.json", read_all(c.path / "config.json"));
    for (std::size_t part = 0; part < 64; ++part) {
      const auto file = dir.write(c.name, whole.substr(0, whole.size() * part / 64));
      const auto result = Checkpoint::open(described(c.format == Format::Gguf ? file : dir.path(), c.format));
      ASSERT_FALSE(result) << c.name << " " << part;
      EXPECT_EQ(result.error().code, ErrorCode::ModelLoading);
      EXPECT_THAT(result.error().message, HasSubstr(c.name));
      EXPECT_FALSE(result.error().remedy.empty());
    }
  }
}

TEST(Checkpoint, SurvivesAFileThatShrinksWhileItIsUsed) {
  const TempDir dir;
  dir.write("config.json", "{}");
  const auto bytes = read_all(testing::test_data() / "models/llama/model.safetensors");
  const auto path = dir.write("model.safetensors", bytes);
  const auto checkpoint = open(dir.path(), Format::HfSafetensors);
  ASSERT_TRUE(checkpoint);
  EXPECT_FALSE(checkpoint->problem());
  fs::resize_file(path, 8);
  for (const TensorView& tensor : checkpoint->tensors())
    EXPECT_TRUE(checkpoint->floats(tensor)) << tensor.name;
  const auto problem = checkpoint->problem();
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->code, ErrorCode::ModelLoading);
}

}  // namespace
}  // namespace minerva
