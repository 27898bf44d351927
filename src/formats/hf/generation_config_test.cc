#include "formats/hf/generation_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <limits>

#include "base/limits.h"
#include "support/temp_dir.h"

namespace minerva::hf {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

GenerationConfig read(const std::string& file, const std::string& config = "{}",
                      std::uint32_t vocabulary = 100) {
  const testing::TempDir dir;
  dir.write("generation_config.json", file);
  return read_generation_config(dir.path(), HfConfig::parse(config, "config.json").value(), vocabulary, {2});
}

TEST(HfGenerationConfig, ReadsEveryFieldThatChangesAnAnswer) {
  const auto c =
      read(R"({"do_sample":true,"temperature":0.5,"top_k":9,"top_p":0.8,"min_p":0.1,"typical_p":0.7,
      "top_h":0.4,"epsilon_cutoff":3e-4,"eta_cutoff":2e-3,"repetition_penalty":1.1,
      "encoder_repetition_penalty":1.5,"no_repeat_ngram_size":3,"encoder_no_repeat_ngram_size":4,
      "sequence_bias":[[[4,5],1.5],[[6],-2]],"bad_words_ids":[[7],[8,9],[3]],"suppress_tokens":[1,2],
      "begin_suppress_tokens":[11],"forced_bos_token_id":12,"forced_eos_token_id":[2,3],"max_new_tokens":50,
      "max_length":60,"min_new_tokens":5,"min_length":6,"exponential_decay_length_penalty":[10,1.01],
      "max_time":2.5,"stop_strings":["a","bc"],"remove_invalid_values":true,"eos_token_id":[2,3],
      "bos_token_id":1})");
  EXPECT_THAT(c.notes, IsEmpty());
  EXPECT_THAT(c.eos_token_ids, ElementsAre(2, 3));
  EXPECT_EQ(c.bos_token_id, 1);
  const SamplingDefaults& s = c.sampling;
  EXPECT_TRUE(s.temperature_first);
  EXPECT_FLOAT_EQ(s.typical_p.value_or(0), 0.7F);
  EXPECT_FLOAT_EQ(s.top_h.value_or(0), 0.4F);
  EXPECT_FLOAT_EQ(s.epsilon_cutoff.value_or(0), 3e-4F);
  EXPECT_FLOAT_EQ(s.eta_cutoff.value_or(0), 2e-3F);
  EXPECT_EQ(s.penalty_last_n, -1);
  EXPECT_FLOAT_EQ(s.encoder_repetition_penalty.value_or(0), 1.5F);
  EXPECT_EQ(s.no_repeat_ngram_size, 3);
  EXPECT_EQ(s.encoder_no_repeat_ngram_size, 4);
  ASSERT_THAT(s.sequence_bias, SizeIs(4));  // [3] ends answers and is not banned
  EXPECT_THAT(s.sequence_bias[0].ids, ElementsAre(4, 5));
  EXPECT_EQ(s.sequence_bias[1].bias, -2.0F);
  EXPECT_THAT(s.sequence_bias[3].ids, ElementsAre(8, 9));
  EXPECT_EQ(s.sequence_bias[3].bias, -std::numeric_limits<float>::infinity());
  EXPECT_THAT(s.suppress_tokens, ElementsAre(1, 2));
  EXPECT_THAT(s.begin_suppress_tokens, ElementsAre(11));
  EXPECT_EQ(s.forced_bos_token_id, 12);
  EXPECT_THAT(s.forced_eos_token_ids, ElementsAre(2, 3));
  EXPECT_EQ(s.max_new_tokens, 50U);
  EXPECT_EQ(s.max_length, 60U);
  EXPECT_EQ(s.min_new_tokens, 5U);
  EXPECT_EQ(s.min_length, 6U);
  EXPECT_EQ(s.length_penalty_from, 10U);
  EXPECT_FLOAT_EQ(s.length_penalty_factor.value_or(0), 1.01F);
  EXPECT_FLOAT_EQ(s.max_time.value_or(0), 2.5F);
  EXPECT_THAT(s.stop_strings, ElementsAre("a", "bc"));
  EXPECT_TRUE(s.remove_invalid_values);
}

TEST(HfGenerationConfig, SaysNothingOfWhatChangesNoAnswer) {
  const auto c =
      read(R"({"num_beams":1,"num_return_sequences":1,"guidance_scale":1,"penalty_alpha":0,"use_cache":false,
      "cache_implementation":"hybrid","pad_token_id":-1,"early_stopping":true,"length_penalty":2.0,"diversity_penalty":1,
      "renormalize_logits":true,"output_scores":true,"num_assistant_tokens":5,"prefill_chunk_size":64,
      "token_healing":false,"constraints":null,"transformers_version":"5.24.0","my_own":{"x":1}})");
  EXPECT_THAT(c.notes, IsEmpty());
}

// As transformers reads directories of before generation_config.json.
TEST(HfGenerationConfig, WithoutTheFileConfigJsonCounts) {
  const testing::TempDir dir;
  const auto config =
      HfConfig::parse(R"({"no_repeat_ngram_size":2,"max_length":17,"eos_token_id":9})", "config.json")
          .value();
  auto c = read_generation_config(dir.path(), config, 100, {9});
  EXPECT_EQ(c.sampling.no_repeat_ngram_size, 2);
  EXPECT_EQ(c.sampling.max_length, 17U);
  EXPECT_THAT(c.eos_token_ids, ElementsAre(9));
  dir.write("generation_config.json", "{}");
  c = read_generation_config(dir.path(), config, 100, {9});
  EXPECT_EQ(c.sampling.max_length, std::nullopt);
}

struct Noted {
  const char* name;
  const char* file;
  const char* note;
};
void PrintTo(const Noted& noted, std::ostream* out) {
  *out << noted.name;
}

