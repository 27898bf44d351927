#include "formats/hf/describe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "support/paths.h"
#include "support/temp_dir.h"

namespace minerva::hf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::filesystem::path data(const char* name) {
  return testing::test_data() / name;
}

/// The parameters of the tiny llama that tests/data/formats holds in every form.
constexpr std::uint64_t kLlamaParameters = 195'008;

struct Stored {
  const char* name;
  const char* label;
  std::uint64_t parameters = kLlamaParameters;
  std::size_t files = 1;
};
void PrintTo(const Stored& stored, std::ostream* out) {
  *out << stored.name;
}

const Stored kStored[] = {
    {"safetensors-float16", "F16"},
    {"safetensors-float32", "F32"},
    {"safetensors-sharded", "BF16", kLlamaParameters, 3},
    {"mlx-3bit", "MLX 3-bit"},
    {"mlx-4bit", "MLX 4-bit"},
    {"mlx-6bit", "MLX 6-bit"},
    {"mlx-8bit", "MLX 8-bit"},
    {"mlx-mxfp4", "MLX MXFP4"},
    {"mlx-4bit-tied", "MLX 4-bit", 188'736},
    {"mlx-4bit-qwen3", "MLX 4-bit", 232'064},
    {"mlx-4bit-gemma3", "MLX 4-bit", 321'568},
};

class HfDescribeStored : public ::testing::TestWithParam<Stored> {};
TEST_P(HfDescribeStored, CountsParametersUnpacked) {
  const auto directory = data("formats") / GetParam().name;
  const auto d = describe(directory);
  ASSERT_TRUE(d) << d.error().message;
  EXPECT_EQ(d->quantisation, GetParam().label);
  EXPECT_EQ(d->parameter_count, GetParam().parameters);
  EXPECT_EQ(d->weight_files.size(), GetParam().files);
  EXPECT_GT(d->file_bytes, d->tensor_bytes);
  EXPECT_GT(d->tensor_count, 20U);
  EXPECT_EQ(d->name, GetParam().name);
  EXPECT_EQ(d->chat_templates.size(), 1U);
  EXPECT_THAT(d->eos_token_ids, ElementsAre(2));
  EXPECT_EQ(d->bos_token_id, 1);
}
INSTANTIATE_TEST_SUITE_P(Formats, HfDescribeStored, ::testing::ValuesIn(kStored), [](const auto& test) {
  std::string name = test.param.name;
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST(HfDescribe, ReadsALlama) {
  const auto d = describe(data("models/llama"));
  ASSERT_TRUE(d) << d.error().message;
  EXPECT_EQ(d->format, Format::HfSafetensors);
  EXPECT_EQ(d->architecture, "llama");
  EXPECT_EQ(d->context_length, 256U);
  EXPECT_EQ(d->layer_count, 3U);
  EXPECT_EQ(d->embedding_length, 64U);
  EXPECT_EQ(d->head_count, 4U);
  EXPECT_EQ(d->kv_head_count, 2U);
  EXPECT_EQ(d->key_length, 16U);
  EXPECT_EQ(d->feed_forward_length, 160U);
  EXPECT_EQ(d->vocabulary_size, 512U);
  EXPECT_EQ(d->tokenizer, TokenizerKind::Bpe);
  EXPECT_EQ(d->tokenizer_detail, "BPE");
  EXPECT_EQ(d->parameter_count, kLlamaParameters);
  EXPECT_EQ(d->tensor_bytes, kLlamaParameters * 2);
}

TEST(HfDescribe, ReadsTheNamesOfOlderFamilies) {
  const auto gpt2 = describe(data("models/gpt2"));
  ASSERT_TRUE(gpt2) << gpt2.error().message;
  EXPECT_EQ(gpt2->layer_count, 3U);
  EXPECT_EQ(gpt2->embedding_length, 64U);
  EXPECT_EQ(gpt2->context_length, 256U);
  EXPECT_EQ(gpt2->kv_head_count, 4U);
  const auto mistral = describe(data("models/mistral"));
  ASSERT_TRUE(mistral);
  EXPECT_EQ(mistral->sliding_window, 16U);
}

TEST(HfDescribe, ReadsTorchBinWithoutItsPickle) {
  const auto d = describe(data("formats/bin-sharded"));
  ASSERT_TRUE(d) << d.error().message;
  EXPECT_EQ(d->format, Format::HfTorchBin);
  EXPECT_EQ(d->weight_files.size(), 2U);
  EXPECT_EQ(d->quantisation, "BF16");
  EXPECT_EQ(d->file_bytes, 190'959U + 211'311U);
}

/// A model of the given config.json, with one tensor.
class HfDescribeConfig : public ::testing::Test {
 protected:
  Result<ModelDescription> describe_config(const std::string& config) {
    dir_.write("config.json", config);
    dir_.write("model.safetensors", std::string("\x02\0\0\0\0\0\0\0{}", 10));
    return describe(dir_.path());
  }
  testing::TempDir dir_;
};

TEST_F(HfDescribeConfig, LooksIntoTextConfig) {
  const auto d = describe_config(R"({"model_type":"gemma3","eos_token_id":[1,106],
      "text_config":{"model_type":"gemma3_text","num_hidden_layers":26,"hidden_size":1152,"head_dim":256,
                     "num_attention_heads":4,"num_key_value_heads":1,"sliding_window":512,"vocab_size":262208}})");
  ASSERT_TRUE(d) << d.error().message;
  EXPECT_EQ(d->architecture, "gemma3");
  EXPECT_EQ(d->layer_count, 26U);
  EXPECT_EQ(d->key_length, 256U);
  EXPECT_EQ(d->sliding_window, 512U);
  EXPECT_THAT(d->eos_token_ids, ElementsAre(1, 106));
}

TEST_F(HfDescribeConfig, KnowsSpecialAttention) {
  auto d = describe_config(
      R"({"model_type":"falcon","hidden_size":64,"num_attention_heads":8,"multi_query":true})");
  ASSERT_TRUE(d) << d.error().message;
  EXPECT_EQ(d->kv_head_count, 1U);
  d = describe_config(R"({"model_type":"falcon","hidden_size":64,"num_attention_heads":8,"multi_query":true,
                          "new_decoder_architecture":true,"num_kv_heads":2})");
  ASSERT_TRUE(d);
  EXPECT_EQ(d->kv_head_count, 2U);
  d = describe_config(R"({"model_type":"deepseek_v3","hidden_size":7168,"num_attention_heads":128,
                          "qk_nope_head_dim":128,"qk_rope_head_dim":64,"v_head_dim":128})");
  ASSERT_TRUE(d);
  EXPECT_EQ(d->key_length, 192U);
  EXPECT_EQ(d->value_length, 128U);
  d = describe_config(R"({"model_type":"qwen2","use_sliding_window":false,"sliding_window":4096})");
  ASSERT_TRUE(d);
  EXPECT_EQ(d->sliding_window, 0U);
  d = describe_config(R"({"model_type":"openelm","num_attention_heads":8,"num_kv_heads":[2,4,3]})");
  ASSERT_TRUE(d);
  EXPECT_EQ(d->kv_head_count, 4U);
}

TEST_F(HfDescribeConfig, HonoursGenerationConfig) {
  dir_.write("generation_config.json", R"({"eos_token_id":[7,8],"bos_token_id":3,"temperature":0.6,"top_k":20,
      "top_p":0.95,"min_p":0,"repetition_penalty":1.05,"do_sample":true})");
  auto d = describe_config(R"({"model_type":"qwen3","eos_token_id":5,"bos_token_id":1})");
  ASSERT_TRUE(d) << d.error().message;
  EXPECT_THAT(d->eos_token_ids, ElementsAre(7, 8));
  EXPECT_EQ(d->bos_token_id, 3);
  EXPECT_FLOAT_EQ(d->sampling.temperature.value_or(0), 0.6F);
  EXPECT_EQ(d->sampling.top_k, 20);
  EXPECT_FLOAT_EQ(d->sampling.top_p.value_or(0), 0.95F);
  EXPECT_EQ(d->sampling.min_p, 0.0F);
  EXPECT_FLOAT_EQ(d->sampling.repetition_penalty.value_or(0), 1.05F);
  EXPECT_EQ(d->sampling.penalty_last_n, -1);  // transformers looks back on all tokens
  EXPECT_TRUE(d->sampling.temperature_first);

  dir_.write("generation_config.json", R"({"do_sample":false,"top_k":-1})");
  d = describe_config(R"({"model_type":"qwen3","eos_token_id":5})");
  ASSERT_TRUE(d);
  EXPECT_THAT(d->eos_token_ids, ElementsAre(5));
  EXPECT_EQ(d->sampling.temperature, 0.0F);
  EXPECT_EQ(d->sampling.top_k, 0);
}

// As transformers has it: -1 is no token, and takes back what another file says.
TEST_F(HfDescribeConfig, TakesANegativeIdForNone) {
  auto d = describe_config(R"({"model_type":"llama","eos_token_id":-1,"bos_token_id":-1})");
  ASSERT_TRUE(d) << d.error().message;
  EXPECT_THAT(d->eos_token_ids, IsEmpty());
  EXPECT_FALSE(d->bos_token_id);
  d = describe_config(R"({"model_type":"llama","eos_token_id":[-1,7]})");
  ASSERT_TRUE(d) << d.error().message;
  EXPECT_THAT(d->eos_token_ids, ElementsAre(7));
  dir_.write("generation_config.json", R"({"eos_token_id":-1,"bos_token_id":-1})");
  d = describe_config(R"({"model_type":"llama","eos_token_id":2,"bos_token_id":1})");
  ASSERT_TRUE(d) << d.error().message;
  EXPECT_THAT(d->eos_token_ids, IsEmpty());
  EXPECT_FALSE(d->bos_token_id);
}

TEST_F(HfDescribeConfig, NamesOtherQuantisers) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"quant_method":"gptq","bits":4,"group_size":128})", "GPTQ 4-bit"},
      {R"({"quant_method":"gptq","bits":4,"group_size":-1})", "GPTQ 4-bit"},
      {R"({"quant_method":"awq","bits":4})", "AWQ 4-bit"},
      {R"({"quant_method":"fp8"})", "FP8"},
      {R"({"quant_method":"bitsandbytes","load_in_4bit":true})", "BITSANDBYTES 4-bit"},
      {R"({"quant_method":"mxfp4"})", "MXFP4"},
      {R"({"bits":5,"group_size":64})", "MLX 5-bit"},
  };
  for (const auto& [config, label] : cases) {
    const auto d =
        describe_config(std::string(R"({"model_type":"llama","quantization_config":)") + config + "}");
    ASSERT_TRUE(d) << d.error().message;
    EXPECT_EQ(d->quantisation, label);
  }
}

