// Fields of config.json, and tensors, changed one at a time: each gives the numbers that transformers gives,
// or is refused by name. The cases are data: tests/data/config_changes.json, made by make_config_changes.py
// beside it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "native/test_support.h"
#include "support/paths.h"
#include "support/sanitizers.h"
#include "support/temp_dir.h"
#include "tensor/to_float.h"

namespace minerva::native {
namespace {

namespace fs = std::filesystem;
using minerva::testing::TempDir;
using nlohmann::json;
using ::testing::HasSubstr;
using testing::Logits;
using testing::Runner;
using testing::Tokens;

const json& all_changes() {
  static const json changes =
      json::parse(std::ifstream(minerva::testing::test_data() / "config_changes.json"));
  return changes;
}

std::string read_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A safetensors file whose tensors nobody finds any more (null), that has more (a number or a list
/// of them, also of "bf16"), or has them under another name (a string: the one in `file`).
std::string with_tensors(const std::string& file, const json& changes) {
  std::uint64_t size = 0;
  std::memcpy(&size, file.data(), sizeof size);
  const json original = json::parse(file.substr(sizeof size, size));
  std::string data = file.substr(sizeof size + size);
  json header = original;
  for (const auto& [name, change] : changes.items()) {
    if (change.is_string()) {
      header.erase(change.get<std::string>());
      header[name] = original.at(change.get<std::string>());
    } else if (change.is_null()) {
      header["left.out." + name] = original.at(name);
      header.erase(name);
    } else {
      const bool short_numbers = change.is_object();
      const json& value = short_numbers ? change["bf16"] : change;
      const auto numbers =
          value.is_array() ? value.get<std::vector<float>>() : std::vector{value.get<float>()};
      const std::size_t begin = data.size();
      for (const float number : numbers) {
        const std::uint16_t rounded = float_to_bfloat16(number);
        const void* bytes = short_numbers ? static_cast<const void*>(&rounded) : &number;
        data.append(static_cast<const char*>(bytes), short_numbers ? sizeof rounded : sizeof number);
      }
      header[name] = {{"dtype", short_numbers ? "BF16" : "F32"},
                      {"shape", value.is_array() ? json::array({numbers.size()}) : json::array()},
                      {"data_offsets", {begin, data.size()}}};
    }
  }
  const std::string text = header.dump();
  const std::uint64_t length = text.size();
  std::string out(reinterpret_cast<const char*>(&length), sizeof length);
  return out + text + data;
}

/// Natural logarithms of the probabilities.
std::vector<double> log_probabilities(const Logits& logits) {
  const double top = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - top);
  std::vector<double> out;
  for (const float logit : logits) out.push_back(static_cast<double>(logit) - top - std::log(sum));
  return out;
}

class ConfigChangesTest : public ::testing::TestWithParam<std::string> {};

TEST_P(ConfigChangesTest, ComputeWhatTransformersDoesOrAreRefusedByName) {
  const fs::path original = minerva::testing::test_data() / "models" / GetParam();
  const json config = json::parse(std::ifstream(original / "config.json"));
  const std::string weights = read_file(original / "model.safetensors");
  const TempDir folder;
  folder.write("model.safetensors", weights);
  const auto prompt = all_changes()["prompt"].get<Tokens>();
  const json& cases = all_changes()["models"][GetParam()];
  for (std::size_t i = 0; i < cases.size(); i += minerva::testing::kSanitized ? 7 : 1) {
    const json& c = cases[i];
    SCOPED_TRACE(c.dump());
    json changed = config;
    for (const auto& [field, value] : c["change"].items()) changed[field] = value;
    folder.write("config.json", changed.dump());
    // A model views its file: each with tensors of its own has a folder of its own.
    const TempDir other;
    const bool same_tensors = !c.contains("tensors");
    if (!same_tensors) {
      other.write("config.json", changed.dump());
      other.write("model.safetensors", with_tensors(weights, c["tensors"]));
    }
    const auto model = testing::load_model((same_tensors ? folder : other).path());
    if (c.contains("refused")) {
      ASSERT_FALSE(model.has_value());
      EXPECT_EQ(model.error().code, ErrorCode::ModelLoading);
      EXPECT_THAT(model.error().message, HasSubstr(c["refused"].get<std::string>()));
      EXPECT_FALSE(model.error().remedy.empty());
      continue;
    }
    ASSERT_TRUE(model.has_value()) << model.error().message;
    Runner runner(**model, NumericMode::Exact);
    const auto sequence = runner.begin(prompt.size());
    const Logits logits = runner.decode(*sequence, prompt);
    const auto got = log_probabilities(logits);
    EXPECT_EQ(testing::best(logits), c["best"].get<TokenId>());
    const auto expected = c["log_probabilities"].get<std::vector<double>>();  // of the first ids
    for (std::size_t id = 0; id < expected.size(); ++id) EXPECT_NEAR(got[id], expected[id], 2e-4) << id;
  }
}

std::vector<std::string> changed_models() {
  std::vector<std::string> names;
  for (const auto& [name, cases] : all_changes()["models"].items()) names.push_back(name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Models, ConfigChangesTest, ::testing::ValuesIn(changed_models()),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::ranges::replace_if(
                               name, [](char ch) { return !std::isalnum(static_cast<unsigned char>(ch)); },
                               '_');
                           return name;
                         });

}  // namespace
}  // namespace minerva::native
