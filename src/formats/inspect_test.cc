#include "formats/inspect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>

#include "formats/inspect_directory.h"
#include "support/gguf_builder.h"
#include "support/temp_dir.h"

namespace minerva {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Entry {
  std::string name;
  std::string content = "x";
};
struct Case {
  const char* name;
  Kind kind;
  std::vector<Entry> files;
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

const Entry kConfig = {"config.json", R"({"model_type":"llama"})"};
const std::string kShard = "model-00001-of-00002.safetensors";

const Case kCases[] = {
    {"safetensors", Kind::HfSafetensors, {kConfig, {"model.safetensors"}, {"tokenizer.json"}}},
    {"safetensors_index", Kind::HfSafetensors, {kConfig, {"model.safetensors.index.json"}}},
    {"safetensors_shards", Kind::HfSafetensors, {kConfig, {kShard}}},
    {"safetensors_other_name", Kind::HfSafetensors, {kConfig, {"weights.safetensors"}}},
    {"safetensors_before_bin", Kind::HfSafetensors, {kConfig, {"model.safetensors"}, {"pytorch_model.bin"}}},
    {"safetensors_before_gguf", Kind::HfSafetensors, {kConfig, {"model.safetensors"}, {"m.gguf"}}},
    {"safetensors_with_adapter",
     Kind::HfSafetensors,
     {kConfig, {"model.safetensors"}, {"adapter_config.json"}}},
    {"safetensors_with_onnx", Kind::HfSafetensors, {kConfig, {"model.safetensors"}, {"onnx/model.onnx"}}},
    {"no_config", Kind::HfSafetensors, {{"model.safetensors"}, {"tokenizer.json"}}},
    {"config_only", Kind::HfSafetensors, {kConfig, {"tokenizer.json"}}},
    {"bin", Kind::HfTorchBin, {kConfig, {"pytorch_model.bin"}}},
    {"bin_index", Kind::HfTorchBin, {kConfig, {"pytorch_model.bin.index.json"}}},
    {"bin_shards", Kind::HfTorchBin, {kConfig, {"pytorch_model-00001-of-00002.bin"}}},
    {"bin_before_stray_safetensors",
     Kind::HfTorchBin,
     {kConfig, {"pytorch_model.bin"}, {"expected.safetensors"}}},
    {"bin_no_config", Kind::HfTorchBin, {{"pytorch_model.bin"}}},
    {"mlx",
     Kind::HfMlx,
     {{"config.json", R"({"quantization":{"bits":4,"group_size":64}})"}, {"model.safetensors"}}},
    {"mlx_by_config",
     Kind::HfMlx,
     {{"config.json", R"({"quantization_config":{"bits":4,"group_size":64}})"}, {"model.safetensors"}}},
    {"mlx_after_large_numbers",
     Kind::HfMlx,
     {{"config.json", R"({"n":1000000000000000019884624838656,"x":Infinity,"quantization":{"bits":4}})"},
      {"model.safetensors"}}},
    {"gptq_is_not_mlx",
     Kind::HfSafetensors,
     {{"config.json", R"({"quantization_config":{"bits":4,"group_size":128,"quant_method":"gptq"}})"},
      {"model.safetensors"}}},
    {"fp8_is_not_mlx",
     Kind::HfSafetensors,
     {{"config.json", R"({"quantization_config":{"quant_method":"fp8"}})"}, {"model.safetensors"}}},
    {"null_quantization_is_not_mlx",
     Kind::HfSafetensors,
     {{"config.json", R"({"quantization":null})"}, {"model.safetensors"}}},
    {"broken_config", Kind::HfSafetensors, {{"config.json", R"({"quantization":)"}, {"model.safetensors"}}},
    {"gguf", Kind::Gguf, {{"m.gguf"}, {"README.md"}}},
    {"gguf_with_config", Kind::Gguf, {kConfig, {"m.gguf"}}},
    {"gguf_several", Kind::Gguf, {{"a.gguf"}, {"b.gguf"}}},
    {"peft", Kind::PeftAdapter, {{"adapter_config.json"}, {"adapter_model.safetensors"}}},
    {"peft_bin", Kind::PeftAdapter, {{"adapter_config.json"}, {"adapter_model.bin"}}},
    {"peft_with_config",
     Kind::PeftAdapter,
     {kConfig, {"adapter_config.json"}, {"adapter_model.safetensors"}}},
    {"saved_model", Kind::TensorFlowSavedModel, {{"saved_model.pb"}, {"variables/variables.index"}}},
    {"mlpackage", Kind::CoreMl, {{"Manifest.json"}, {"Data/com.apple.CoreML/model.mlmodel"}}},
    {"mlmodelc", Kind::CoreMl, {{"coremldata.bin"}, {"model.mil"}}},
    {"tf_weights", Kind::HfTensorFlow, {kConfig, {"tf_model.h5"}}},
    {"flax_weights", Kind::HfFlax, {kConfig, {"flax_model.msgpack"}}},
    {"onnx_export", Kind::Onnx, {kConfig, {"model.onnx"}}},
    {"onnx_folder", Kind::Onnx, {kConfig, {"onnx/model.onnx"}}},
    {"onnx_genai", Kind::Onnx, {{"genai_config.json"}, {"model.onnx.data"}}},
    {"openvino", Kind::OpenVino, {kConfig, {"openvino_model.xml"}, {"openvino_model.bin"}}},
    {"diffusion", Kind::Diffusion, {{"model_index.json"}, {"unet/model.safetensors"}}},
    {"hub_cache", Kind::HubCacheEntry, {{"blobs/1"}, {"refs/main"}, {"snapshots/1/config.json"}}},
    {"keras", Kind::KerasZip, {{"m.keras"}}},
    {"torch", Kind::TorchDirectory, {{"consolidated.00.pth"}, {"params.json"}}},
    {"empty", Kind::EmptyDirectory, {}},
    {"pictures", Kind::UnknownDirectory, {{"a.png"}, {"b.png"}}},
    {"dot_gguf", Kind::UnknownDirectory, {{".gguf"}}},
};

class InspectDirectory : public ::testing::TestWithParam<Case> {};

TEST_P(InspectDirectory, TellsTheKind) {
  const testing::TempDir dir;
  for (const Entry& file : GetParam().files) dir.write(file.name, file.content);
  const auto inspection = inspect(dir.path());
  ASSERT_TRUE(inspection) << inspection.error().message;
  EXPECT_EQ(inspection->kind, GetParam().kind);
  EXPECT_TRUE(inspection->is_directory);
  const auto format = detect(dir.path());
  ASSERT_TRUE(format);
  EXPECT_EQ(*format, format_of(GetParam().kind));
}
INSTANTIATE_TEST_SUITE_P(Directories, InspectDirectory, ::testing::ValuesIn(kCases),
                         [](const auto& test) { return test.param.name; });

TEST(GgufModels, CountsSplitsOnceAndLeavesPartsAside) {
  EXPECT_THAT(gguf_models({"a-00001-of-00002.gguf", "a-00002-of-00002.gguf"}),
              ElementsAre("a-00001-of-00002.gguf"));
  EXPECT_THAT(gguf_models({"a-00002-of-00002.gguf"}), ElementsAre("a-00002-of-00002.gguf"));
  EXPECT_THAT(gguf_models({"a.gguf", "mmproj-a.gguf", "a.imatrix.gguf"}), ElementsAre("a.gguf"));
  EXPECT_THAT(gguf_models({"mmproj-a.gguf"}), ElementsAre("mmproj-a.gguf"));
  EXPECT_THAT(gguf_models({"a-00001-of-00002.gguf", "a-00001-of-00003.gguf", "b.gguf"}),
              ::testing::SizeIs(3));
  EXPECT_TRUE(gguf_models({}).empty());
}

TEST(Inspect, SaysThatNothingIsThere) {
  const testing::TempDir dir;
  const auto missing = inspect(dir.path() / "nothing");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::InvalidRequest);
  EXPECT_THAT(missing.error().message, HasSubstr("there is no file or directory"));
  EXPECT_FALSE(missing.error().remedy.empty());
  EXPECT_FALSE(inspect(""));

