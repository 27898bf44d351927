// What a program passes in, field by field.
#include "capi/requests.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "capi/handles.h"

namespace minerva::capi {
namespace {

template <class T>
T set_up_struct() {
  T made;
  set_up(&made, sizeof made);
  return made;
}

const std::array<const char*, 2> kBackends = {"native", "llama"};

TEST(CApiRequests, EngineOptionsAreTakenOver) {
  auto options = set_up_struct<minerva_engine_options>();
  options.memory_limit_bytes = 1;
  options.backends = kBackends.data();
  options.backends_count = kBackends.size();
  options.keep_alive_ms = -2;
  options.queue_max = 3;
  options.prefix_cache_bytes = 4;
  options.cache_folder = "folder";
  options.conversion_cache_bytes = 5;
  const auto read = to_engine_options(&options).value();
  EXPECT_EQ(read.memory_limit_bytes, 1U);
  EXPECT_EQ(read.backends, (std::vector<std::string>{"native", "llama"}));
  EXPECT_EQ(read.keep_alive.count(), -2);
  EXPECT_EQ(read.queue_max, 3U);
  EXPECT_EQ(read.prefix_cache_bytes, 4U);
  EXPECT_EQ(read.cache_folder, "folder");
  EXPECT_EQ(read.conversion_cache_bytes, 5U);
}

TEST(CApiRequests, ModelOptionsAreTakenOver) {
  auto options = set_up_struct<minerva_model_options>();
  options.backends = kBackends.data();
  options.backends_count = 1;
  options.numeric_mode = MINERVA_NUMERIC_MODE_EXACT;
  options.context_tokens = 1;
  options.batch_tokens = 2;
  options.threads = 3;
  options.use_mmap = false;
  options.parallel = 4;
  const auto read = to_model_options(options).value();
  EXPECT_EQ(read.backends, std::vector<std::string>{"native"});
  EXPECT_EQ(read.numeric_mode, NumericMode::Exact);
  EXPECT_EQ(read.context_tokens, 1U);
  EXPECT_EQ(read.batch_tokens, 2U);
  EXPECT_EQ(read.threads, 3);
  EXPECT_FALSE(read.use_mmap);
  EXPECT_EQ(read.parallel, 4U);
}

TEST(CApiRequests, SamplingOptionsAreTakenOver) {
  const std::array<minerva_logit_bias, 2> bias = {{{7, 1.5F}, {8, -INFINITY}}};
  auto options = set_up_struct<minerva_sampling_options>();
  options.temperature = {true, 0.1F};
  options.top_k = {true, 2};
  options.top_p = {true, 0.3F};
  options.min_p = {true, 0.4F};
  options.typical_p = {true, 0.5F};
  options.repetition_penalty = {true, 0.6F};
  options.presence_penalty = {true, 0.7F};
  options.frequency_penalty = {true, 0.8F};
  options.penalty_last_n = {true, 9};
  options.no_repeat_ngram_size = {true, 10};
  options.seed = {true, std::numeric_limits<std::uint64_t>::max()};
  options.logit_bias = bias.data();
  options.logit_bias_count = bias.size();
  const auto read = to_sampling_options(&options).value();
  EXPECT_EQ(read.temperature, 0.1F);
  EXPECT_EQ(read.top_k, 2);
  EXPECT_EQ(read.top_p, 0.3F);
  EXPECT_EQ(read.min_p, 0.4F);
  EXPECT_EQ(read.typical_p, 0.5F);
  EXPECT_EQ(read.repetition_penalty, 0.6F);
  EXPECT_EQ(read.presence_penalty, 0.7F);
  EXPECT_EQ(read.frequency_penalty, 0.8F);
  EXPECT_EQ(read.penalty_last_n, 9);
  EXPECT_EQ(read.no_repeat_ngram_size, 10);
  EXPECT_EQ(read.seed, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(read.logit_bias, (std::vector<std::pair<TokenId, float>>{{7, 1.5F}, {8, -INFINITY}}));
}

TEST(CApiRequests, AGenerationRequestIsTakenOver) {
  const std::array<const char*, 2> words = {"yes", "no"};
  auto sampling = set_up_struct<minerva_sampling_options>();
  sampling.temperature = {true, 0.0F};
  auto constraint = set_up_struct<minerva_output_constraint>();
  constraint.kind = MINERVA_CONSTRAINT_CHOICE;
  constraint.text = "schema";
  constraint.choices = words.data();
  constraint.choices_count = words.size();
  minerva_cancel_source cancel;
  auto request = set_up_struct<minerva_generation_request>();
  request.prompt = "a\0b";
  request.prompt_size = 3;
  request.add_special = false;
  request.parse_special = false;
  request.ignore_eos = true;
  request.ignore_recommendations = true;
  request.logprobs = true;
  request.top_logprobs = 1;
  request.max_tokens = {true, 0};
  request.sampling = &sampling;
  request.stop = words.data();
  request.stop_count = 1;
  request.constraint = &constraint;
  request.priority = MINERVA_PRIORITY_HIGH;
  request.client = "somebody";
  request.deadline_ms = {true, 20};
  request.cancel = &cancel;
  const auto read = to_generation_request(request).value();
  EXPECT_EQ(std::get<std::string>(read.prompt), std::string("a\0b", 3));
  EXPECT_FALSE(read.add_special);
  EXPECT_FALSE(read.parse_special);
  EXPECT_TRUE(read.ignore_eos);
  EXPECT_TRUE(read.ignore_recommendations);
  EXPECT_TRUE(read.logprobs);
  EXPECT_EQ(read.top_logprobs, 1U);
  EXPECT_EQ(read.max_tokens, 0U);
  EXPECT_EQ(read.sampling.temperature, 0.0F);
  EXPECT_EQ(read.stop, std::vector<std::string>{"yes"});
  EXPECT_EQ(read.constraint, (OutputConstraint{OutputConstraint::Kind::Choice, "schema", {"yes", "no"}}));
  EXPECT_EQ(read.priority, Priority::High);
  EXPECT_EQ(read.client, "somebody");
  EXPECT_EQ(read.deadline, std::chrono::milliseconds(20));
  EXPECT_FALSE(read.cancel.stop_requested());
  minerva_cancel_source_request(&cancel);
  EXPECT_TRUE(read.cancel.stop_requested());
}

TEST(CApiRequests, WhatIsNotSetIsTheCppDefault) {
  const auto engine = to_engine_options(nullptr).value();
  EXPECT_EQ(engine.keep_alive, EngineOptions().keep_alive);
  EXPECT_EQ(engine.queue_max, EngineOptions().queue_max);
  EXPECT_EQ(engine.prefix_cache_bytes, EngineOptions().prefix_cache_bytes);
  EXPECT_EQ(engine.conversion_cache_bytes, EngineOptions().conversion_cache_bytes);
  EXPECT_TRUE(engine.cache_folder.empty());
  const auto model = to_model_options(set_up_struct<minerva_model_options>()).value();
  EXPECT_EQ(model.batch_tokens, ModelOptions().batch_tokens);
  EXPECT_EQ(model.use_mmap, ModelOptions().use_mmap);
  EXPECT_EQ(model.parallel, ModelOptions().parallel);
  const auto sampling = to_sampling_options(nullptr).value();
  EXPECT_FALSE(sampling.temperature || sampling.top_k || sampling.seed || sampling.penalty_last_n);
  auto request = set_up_struct<minerva_generation_request>();
  request.prompt = "text";
  const auto read = to_generation_request(request).value();
  EXPECT_EQ(std::get<std::string>(read.prompt), "text");
  EXPECT_TRUE(read.add_special && read.parse_special);
  EXPECT_FALSE(read.max_tokens || read.deadline || read.ignore_eos || read.logprobs);
  EXPECT_EQ(read.constraint, OutputConstraint());
  EXPECT_EQ(read.priority, Priority::Normal);
  EXPECT_FALSE(read.cancel.stop_possible());
}

TEST(CApiRequests, TokenIdsAreAPrompt) {
  const std::array<std::int32_t, 2> ids = {3, 4};
  auto request = set_up_struct<minerva_generation_request>();
  request.prompt_ids = ids.data();
  request.prompt_ids_count = ids.size();
  EXPECT_EQ(std::get<std::vector<TokenId>>(to_generation_request(request).value().prompt),
            (std::vector<TokenId>{3, 4}));
}

// A request with one thing wrong, and what the error must name.
struct WrongCase {
  void (*spoil)(minerva_generation_request&);
  const char* named;
};
class WrongRequests : public ::testing::TestWithParam<WrongCase> {};
TEST_P(WrongRequests, AreRefused) {
  auto request = set_up_struct<minerva_generation_request>();
  request.prompt = "text";
  GetParam().spoil(request);
  const auto read = to_generation_request(request);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::InvalidRequest);
  EXPECT_NE(read.error().message.find(GetParam().named), std::string::npos) << read.error().message;
  EXPECT_FALSE(read.error().remedy.empty());
}
const std::array<const char*, 2> kHole = {"a", nullptr};
const minerva_sampling_options kZeroSampling = {};
const minerva_sampling_options kMissingBias = [] {
  auto options = set_up_struct<minerva_sampling_options>();
  options.logit_bias_count = 1;
  return options;
}();
const minerva_output_constraint kStrangeKind = [] {
  auto constraint = set_up_struct<minerva_output_constraint>();
  constraint.kind = 6;
  return constraint;
}();
INSTANTIATE_TEST_SUITE_P(
    CApi, WrongRequests,
    ::testing::Values(WrongCase{[](auto& r) { r.struct_size = 0; }, "struct_size is 0"},
                      WrongCase{[](auto& r) { r.struct_size -= 8; }, "not set up"},
                      WrongCase{[](auto& r) { r.struct_size = 0xCDCDCDCDCDCDU; }, "not set up"},
                      WrongCase{[](auto& r) { r.prompt = nullptr; }, "no prompt"},
                      WrongCase{[](auto& r) { r.prompt_ids = &r.priority; }, "both"},
                      WrongCase{[](auto& r) { r.priority = 3; }, "priority is 3"},
                      WrongCase{[](auto& r) { r.priority = -1; }, "priority is -1"},
                      WrongCase{[](auto& r) { r.stop_count = 1; }, "stop is NULL"},
                      WrongCase{[](auto& r) { r.stop = kHole.data(), r.stop_count = 2; }, "stop[1] is NULL"},
                      WrongCase{[](auto& r) { r.sampling = &kZeroSampling; }, "minerva_sampling_options"},
                      WrongCase{[](auto& r) { r.sampling = &kMissingBias; }, "logit_bias is NULL"},
                      WrongCase{[](auto& r) { r.constraint = &kStrangeKind; }, "kind is 6"}));

// A program compiled for a later version, whose struct has a field more.
struct Later {
  minerva_sampling_options known;
  std::uint64_t unknown;
};

TEST(CApiRequests, FieldsOfALaterVersionMayBeThereUnset) {
  Later later;
  minerva_sampling_options_init(&later.known, sizeof later);
  EXPECT_EQ(later.unknown, 0U);
  later.known.top_k = {true, 5};
  EXPECT_EQ(to_sampling_options(&later.known).value().top_k, 5);
  later.unknown = 1;
  const auto read = to_sampling_options(&later.known);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("later version"), std::string::npos) << read.error().message;
}

// And one compiled for an earlier version: only what it has is written.
TEST(CApiRequests, AShorterStructIsNotWrittenBeyondItsEnd) {
  std::array<unsigned char, sizeof(minerva_model_options)> bytes;
  bytes.fill(0xAA);
  constexpr std::size_t kSize = sizeof(minerva_model_options) - 8;
  minerva_model_options_init(reinterpret_cast<minerva_model_options*>(bytes.data()), kSize);
  EXPECT_EQ(bytes[kSize], 0xAA);
  std::size_t written = 0;
  std::memcpy(&written, bytes.data(), sizeof written);
  EXPECT_EQ(written, kSize);
}

TEST(CApiRequests, InitTakesNull) {
  minerva_engine_options_init(nullptr, sizeof(minerva_engine_options));
  minerva_model_options_init(nullptr, sizeof(minerva_model_options));
  minerva_sampling_options_init(nullptr, sizeof(minerva_sampling_options));
  minerva_output_constraint_init(nullptr, sizeof(minerva_output_constraint));
  minerva_chat_options_init(nullptr, sizeof(minerva_chat_options));
  minerva_generation_request_init(nullptr, sizeof(minerva_generation_request));
}

TEST(CApiRequests, DurationsCanBeAddedToTheClock) {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(to_duration(kMax), std::chrono::years(100));
  EXPECT_LT(to_duration(-kMax - 1).count(), 0);
  EXPECT_EQ(to_duration(5).count(), 5);
}

// No struct ends in padding: a field added there would not show in struct_size.
static_assert(sizeof(minerva_engine_options) ==
              offsetof(minerva_engine_options, conversion_cache_bytes) + sizeof(std::uint64_t));
static_assert(sizeof(minerva_model_options) == offsetof(minerva_model_options, cancel) + sizeof(void*));
static_assert(sizeof(minerva_sampling_options) ==
              offsetof(minerva_sampling_options, no_repeat_ngram_size) + sizeof(minerva_optional_int32));
static_assert(sizeof(minerva_output_constraint) ==
              offsetof(minerva_output_constraint, choices_count) + sizeof(std::size_t));
static_assert(sizeof(minerva_chat_options) ==
              offsetof(minerva_chat_options, continue_final_message) + sizeof(void*));
static_assert(sizeof(minerva_generation_request) ==
              offsetof(minerva_generation_request, cancel) + sizeof(void*));

}  // namespace
}  // namespace minerva::capi
