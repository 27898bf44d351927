// What is not converted, and why: checkpoints that llama.cpp computes differently, and damaged ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "convert/converted.h"
#include "formats/gguf/file.h"

namespace minerva {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using namespace testing;
using ::testing::HasSubstr;

struct RefusalCase {
  const char* what;
  const char* model;
  json change;          ///< of config.json
  const char* message;  ///< empty: it is converted
};
std::ostream& operator<<(std::ostream& out, const RefusalCase& c) {
  return out << c.what;
}

json rotary(const json& parameters) {
  return {{"rope_parameters", parameters}};
}

std::vector<RefusalCase> refusals() {
  const json dynamic = {{"rope_type", "dynamic"}, {"factor", 2.0}, {"rope_theta", 1e4}};
  const json llama3 = {{"rope_type", "llama3"},   {"factor", 8.0},
                       {"rope_theta", 1e4},       {"low_freq_factor", 1.0},
                       {"high_freq_factor", 4.0}, {"original_max_position_embeddings", 64}};
  const json yarn = {
      {"rope_type", "yarn"}, {"factor", 4.0}, {"rope_theta", 1e4}, {"original_max_position_embeddings", 64}};
  json untruncated = yarn;
  untruncated["truncate"] = false;
  json betas = yarn;
  betas["beta_fast"] = 16.0;
  return {
      {"mistral_with_a_window", "mistral", {}, "no sliding window"},
      {"mistral_with_a_window_of_all", "mistral", {{"sliding_window", 256}}, ""},
      {"mistral_with_some_windows",
       "mistral",
       {{"layer_types", {"sliding_attention", "full_attention", "sliding_attention"}}},
       "no sliding window"},
      {"mistral_seeing_nothing", "mistral", {{"sliding_window", 0}}, "sliding_window"},
      {"mistral_without_a_window", "mistral", {{"sliding_window", nullptr}}, ""},
      {"phi3_with_a_window", "phi3", {}, "no sliding window"},
      {"phi3_with_a_window_of_all", "phi3", {{"sliding_window", 4096}}, ""},
      {"phi3_longrope", "phi3-longrope", {}, "longrope's factors by the size of the context"},
      {"llama_yarn_betas", "llama", rotary(betas), "betas fixed at 32 and 1"},
      {"qwen2_with_windows", "qwen2-window", {}, "no sliding window"},
      {"qwen3_with_windows",
       "qwen3",
       {{"use_sliding_window", true},
        {"sliding_window", 8},
        {"layer_types", nullptr},
        {"max_window_layers", 1}},
       "no sliding window"},
      {"gemma2_scale", "gemma2", {}, "scales attention by 0.25"},
      {"gemma2_without_soft_cap",
       "gemma2-default",
       {{"attn_logit_softcapping", 0.0}},
       "attn_logit_softcapping"},
      {"gemma2_own_head", "gemma2-default", {{"tie_word_embeddings", false}}, "no output matrix"},
      {"gemma2_no_windows",
       "gemma2-default",
       {{"layer_types", {"full_attention", "full_attention", "full_attention", "full_attention"}}},
       "has layers with a sliding window"},
      {"gemma3_scale", "gemma3_text", {{"query_pre_attn_scalar", 99}}, "scales attention"},
      {"gemma3_both_ways",
       "gemma3_text",
       {{"use_bidirectional_attention", true}},
       "use_bidirectional_attention"},
      {"qwen2_both_ways", "qwen2", {{"is_causal", false}}, "is_causal"},
      {"gemma3_soft_cap", "gemma3_text", {{"attn_logit_softcapping", 50.0}}, ""},  // nobody reads it
      {"llama_activation", "llama", {{"hidden_act", "gelu"}}, "another activation"},
      {"llama_dynamic", "llama", rotary(dynamic), "does not scale rotary positions in this way"},
      {"llama_partial", "llama", rotary({{"rope_theta", 1e4}, {"partial_rotary_factor", 0.5}}),
       ""},  // nor this
      {"llama_yarn_untruncated", "llama", rotary(untruncated), "rounds yarn's range"},
      {"qwen3_llama3", "qwen3", rotary(llama3), "does not scale rotary positions in this way"},
      {"gemma_yarn", "gemma", rotary(yarn), "does not scale rotary positions in this way"},
      {"qwen2_head_dim", "qwen2", {{"head_dim", 32}}, "heads that make up the hidden size"},
      {"bigcode_heads", "gpt_bigcode", {{"multi_query", false}}, "multi_query"},
      {"bigcode_activation", "gpt_bigcode", {{"activation_function", "relu"}}, "another activation"},
      {"another_family", "falcon", {}, "the architecture 'falcon' is not converted"},
      {"one_that_sees", "llama", {{"vision_config", json::object()}}, "sees or hears"},
  };
}

class ConversionRefusalTest : public ::testing::TestWithParam<RefusalCase> {};
INSTANTIATE_TEST_SUITE_P(Cases, ConversionRefusalTest, ::testing::ValuesIn(refusals()),
                         [](const auto& test) { return std::string(test.param.what); });

TEST_P(ConversionRefusalTest, SaysWhyOrConverts) {
  const RefusalCase& c = GetParam();
  const ModelCopy copy(c.model);
  if (!c.change.is_null()) copy.patch(c.change);
  const auto answer = convert::can_convert(describe_directory(copy.path()));
  if (*c.message == '\0') {
    EXPECT_TRUE(answer) << answer.error().message;
    const TempDir folder;
    convert_into(folder, copy.path(), {.tokenizer = convert::TokenizerUse::IfPossible});
    return;
  }
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().message, HasSubstr(c.message));
  EXPECT_GT(answer.error().remedy.size(), 20U);
  const TempDir folder;
  const auto out = folder.path() / "x.gguf";
  const auto converted = convert::to_gguf(describe_directory(copy.path()), out, convert::WeightType::F32, {});
  ASSERT_FALSE(converted);
  EXPECT_EQ(converted.error().message, answer.error().message);
  EXPECT_TRUE(fs::is_empty(folder.path())) << "something was left behind";
}