const Noted kNoted[] = {
    {"cut", "{", "'generation_config.json'"},
    {"empty", "", "'generation_config.json'"},
    {"list", "[]", "'generation_config.json' holds a list"},
    {"temperature_negative", R"({"temperature":-1})", "'temperature' is -1, expected 0 to 100"},
    {"temperature_string", R"({"temperature":"hot"})", "'temperature'"},
    {"temperature_nan", R"({"temperature":NaN})", "'temperature'"},
    {"temperature_infinite", R"({"temperature":Infinity})", "'temperature'"},
    {"top_p_0", R"({"top_p":0})", "'top_p' is 0, expected above 0, at most 1"},
    {"top_p_2", R"({"top_p":2})", "'top_p' is 2"},
    {"top_k_fraction", R"({"top_k":1.5})", "'top_k' is 1.5, expected a whole number"},
    {"penalty_0", R"({"repetition_penalty":0})", "'repetition_penalty' is 0"},
    {"ngram_257", R"({"no_repeat_ngram_size":257})", "a whole number from 0 to 256"},
    {"do_sample", R"({"do_sample":"yes"})", "'do_sample'"},
    {"max_new_tokens_0", R"({"max_new_tokens":0})", "1 or more"},
    {"max_time_negative", R"({"max_time":-3})", "seconds, above 0"},
    {"eos_string", R"({"eos_token_id":"</s>"})", "'eos_token_id"},
    {"eos_outside", R"({"eos_token_id":[2,100]})", "names tokens that the vocabulary of 100 does not have"},
    {"bos_outside", R"({"bos_token_id":100})", "'bos_token_id'"},
    {"suppress_nested", R"({"suppress_tokens":[[1]]})", "'suppress_tokens"},
    {"suppress_outside", R"({"suppress_tokens":[1,1000]})", "'suppress_tokens' names tokens"},
    {"bad_words_flat", R"({"bad_words_ids":[1,2]})", "'bad_words_ids' has an entry 0 that makes no sense"},
    {"bad_words_empty", R"({"bad_words_ids":[[1],[]]})", "'bad_words_ids' has an entry 1"},
    {"bad_words_object", R"({"bad_words_ids":{"a":1}})", "'bad_words_ids' is no list"},
    {"bad_words_outside", R"({"bad_words_ids":[[1],[2,100]]})", "'bad_words_ids' names tokens"},
    {"bias_infinite", R"({"sequence_bias":[[[1],Infinity]]})", "'sequence_bias' has an entry 0"},
    {"bias_huge", R"({"sequence_bias":[[[1],1e300]]})", "'sequence_bias' has an entry 0"},
    {"bias_text", R"({"sequence_bias":[[[1],"much"]]})", "'sequence_bias' has an entry 0"},
    {"decay_short", R"({"exponential_decay_length_penalty":[5]})", "'exponential_decay_length_penalty'"},
    {"decay_zero", R"({"exponential_decay_length_penalty":[5,0]})", "'exponential_decay_length_penalty'"},
    {"stop_empty", R"({"stop_strings":["a",""]})", "'stop_strings'"},
    {"stop_number", R"({"stop_strings":5})", "'stop_strings'"},
    {"beams", R"({"num_beams":4})", "'num_beams' cannot be followed"},
    {"beams_text", R"({"num_beams":"4"})", "'num_beams' cannot be followed"},
    {"answers", R"({"num_return_sequences":2})", "'num_return_sequences' cannot be followed"},
    {"guidance", R"({"guidance_scale":1.5})", "'guidance_scale' cannot be followed"},
    {"contrastive", R"({"penalty_alpha":0.6})", "'penalty_alpha' cannot be followed"},
    {"dola", R"({"dola_layers":"high"})", "'dola_layers' cannot be followed"},
    {"watermark", R"({"watermarking_config":{"bias":2.0}})", "'watermarking_config' cannot be followed"},
    {"healing", R"({"token_healing":true})", "'token_healing' cannot be followed"},
    {"force_words", R"({"force_words_ids":[[1]]})", "'force_words_ids' cannot be followed"},
};
class HfGenerationConfigNoted : public ::testing::TestWithParam<Noted> {};
TEST_P(HfGenerationConfigNoted, AndNothingElseIsLost) {
  const auto c = read(GetParam().file);
  EXPECT_THAT(c.notes, ElementsAre(HasSubstr(GetParam().note)));
  EXPECT_THAT(c.eos_token_ids, ElementsAre(2));
  std::string file = GetParam().file;
  if (!file.ends_with('}')) return;
  file.insert(file.size() - 1, R"(,"min_p":0.25)");
  EXPECT_EQ(read(file).sampling.min_p, 0.25F);
}
INSTANTIATE_TEST_SUITE_P(Files, HfGenerationConfigNoted, ::testing::ValuesIn(kNoted),
                         [](const auto& test) { return test.param.name; });

// Every step pays for what a file lists.
TEST(HfGenerationConfig, BoundsItsLists) {
  std::string ids = "[[1]";
  for (std::size_t i = 0; i < limits::kRecommendedIdCountMax; ++i) ids += ",[1]";
  const auto c = read("{\"bad_words_ids\":" + ids + "]}");
  EXPECT_THAT(c.notes, ElementsAre(AllOf(HasSubstr("'bad_words_ids'"), HasSubstr("at most 65536"))));
  EXPECT_THAT(c.sampling.sequence_bias, IsEmpty());
  std::string flat = "[1";
  for (std::size_t i = 0; i < limits::kRecommendedIdCountMax; ++i) flat += ",1";
  EXPECT_THAT(read("{\"suppress_tokens\":" + flat + "]}").notes, ElementsAre(HasSubstr("at most 65536")));
}

}  // namespace
}  // namespace minerva::hf