TEST_F(HfDescribeConfig, TakesTheNameFromTheHubCache) {
  const auto snapshot = dir_.path() / "models--HuggingFaceTB--SmolLM2-135M" / "snapshots" / "0123";
  dir_.write("models--HuggingFaceTB--SmolLM2-135M/snapshots/0123/config.json", R"({"model_type":"llama"})");
  dir_.write("models--HuggingFaceTB--SmolLM2-135M/snapshots/0123/model.safetensors",
             std::string("\x02\0\0\0\0\0\0\0{}", 10));
  const auto d = describe(snapshot);
  ASSERT_TRUE(d) << d.error().message;
  EXPECT_EQ(d->name, "HuggingFaceTB/SmolLM2-135M");
}

struct Bad {
  const char* name;
  const char* config;
  const char* generation;
  const char* message;
};
void PrintTo(const Bad& bad, std::ostream* out) {
  *out << bad.name;
}

const Bad kBad[] = {
    {"empty", "", "", "'config.json'"},
    {"list", "[]", "", "'config.json'"},
    {"cut", R"({"model_type":"llama")", "", "'config.json'"},
    {"no_model_type", "{}", "", "'model_type'"},
    {"model_type_number", R"({"model_type":1})", "", "'model_type'"},
    {"layers_string", R"({"model_type":"llama","num_hidden_layers":"3"})", "", "'num_hidden_layers'"},
    {"layers_negative", R"({"model_type":"llama","num_hidden_layers":-1})", "", "'num_hidden_layers'"},
    {"layers_513", R"({"model_type":"llama","num_hidden_layers":513})", "", "'num_hidden_layers'"},
    {"hidden_huge", R"({"model_type":"llama","hidden_size":1e300})", "", "'hidden_size'"},
    {"heads_fraction", R"({"model_type":"llama","num_attention_heads":1.5})", "", "'num_attention_heads'"},
    {"vocabulary_huge", R"({"model_type":"llama","vocab_size":4294967296})", "", "'vocab_size'"},
    {"window_infinite", R"({"model_type":"llama","sliding_window":Infinity})", "", "'sliding_window'"},
    {"eos_string", R"({"model_type":"llama","eos_token_id":"</s>"})", "", "'eos_token_id'"},
    {"eos_2_to_31", R"({"model_type":"llama","eos_token_id":[2147483648]})", "", "eos_token_id"},
    {"quantisation_bits", R"({"model_type":"llama","quantization":{"bits":65}})", "", "bits"},
    {"text_config_number", R"({"model_type":"llama","text_config":1})", "", "'text_config'"},
};
class HfDescribeBad : public ::testing::TestWithParam<Bad> {};
TEST_P(HfDescribeBad, NamesFileAndField) {
  const testing::TempDir dir;
  dir.write("config.json", GetParam().config);
  if (*GetParam().generation != '\0') dir.write("generation_config.json", GetParam().generation);
  dir.write("model.safetensors", std::string("\x02\0\0\0\0\0\0\0{}", 10));
  const auto d = describe(dir.path());
  ASSERT_FALSE(d);
  EXPECT_EQ(d.error().code, ErrorCode::ModelLoading);
  EXPECT_THAT(d.error().message, HasSubstr(GetParam().message));
  EXPECT_GT(d.error().remedy.size(), 20U);
}
INSTANTIATE_TEST_SUITE_P(Configs, HfDescribeBad, ::testing::ValuesIn(kBad),
                         [](const auto& test) { return test.param.name; });