// Tied in config.json, but with a head of its own in the file: that one counts, as in transformers.
TEST(ConversionHead, IsTheOneInTheFile) {
  const ModelCopy copy("llama");
  copy.patch({{"tie_word_embeddings", true}});
  const TempDir folder;
  const auto file = gguf::File::open(convert_into(folder, copy.path(), {}));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_NE(file->find_tensor("output.weight"), nullptr);
}

TEST(ConversionBias, ThatConfigDeniesIsLeftOutAndNoted) {
  const ModelCopy copy("seed_oss");
  copy.patch({{"model_type", "llama"}, {"attention_bias", false}});
  const TempDir folder;
  const auto report =
      convert::convert_to_gguf(describe_directory(copy.path()), folder.path() / "x.gguf", {}, {});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_THAT(report->notes, ::testing::Contains(HasSubstr("self_attn.k_proj.bias")));
  const auto file = gguf::File::open(folder.path() / "x.gguf");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->find_tensor("blk.0.attn_q.bias"), nullptr);
}

TEST(ConversionApproximate, ConvertsWhatDiffersAndSaysSo) {
  const TempDir folder;
  const auto report = convert::convert_to_gguf(describe_directory(test_model("phi3-longrope")),
                                               folder.path() / "x.gguf", {.approximate = true}, {});
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_FALSE(report->notes.empty());
  EXPECT_THAT(report->notes[0], HasSubstr("longrope"));
  const auto file = gguf::File::open(folder.path() / "x.gguf");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_NE(file->find_tensor("rope_factors_long.weight"), nullptr);
  EXPECT_NE(file->find_tensor("rope_factors_short.weight"), nullptr);
  EXPECT_TRUE(file->metadata().contains("phi3.rope.scaling.attn_factor"));
}

// ---- damaged directories

struct DamageCase {
  const char* what;
  const char* model;
  const char* file;  ///< what is changed
  json change;
  const char* message;
  ErrorCode code = ErrorCode::ModelLoading;
};
std::ostream& operator<<(std::ostream& out, const DamageCase& c) {
  return out << c.what;
}