  std::filesystem::create_symlink("gone", dir.path() / "link");
  const auto link = inspect(dir.path() / "link");
  ASSERT_FALSE(link);
  EXPECT_THAT(link.error().message, HasSubstr("is a link to something that is not there"));

  const auto below_a_file = inspect(dir.write("file", "x") / "below");
  ASSERT_FALSE(below_a_file);
  EXPECT_EQ(below_a_file.error().code, ErrorCode::InvalidRequest);
}

TEST(Inspect, DoesNotWaitForPipesOrReadDevices) {
  const testing::TempDir dir;
  const auto pipe = dir.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const auto& path : {pipe, std::filesystem::path("/dev/zero")}) {
    const auto inspection = inspect(path);
    ASSERT_FALSE(inspection);
    EXPECT_EQ(inspection.error().code, ErrorCode::InvalidRequest);
    EXPECT_THAT(inspection.error().message, HasSubstr("not a regular file"));
  }
}

TEST(Inspect, KeepsTheNameOfALink) {
  // Files in the Hugging Face cache are links to blobs named by their hash.
  const testing::TempDir dir;
  const auto blob = dir.write("blobs/0123abcd", testing::tiny_llama().build());
  std::filesystem::create_directory(dir.path() / "snapshot");
  std::filesystem::create_symlink(blob, dir.path() / "snapshot" / "tiny.gguf");
  const auto inspection = inspect(dir.path() / "snapshot" / "tiny.gguf");
  ASSERT_TRUE(inspection) << inspection.error().message;
  EXPECT_EQ(inspection->kind, Kind::Gguf);
  EXPECT_EQ(inspection->path.filename(), "tiny.gguf");
}

TEST(Inspect, SendsOneFileOfAModelToItsDirectory) {
  const testing::TempDir dir;
  const std::string safetensors("\x02\0\0\0\0\0\0\0{}", 10);
  dir.write("lone/model.safetensors", safetensors);
  dir.write("model/model.safetensors", safetensors);
  dir.write("model/config.json", "{}");
  EXPECT_EQ(inspect(dir.path() / "lone/model.safetensors")->kind, Kind::SafetensorsFile);
  EXPECT_EQ(inspect(dir.path() / "model/model.safetensors")->kind, Kind::SafetensorsInModelDirectory);
}

TEST(Inspect, FindsTheWeightsOfAHugeDirectory) {
  const testing::TempDir dir;
  for (int i = 0; i < 5000; ++i) dir.write("a" + std::to_string(i), "");
  dir.write("config.json", "{}");
  dir.write("model.safetensors", "x");
  EXPECT_EQ(inspect(dir.path())->kind, Kind::HfSafetensors);
}

TEST(DisplayName, IsNeverEmpty) {
  EXPECT_EQ(display_name("/a/b.gguf"), "b.gguf");
  EXPECT_EQ(display_name("/a/b/"), "b");
  EXPECT_EQ(display_name("/"), "/");
  EXPECT_EQ(display_name("."), ".");
}

}  // namespace
}  // namespace minerva
