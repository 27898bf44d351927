// Every tensor a model needs is looked for, and checked, before the first is used: each is renamed, turned
// round and given another type in turn.
#include "native/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "minerva/model_description.h"
#include "native/families/families.h"
#include "support/paths.h"
#include "support/sanitizers.h"
#include "support/temp_dir.h"

namespace minerva::native {
namespace {

namespace fs = std::filesystem;
using minerva::testing::TempDir;
using nlohmann::json;
using ::testing::HasSubstr;

struct Safetensors {
  json header;
  std::string data;
};

Safetensors read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  std::uint64_t size = 0;
  std::memcpy(&size, bytes.data(), sizeof size);
  return {json::parse(bytes.substr(sizeof size, size)), bytes.substr(sizeof size + size)};
}

void write(const Safetensors& tensors, const fs::path& file) {
  const std::string header = tensors.header.dump();
  const std::uint64_t size = header.size();
  std::ofstream out(file, std::ios::binary);
  out.write(reinterpret_cast<const char*>(&size), sizeof size);
  out << header << tensors.data;
}

class WeightsTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const fs::path dir = minerva::testing::test_data() / GetParam();
    for (const auto& entry : fs::directory_iterator(dir)) fs::copy(entry.path(), folder_.path());
    original_ = read(dir / "model.safetensors");
  }

  // Why the directory with this header can't be loaded; empty when it can.
  std::string problem(const json& header) const {
    write({header, original_.data}, folder_.path() / "model.safetensors");
    const auto description = describe(folder_.path());
    if (!description) return description.error().message;
    const auto config = HfConfig::open(folder_.path());
    const auto spec = decoder_spec(*config);
    auto checkpoint = Checkpoint::open(*description);
    if (!checkpoint) return checkpoint.error().message;
    const auto weights = bind_weights(*spec, *checkpoint, {});
    if (weights) unread_ = weights->unread;
    if (weights) return "";
    EXPECT_EQ(weights.error().code, ErrorCode::ModelLoading);
    EXPECT_FALSE(weights.error().remedy.empty());
    return weights.error().message;
  }
  // One tensor or scale in so many, where each costs much.
  std::vector<std::string> some_names() const {
    std::vector<std::string> some;
    std::size_t i = 0;
    for (const std::string& name : names())
      if (i++ % minerva::testing::stride(4) == 0) some.push_back(name);
    return some;
  }
  std::set<std::string> names() const {
    std::set<std::string> names;
    for (const auto& [name, entry] : original_.header.items()) {
      if (name != "__metadata__") names.insert(name);
    }
    return names;
  }
  // A module's bias is used where there is one; so is what an activation has by default.
  static bool optional(std::string_view name) {
    return name.ends_with(".bias") || name.ends_with("act_fn.beta") || name.ends_with("act_fn.eps");
  }

  TempDir folder_;
  Safetensors original_;
  mutable std::vector<std::string> unread_;
};

TEST_P(WeightsTest, LoadsAsItIs) {
  EXPECT_EQ(problem(original_.header), "");
  EXPECT_THAT(unread_, ::testing::IsEmpty());
}

TEST_P(WeightsTest, NamesWhatNobodyReads) {
  json header = original_.header;
  const std::size_t end = original_.data.size();
  for (const char* more : {"model.layers.0.mlp.extra.weight", "x.rotary_emb.inv_freq", "lm_head.bias"}) {
    header[more] = {{"dtype", "U8"}, {"shape", {0}}, {"data_offsets", {end, end}}};
  }
  EXPECT_EQ(problem(header), "");
  EXPECT_THAT(unread_, ::testing::UnorderedElementsAre("model.layers.0.mlp.extra.weight", "lm_head.bias"));
}

TEST_P(WeightsTest, NamesATensorThatIsMissing) {
  for (const std::string& name : some_names()) {
    if (optional(name)) continue;
    json header = original_.header;
    header["other." + name] = header[name];
    header.erase(name);
    // Without its scales a packed weight is a plain one of a wrong shape or type; without `_blocks` there is
    // no MXFP4.
    std::string module = name.substr(0, name.find("_scale"));
    for (const char* part : {".scales", "_blocks"}) module = module.substr(0, module.find(part));
    EXPECT_THAT(problem(header), HasSubstr(module));
  }
}

// Read as so many numbers, whatever their shape and type: norms, biases, convolutions, single numbers.
bool is_vector(const std::string& name, const json& entry) {
  return entry["shape"].size() < 2 || name.ends_with("norm.weight") || name.ends_with("_bias") ||
         name.ends_with(".bias") || name.ends_with("conv.weight");
}

TEST_P(WeightsTest, NamesATensorOfAnotherShape) {
  for (const std::string& name : some_names()) {
    if (is_vector(name, original_.header[name])) continue;
    json header = original_.header;
    header[name]["shape"].push_back(1);
    EXPECT_THAT(problem(header), HasSubstr("'" + name + "'"));
  }
}

TEST_P(WeightsTest, NamesATensorOfAnotherType) {
  const std::map<std::string, const char*> same_width = {
      {"BF16", "I16"}, {"F32", "I32"}, {"U32", "I32"}, {"U8", "I8"}, {"F8_E4M3", "I8"}};
  for (const std::string& name : names()) {
    json header = original_.header;
    auto& type = header[name]["dtype"];
    if (is_vector(name, header[name]) || name.ends_with("conv1d.weight")) continue;
    type = same_width.at(type.get<std::string>());
    EXPECT_THAT(problem(header), HasSubstr("'" + name + "'"));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Fixtures, WeightsTest,
    ::testing::Values("models/llama", "models/apertus", "models/bloom", "models/cohere", "models/deepseek_v3",
                      "models/gpt2", "models/gpt_oss", "models/lfm2", "models/opt-350m", "models/qwen2_moe",
                      "models/qwen3_next", "formats/fp8-block", "formats/mlx-4bit-qwen3_moe",
                      "formats/mlx-mxfp4-gpt_oss", "formats/mxfp4-gpt_oss"),
    [](const auto& test) {
      std::string name = test.param;
      std::ranges::replace_if(
          name, [](char ch) { return !std::isalnum(static_cast<unsigned char>(ch)); }, '_');
      return name;
    });

}  // namespace
}  // namespace minerva::native