std::vector<DamageCase> damages() {
  const char* const config = "config.json";
  const char* const tokenizer = "tokenizer.json";
  return {
      {"wrong_shape", "llama", config, {{"intermediate_size", 161}}, "mlp.gate_proj"},
      {"missing_tensor", "llama", config, {{"num_hidden_layers", 4}}, "model.layers.3"},
      {"too_few_layers",
       "llama",
       config,
       {{"num_hidden_layers", 2}},
       "belongs to nothing",
       ErrorCode::InvalidRequest},
      {"missing_head", "llama-tied-gqa-headdim", config, {{"tie_word_embeddings", false}}, "lm_head"},
      {"missing_field", "gpt_bigcode", config, {{"vocab_size", "x"}}, "vocab_size"},
      {"negative_field", "qwen2", config, {{"num_attention_heads", -1}}, "num_attention_heads"},
      {"heads_that_do_not_divide", "qwen3", config, {{"num_key_value_heads", 3}}, "num_key_value_heads"},
      {"huge_field", "qwen2", config, {{"hidden_size", 1e15}}, "hidden_size"},
      {"biases_without_a_place",
       "llama-tied-gqa-headdim",
       config,
       {{"model_type", "gemma"}, {"hidden_act", "gelu_pytorch_tanh"}},
       "has biases",
       ErrorCode::InvalidRequest},
      {"unknown_pre_tokenizer", "llama", tokenizer, {{"pre_tokenizer", {{"type", "Magic"}}}}, "Magic"},
      {"unknown_split",
       "llama",
       tokenizer,
       {{"pre_tokenizer",
         {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}}}},
       "pre_tokenizer is none of those",
       ErrorCode::InvalidRequest},
      {"lowercase",
       "llama",
       tokenizer,
       {{"normalizer", {{"type", "Lowercase"}}}},
       "normalizer (Lowercase)",
       ErrorCode::InvalidRequest},
      {"unknown_model", "llama", tokenizer, {{"model", {{"type", "Magic"}}}}, "Magic"},
      {"no_merges", "llama", tokenizer, {{"model", {{"merges", nullptr}}}}, "merges"},
      {"merge_of_nothing", "llama", tokenizer, {{"model", {{"merges", json::array({"zz zzz"})}}}}, "merges"},
      {"unknown_version", "llama", tokenizer, {{"version", "9"}}, "version"},
      {"sentencepiece_normalizer",
       "mistral-full",
       tokenizer,
       {{"normalizer", {{"type", "NFKC"}}}},
       "SentencePiece",
       ErrorCode::InvalidRequest},
      {"sentencepiece_without_bytes",
       "mistral-full",
       tokenizer,
       {{"added_tokens", json::array()}, {"model", {{"vocab", {{"<0x41>", nullptr}}}}}},
       "all byte tokens",
       ErrorCode::InvalidRequest},
  };
}

class ConversionDamageTest : public ::testing::TestWithParam<DamageCase> {};
INSTANTIATE_TEST_SUITE_P(Cases, ConversionDamageTest, ::testing::ValuesIn(damages()),
                         [](const auto& test) { return std::string(test.param.what); });

TEST_P(ConversionDamageTest, IsAnErrorAndLeavesNothing) {
  const DamageCase& c = GetParam();
  const ModelCopy copy(c.model);
  const ModelDescription before = describe_directory(copy.path());
  copy.patch(c.change, c.file);
  const TempDir folder;
  // Some cannot be described any more either: they are converted by what they were.
  const auto now = describe(copy.path());
  const auto converted = convert::convert_to_gguf(now ? *now : before, folder.path() / "x.gguf", {}, {});
  ASSERT_FALSE(converted);
  EXPECT_THAT(converted.error().message, HasSubstr(c.message));
  EXPECT_EQ(converted.error().code, c.code) << converted.error().message;
  EXPECT_GT(converted.error().remedy.size(), 20U) << converted.error().message;
  EXPECT_TRUE(fs::is_empty(folder.path())) << "something was left behind";
}

