// What families read from config.json: transformers' class defaults for what is not there, an error that
// names file and field for what is wrong, and the table in docs/adding-a-model.md.
#include "native/families/families.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "support/paths.h"
#include "support/sanitizers.h"

namespace minerva::native {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;

json read_json(const fs::path& file) {
  return json::parse(std::ifstream(file));
}

Result<DecoderSpec> spec_of(const json& config) {
  MINERVA_ASSIGN(const HfConfig parsed, HfConfig::parse(config.dump(), "config.json"));
  return decoder_spec(parsed);
}

std::string message_of(const json& config) {
  const auto spec = spec_of(config);
  if (spec) return "";
  EXPECT_EQ(spec.error().code, ErrorCode::ModelLoading);
  EXPECT_FALSE(spec.error().remedy.empty());
  return spec.error().message;
}

// The class defaults of transformers 5.23 by model type.
const json& class_defaults() {
  static const json defaults = read_json(minerva::testing::test_data() / "class_defaults.json");
  return defaults;
}

// The config.json files of the reference models, by model type.
const std::map<std::string, std::vector<json>>& fixtures() {
  static const auto all = [] {
    std::map<std::string, std::vector<json>> configs;
    for (const auto& entry : fs::directory_iterator(minerva::testing::test_data() / "models")) {
      const json config = read_json(entry.path() / "config.json");
      configs[config["model_type"]].push_back(config);
    }
    return configs;
  }();
  return all;
}

// The rows of the tables in docs/adding-a-model.md: first cell -> names in the second and in the third.
struct Row {
  std::set<std::string> required, read;
};
std::set<std::string> quoted_names(const std::string& cell) {
  std::set<std::string> names;
  for (std::size_t at = cell.find('`'); at != std::string::npos; at = cell.find('`', at)) {
    const std::size_t end = cell.find('`', at + 1);
    names.insert(cell.substr(at + 1, end - at - 1));
    at = end + 1;
  }
  return names;
}
const std::map<std::string, Row>& documented() {
  static const auto all = [] {
    std::map<std::string, Row> rows;
    std::ifstream file(minerva::testing::source_root() / "docs/adding-a-model.md");
    for (std::string line; std::getline(file, line);) {
      if (!line.starts_with("| `")) continue;
      std::istringstream cells(line.substr(1));
      std::string name, required, read;
      std::getline(cells, name, '|');
      std::getline(cells, required, '|');
      std::getline(cells, read, '|');
      // "llama's without `a`; `b`, `c`"
      const bool like_llama = read.find("llama's") != std::string::npos;
      const std::size_t own = like_llama ? std::min(read.find(';'), read.size()) : 0;
      Row row{quoted_names(required), quoted_names(read.substr(own))};
      if (like_llama) {
        row.read.merge(std::set(rows.at("llama").read));
        for (const std::string& field : quoted_names(read.substr(0, own))) row.read.erase(field);
      }
      rows[*quoted_names(name).begin()] = row;
    }
    return rows;
  }();
  return all;
}

class FamilyTest : public ::testing::TestWithParam<std::string_view> {
 protected:
  std::string family() const { return std::string(GetParam()); }
  Row row() const {
    const auto found = documented().find(family());
    return found == documented().end() ? Row{} : found->second;
  }
  // Configs that differ in which other fields they make the family read.
  std::vector<json> variants() const {
    std::vector<json> configs = fixtures().at(family());
    for (std::size_t i = configs.size(); i-- > 0;) {
      json other = configs[i];
      other["use_sliding_window"] = true;
      other["block_auto_adjust_ff_dim"] = true;
      if (family() == "falcon")
        other["new_decoder_architecture"] = !other.value("new_decoder_architecture", false);
      configs.push_back(other);
      other.erase("layer_types");
      configs.push_back(other);
    }
    return configs;
  }
  static std::string with(json config, const std::string& field, const json& value) {
    config[field] = value;
    return message_of(config);
  }
};

TEST_P(FamilyTest, TakesTheClassDefaultOfWhatIsNotThere) {
  ASSERT_TRUE(class_defaults().contains(family()));
  json full = class_defaults()[family()];
  json least = {{"model_type", family()}};
  for (const std::string& field : row().required) {
    if (field == "model_type") continue;
    least[field] = full[field] = 2;
  }
  const auto from_full = spec_of(full);
  const auto from_least = spec_of(least);
  ASSERT_TRUE(from_full.has_value()) << from_full.error().message;
  ASSERT_TRUE(from_least.has_value()) << from_least.error().message;
  EXPECT_TRUE(*from_full == *from_least);
  // What differs, field by field, is easier to find by leaving out one at a time.
  for (const auto& [field, value] : full.items()) {
    json without = full;
    without.erase(field);
    const auto spec = spec_of(without);
    EXPECT_TRUE(row().required.contains(field) || (spec && *spec == *from_full)) << field;
  }
}

TEST_P(FamilyTest, NamesARequiredFieldThatIsMissing) {
  ASSERT_TRUE(fixtures().contains(family())) << "no reference model";
  EXPECT_THAT(row().required, ::testing::Contains("model_type")) << "not in docs/adding-a-model.md";
  std::set<std::string> missing = {"model_type"};
  for (const json& config : fixtures().at(family())) {
    for (const auto& [field, value] : config.items()) {
      json without = config;
      without.erase(field);
      const std::string message = message_of(without);
      if (message.find("'" + field + "' is missing") != std::string::npos) missing.insert(field);
      if (message.empty()) continue;  // else a default that does not fit the other fields
      EXPECT_THAT(message, HasSubstr("'config.json'"));
    }
    json without = config;
    without.erase("model_type");
    EXPECT_THAT(message_of(without), HasSubstr("'model_type' is missing"));
  }
  EXPECT_EQ(missing, row().required) << "docs/adding-a-model.md says which fields this family requires";
}

// Wrong for every type: a list of lists.
const json kWrong = json::array({json::array()});

TEST_P(FamilyTest, NamesEveryFieldItReadsThatIsMistyped) {
  ASSERT_TRUE(fixtures().contains(family())) << "no reference model";
  std::set<std::string> candidates;  // what any family reads, and what this one's files hold
  for (const auto& [name, row] : documented()) {
    candidates.insert(row.required.begin(), row.required.end());
    candidates.insert(row.read.begin(), row.read.end());
  }
  for (const json& config : fixtures().at(family())) {
    for (const auto& [field, value] : config.items()) candidates.insert(field);
  }
  std::set<std::string> rejected;
  std::size_t others = 0;
  for (const std::string& field : candidates) {
    const bool expected = row().read.contains(field) || row().required.contains(field);
    if (!expected && others++ % minerva::testing::stride(8) != 0) continue;
    for (const json& config : variants()) {
      const std::string message = with(config, field, kWrong);
      if (message.empty()) continue;
      rejected.insert(field);
      EXPECT_THAT(message, HasSubstr("'config.json'"));
      EXPECT_THAT(message, HasSubstr("'" + field));  // or "'field[0]'"
    }
  }
  std::set<std::string> read = row().read;
  read.merge(std::set(row().required));
  EXPECT_EQ(rejected, read) << "docs/adding-a-model.md says which fields this family reads";
}

// Zero, negative and huge numbers are refused or give a spec of bounded sizes; nothing overflows.
TEST_P(FamilyTest, BoundsEveryNumber) {
  for (const json& config : variants()) {
    for (const std::string& field : row().read) {
      for (const json& number : {json(0), json(-1), json(INT64_MAX), json(INT64_MIN), json(INT32_MAX),
                                 json(1e300), json(16'777'216), json(65'536)}) {
        json changed = config;
        changed[field] = number;
        const auto spec = spec_of(changed);
        if (!spec) continue;
        EXPECT_LE(spec->layers.size(), static_cast<std::size_t>(kLayersMax));
        EXPECT_EQ(spec->layers.size(), static_cast<std::size_t>(spec->layer_count));
        for (const int size : {spec->hidden, spec->vocabulary, spec->intermediate, spec->heads,
                               spec->kv_heads, spec->head_dim, spec->value_dim}) {
          EXPECT_GE(size, 1) << field << " " << number;
          EXPECT_LE(size, 4 * kWidthMax) << field << " " << number;
        }
        EXPECT_LE(spec->experts.count, kExpertsMax) << field << " " << number;
        for (const RotarySpec& rotary : spec->rotary) EXPECT_LE(rotary.dims, kHeadMax);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, FamilyTest, ::testing::ValuesIn(family_names()),
                         [](const auto& test) { return std::string(test.param); });

struct RotaryCase {
  const char* type;
  json parameters;
};

class RotaryFieldsTest : public ::testing::TestWithParam<RotaryCase> {};

TEST_P(RotaryFieldsTest, RequiredAndReadAsDocumented) {
  const auto& [type, parameters] = GetParam();
  const Row& row = documented().at(type);
  for (const char* object : {"rope_parameters", "rope_scaling"}) {
    json config = {{"model_type", "llama"}, {"max_position_embeddings", 256}, {"head_dim", 4}};
    config[object] = parameters;
    config[object]["rope_type"] = type;
    ASSERT_EQ(message_of(config), "");
    for (const std::string& field : row.required) {
      json without = config;
      without[object].erase(field);
      EXPECT_THAT(message_of(without), HasSubstr(fmt::format("'{}.{}'", object, field)));
    }
    std::set<std::string> all = row.read;
    all.merge(std::set(row.required));
    for (const std::string& field : all) {
      json mistyped = config;
      mistyped[object][field] = kWrong;
      EXPECT_THAT(message_of(mistyped), HasSubstr(fmt::format("'{}.{}", object, field)));
    }
    for (const std::string& field : row.read) {
      json without = config;
      without[object].erase(field);
      EXPECT_EQ(message_of(without), "") << field;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Types, RotaryFieldsTest,
    ::testing::Values(RotaryCase{"default", json::object()}, RotaryCase{"linear", {{"factor", 2}}},
                      RotaryCase{"dynamic", {{"factor", 2}}},
                      RotaryCase{"llama3", {{"factor", 8}, {"low_freq_factor", 1}, {"high_freq_factor", 4}}},
                      RotaryCase{"yarn", {{"factor", 4}, {"original_max_position_embeddings", 64}}},
                      RotaryCase{"longrope", {{"short_factor", {1, 1}}, {"long_factor", {1, 2}}}},
                      RotaryCase{"proportional", json::object()}),
    [](const auto& test) { return std::string(test.param.type); });

TEST(Families, AreSortedAndFound) {
  const auto names = family_names();
  EXPECT_TRUE(std::ranges::is_sorted(names));
  for (const auto name : names) EXPECT_NE(find_family(name), nullptr) << name;
  EXPECT_EQ(find_family("bert"), nullptr);
}

TEST(Families, AnotherArchitectureIsRefusedWithThoseThereAre) {
  const auto spec = spec_of({{"model_type", "bert"}});
  ASSERT_FALSE(spec.has_value());
  EXPECT_THAT(spec.error().message, HasSubstr("'bert'"));
  EXPECT_THAT(spec.error().remedy, HasSubstr("qwen3_next"));
}

TEST(Families, NullHeadsAndHeadSizeFollowFromTheOthers) {
  const auto spec =
      spec_of({{"model_type", "ernie4_5"}, {"num_key_value_heads", nullptr}, {"head_dim", nullptr}});
  ASSERT_TRUE(spec.has_value());
  EXPECT_EQ(spec->kv_heads, 16);
  EXPECT_EQ(spec->head_dim, 64);
}

// The families whose own rotation looks at `partial_rotary_factor`; others rotate whole heads whatever it
// says.
TEST(Families, RotateAPartOfEachHeadWhereTransformersDoes) {
  const std::set<std::string_view> partial = {"glm4", "gpt_neox",   "nemotron", "phi",
                                              "phi3", "qwen3_next", "stablelm"};
  for (const std::string_view name : family_names()) {
    json config = {{"model_type", name}, {"head_dim", 64}, {"num_experts_per_tok", 1}};
    config["rope_parameters"] = {{"rope_type", "default"}};
    config[name == "gpt_neox" ? "rotary_pct" : "partial_rotary_factor"] = 0.125;
    const auto spec = spec_of(config);
    ASSERT_TRUE(spec.has_value()) << name << ": " << spec.error().message;
    for (const RotarySpec& rotary : spec->rotary) {
      if (rotary.kind != RotaryKind::Default) continue;
      EXPECT_EQ(rotary.dims == rotary.head_dim, !partial.contains(name)) << name;
    }
  }
}

TEST(Families, UnusedWindowsMayBeNothing) {
  EXPECT_EQ(message_of({{"model_type", "qwen2_moe"}, {"sliding_window", 0}}), "");
  EXPECT_EQ(message_of({{"model_type", "gemma2"},
                        {"num_hidden_layers", 1},
                        {"layer_types", {"full_attention"}},
                        {"sliding_window", -1}}),
            "");
}

struct Misfit {
  const char* name;
  json config;
  const char* field;
};

class MisfitTest : public ::testing::TestWithParam<Misfit> {};

TEST_P(MisfitTest, IsRefusedByName) {
  EXPECT_THAT(message_of(GetParam().config), HasSubstr(fmt::format("'{}'", GetParam().field)));
}

INSTANTIATE_TEST_SUITE_P(
    Sizes, MisfitTest,
    ::testing::Values(
        Misfit{"KvHeads", {{"model_type", "llama"}, {"num_key_value_heads", 5}}, "num_key_value_heads"},
        Misfit{"UsedExperts", {{"model_type", "olmoe"}, {"num_experts_per_tok", 65}}, "num_experts_per_tok"},
        Misfit{"Groups", {{"model_type", "deepseek_v3"}, {"n_group", 7}}, "n_group"},
        Misfit{"UsedGroups", {{"model_type", "deepseek_v3"}, {"topk_group", 9}}, "topk_group"},
        Misfit{"ExpertsOfGroups",
               {{"model_type", "deepseek_v3"}, {"n_group", 256}, {"topk_group", 4}},
               "num_experts_per_tok"},
        Misfit{"Rotation", {{"model_type", "phi"}, {"partial_rotary_factor", 1e30}}, "partial_rotary_factor"},
        Misfit{"LayerTypes", {{"model_type", "olmo3"}, {"layer_types", {"full_attention"}}}, "layer_types"},
        Misfit{"OtherLayerType",
               {{"model_type", "lfm2"}, {"num_hidden_layers", 1}, {"layer_types", {"mamba"}}},
               "layer_types"},
        Misfit{"ValueHeads",
               {{"model_type", "qwen3_next"}, {"linear_num_value_heads", 17}},
               "linear_num_value_heads"},
        Misfit{"BothWays", {{"model_type", "qwen2"}, {"is_causal", false}}, "is_causal"},
        Misfit{"NullCausal", {{"model_type", "bloom"}, {"is_causal", nullptr}}, "is_causal"},
        Misfit{"Bidirectional",
               {{"model_type", "gemma3_text"}, {"use_bidirectional_attention", true}},
               "use_bidirectional_attention"},
        Misfit{"NothingSeen", {{"model_type", "mixtral"}, {"sliding_window", 0}}, "sliding_window"},
        Misfit{"LearnedInExperts", {{"model_type", "olmoe"}, {"hidden_act", "prelu"}}, "hidden_act"},
        Misfit{
            "WholeHeads",
            {{"model_type", "llama"},
             {"rope_parameters", {{"rope_type", "linear"}, {"factor", 2.0}, {"partial_rotary_factor", 0.5}}}},
            "rope_parameters.partial_rotary_factor"},
        Misfit{"NothingLeft", {{"model_type", "olmoe"}, {"clip_qkv", 0.0}}, "clip_qkv"},
        Misfit{"Blocks",
               {{"model_type", "llama"}, {"quantization_config", {{"weight_block_size", {128, 0}}}}},
               "quantization_config.weight_block_size"}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace minerva::native