TEST(HfDescribe, TruncatedWeightsAreNoticed) {
  std::ifstream in(data("models/llama/model.safetensors"), std::ios::binary);
  std::stringstream whole;
  whole << in.rdbuf();
  const std::string bytes = whole.str();
  for (int i = 0; i < 64; ++i) {
    const testing::TempDir dir;
    dir.write("config.json", R"({"model_type":"llama"})");
    dir.write("model.safetensors", bytes.substr(0, bytes.size() * static_cast<std::size_t>(i) / 64));
    const auto d = describe(dir.path());
    ASSERT_FALSE(d) << i;
    EXPECT_EQ(d.error().code, ErrorCode::ModelLoading);
    EXPECT_THAT(d.error().message, HasSubstr("'model.safetensors'")) << i;
  }
}

TEST(HfDescribe, SaysWhatIsMissing) {
  const testing::TempDir dir;
  dir.write("model.safetensors", std::string("\x02\0\0\0\0\0\0\0{}", 10));
  auto d = describe(dir.path());
  ASSERT_FALSE(d);
  EXPECT_EQ(d.error().code, ErrorCode::ModelLoading);
  EXPECT_THAT(d.error().message, HasSubstr("has weights but no config.json"));

  const testing::TempDir config_only;
  config_only.write("config.json", R"({"model_type":"llama"})");
  d = describe(config_only.path());
  ASSERT_FALSE(d);
  EXPECT_EQ(d.error().code, ErrorCode::ModelLoading);
  EXPECT_THAT(d.error().message, HasSubstr("has no weights: expected 'model.safetensors'"));
}

}  // namespace
}  // namespace minerva::hf