TEST(ConversionDamage, AFileThatEndsTooEarly) {
  const ModelCopy copy("qwen2");
  const ModelDescription before = describe_directory(copy.path());
  fs::resize_file(copy.path() / "model.safetensors", fs::file_size(copy.path() / "model.safetensors") / 2);
  const TempDir folder;
  const auto converted = convert::convert_to_gguf(before, folder.path() / "x.gguf", {}, {});
  ASSERT_FALSE(converted);
  EXPECT_EQ(converted.error().code, ErrorCode::ModelLoading);
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(ConversionDamage, NotADirectoryOfHuggingFace) {
  ModelDescription description;
  description.path = "x.gguf";
  description.format = Format::Gguf;
  const auto answer = convert::can_convert(description);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::InvalidRequest);
  EXPECT_THAT(answer.error().message, HasSubstr("no Hugging Face directory"));
}

TEST(ConversionCancel, LeavesNothing) {
  const TempDir folder;
  int asked = 0;
  const auto converted = convert::to_gguf(describe_directory(test_model("llama")), folder.path() / "x.gguf",
                                          convert::WeightType::F32, [&](float fraction) {
                                            EXPECT_GE(fraction, 0.0F);
                                            EXPECT_LE(fraction, 1.0F);
                                            ++asked;
                                            return false;
                                          });
  ASSERT_FALSE(converted);
  EXPECT_EQ(converted.error().code, ErrorCode::Cancelled);
  EXPECT_EQ(asked, 1);
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(ConversionOutput, AnExistingFileIsKeptUnlessToldOtherwise) {
  const TempDir folder;
  const auto out = folder.write("x.gguf", "precious");
  const auto description = describe_directory(test_model("qwen2"));
  const auto kept = convert::convert_to_gguf(description, out, {.replace = false}, {});
  ASSERT_FALSE(kept);
  EXPECT_THAT(kept.error().message, HasSubstr("exists already"));
  EXPECT_EQ(fs::file_size(out), 8U);
  ASSERT_TRUE(convert::convert_to_gguf(description, out, {.replace = true}, {}));
  EXPECT_EQ(fs::file_size(out), convert::convert_to_gguf(description, out, {}, {}).value().bytes);
}

TEST(ConversionOutput, HasTheBytesThatWereForetold) {
  const auto description = describe_directory(test_model("llama"));
  const TempDir folder;
  const auto out = folder.path() / "x.gguf";
  for (const auto type : {convert::WeightType::Stored, convert::WeightType::F32, convert::WeightType::Q8_0}) {
    const auto report = convert::convert_to_gguf(
        description, out, {.type = type, .tokenizer = convert::TokenizerUse::Leave}, {});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(convert::gguf_bytes(description, type).value(), report->bytes);
    EXPECT_EQ(fs::file_size(out), report->bytes);
  }
}

// A model that does not fit into F16 says so.
TEST(ConversionOutput, NumbersThatDoNotFit) {
  const ModelCopy copy("safetensors-float32");
  const auto path = copy.path() / "model.safetensors";
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  std::uint64_t header = 0;
  file.read(reinterpret_cast<char*>(&header), sizeof header);
  const float large = 1e6F;  // in the first tensor: the embedding or the head
  file.seekp(static_cast<std::streamoff>(sizeof header + header));
  file.write(reinterpret_cast<const char*>(&large), sizeof large);
  file.close();
  const TempDir folder;
  const auto description = describe_directory(copy.path());
  const auto half = convert::to_gguf(description, folder.path() / "x.gguf", convert::WeightType::F16, {});
  ASSERT_FALSE(half);
  EXPECT_THAT(half.error().message, HasSubstr("F16 cannot hold"));
  EXPECT_TRUE(fs::is_empty(folder.path()));
  EXPECT_TRUE(convert::to_gguf(description, folder.path() / "x.gguf", convert::WeightType::BF16, {}));
}

}  // namespace
}  // namespace minerva
