// What the C API hands out, field by field.
#include "capi/results.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>

namespace minerva::capi {
namespace {

TEST(CApiResults, AGenerationIsShown) {
  Generation made;
  made.prompt_tokens = {1, 2, 3};
  made.tokens = {{.id = 4, .text = "a", .logprob = -0.5F, .top = {{4, -0.5F}, {5, -1.0F}}},
                 {.id = 6, .text = "", .logprob = 0, .top = {}},
                 {.id = 7, .text = "bc", .logprob = -2, .top = {{8, -0.1F}}}};
  made.text = std::string("a\0bc", 4);
  made.finish_reason = FinishReason::Length;
  made.seed = 9;
  made.timings = {.detect_us = 1,
                  .load_ms = 2,
                  .queue_ms = 3,
                  .ttft_ms = 4,
                  .prefill_tokens = 5,
                  .cached_tokens = 6,
                  .prefill_tps = 7,
                  .decode_tokens = 8,
                  .decode_tps = 9};
  made.memory = {.weights_bytes = 10, .kv_bytes = 11, .peak_rss_bytes = 12};
  made.constraint_notes = {{.pointer = "/a", .keyword = "x-b", .message = "c"}};
  const std::unique_ptr<minerva_generation, void (*)(minerva_generation*)> shown(new OwnedGeneration(made),
                                                                                 minerva_generation_free);
  EXPECT_EQ(shown->struct_size, sizeof(minerva_generation));
  ASSERT_EQ(shown->prompt_tokens_count, 3U);
  EXPECT_EQ(shown->prompt_tokens[2], 3);
  ASSERT_EQ(shown->tokens_count, 3U);
  EXPECT_EQ(shown->tokens[0]->struct_size, sizeof(minerva_generated_token));
  EXPECT_EQ(shown->tokens[0]->id, 4);
  EXPECT_EQ(shown->tokens[0]->logprob, -0.5F);
  EXPECT_STREQ(shown->tokens[0]->text, "a");
  ASSERT_EQ(shown->tokens[0]->top_count, 2U);
  EXPECT_EQ(shown->tokens[0]->top[1].id, 5);
  EXPECT_EQ(shown->tokens[0]->top[1].logprob, -1.0F);
  EXPECT_EQ(shown->tokens[1]->top_count, 0U);
  EXPECT_EQ(shown->tokens[2]->text_size, 2U);
  ASSERT_EQ(shown->tokens[2]->top_count, 1U);
  EXPECT_EQ(shown->tokens[2]->top[0].id, 8);
  EXPECT_EQ(std::string(shown->text, shown->text_size), made.text);
  EXPECT_EQ(shown->finish_reason, MINERVA_FINISH_REASON_LENGTH);
  EXPECT_EQ(shown->seed, 9U);
  const minerva_timings& t = *shown->timings;
  EXPECT_EQ(t.struct_size, sizeof t);
  EXPECT_EQ((std::vector<double>{t.detect_us, t.load_ms, t.queue_ms, t.ttft_ms,
                                 static_cast<double>(t.prefill_tokens), static_cast<double>(t.cached_tokens),
                                 t.prefill_tps, static_cast<double>(t.decode_tokens), t.decode_tps}),
            (std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(shown->memory->weights_bytes, 10U);
  EXPECT_EQ(shown->memory->kv_bytes, 11U);
  EXPECT_EQ(shown->memory->peak_rss_bytes, 12U);
  ASSERT_EQ(shown->constraint_notes_count, 1U);
  EXPECT_STREQ(shown->constraint_notes[0].pointer, "/a");
  EXPECT_STREQ(shown->constraint_notes[0].keyword, "x-b");
  EXPECT_STREQ(shown->constraint_notes[0].message, "c");
}

ModelDescription example_description() {
  ModelDescription d;
  d.path = "folder";
  d.format = Format::HfMlx;
  d.architecture = "llama";
  d.name = "example";
  d.weight_files = {"folder/1", "folder/2"};
  d.file_bytes = 1;
  d.tensor_count = 2;
  d.tensor_bytes = 3;
  d.parameter_count = 4;
  d.quantisation = "MLX 4-bit";
  d.context_length = 5;
  d.layer_count = 6;
  d.embedding_length = 7;
  d.head_count = 8;
  d.kv_head_count = 9;
  d.key_length = 10;
  d.value_length = 11;
  d.feed_forward_length = 12;
  d.sliding_window = 13;
  d.vocabulary_size = 14;
  d.tokenizer = TokenizerKind::Unigram;
  d.tokenizer_detail = "Unigram";
  d.chat_templates = {{"default", "{{ x }}"}, {"tools", "{{ y }}"}};
  d.eos_token_ids = {15, 16};
  d.bos_token_id = 0;
  d.sampling.top_k = 0;
  d.sampling.min_p = 0.5F;
  return d;
}

TEST(CApiResults, ADescriptionIsShown) {
  const OwnedDescription shown(example_description());
  EXPECT_EQ(shown.struct_size, sizeof(minerva_model_description));
  EXPECT_STREQ(shown.path, "folder");
  EXPECT_EQ(shown.format, MINERVA_FORMAT_HF_MLX);
  EXPECT_STREQ(shown.architecture, "llama");
  EXPECT_STREQ(shown.name, "example");
  ASSERT_EQ(shown.weight_files_count, 2U);
  EXPECT_STREQ(shown.weight_files[1], "folder/2");
  EXPECT_STREQ(shown.quantisation, "MLX 4-bit");
  EXPECT_EQ((std::vector<std::uint64_t>{shown.file_bytes, shown.tensor_count, shown.tensor_bytes,
                                        shown.parameter_count, shown.context_length, shown.layer_count,
                                        shown.embedding_length, shown.head_count, shown.kv_head_count,
                                        shown.key_length, shown.value_length, shown.feed_forward_length,
                                        shown.sliding_window, shown.vocabulary_size}),
            (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}));
  EXPECT_EQ(shown.tokenizer, MINERVA_TOKENIZER_KIND_UNIGRAM);
  EXPECT_STREQ(shown.tokenizer_detail, "Unigram");
  ASSERT_EQ(shown.chat_templates_count, 2U);
  EXPECT_STREQ(shown.chat_templates[1].name, "tools");
  EXPECT_STREQ(shown.chat_templates[1].source, "{{ y }}");
  ASSERT_EQ(shown.eos_token_ids_count, 2U);
  EXPECT_EQ(shown.eos_token_ids[1], 16);
  EXPECT_TRUE(shown.bos_token_id.set);
  EXPECT_EQ(shown.bos_token_id.value, 0);
  EXPECT_FALSE(shown.sampling->temperature.set);
  EXPECT_TRUE(shown.sampling->top_k.set);
  EXPECT_EQ(shown.sampling->min_p.value, 0.5F);
}

TEST(CApiResults, ResidentModelsAreShown) {
  ResidentModelInfo pinned;
  pinned.path = "a";
  pinned.backend = "llama";
  pinned.backend_reason = "because";
  pinned.weights_bytes = 1;
  pinned.context_bytes = 2;
  pinned.active_requests = 3;
  pinned.waiting_requests = 4;
  pinned.pinned = true;
  pinned.last_use = std::chrono::system_clock::time_point(std::chrono::milliseconds(1500));
  ResidentModelInfo loading;
  loading.path = "b";
  loading.loading = true;
  loading.expires = std::chrono::system_clock::time_point(std::chrono::seconds(2));
  const OwnedResidentModels shown({pinned, loading});
  ASSERT_EQ(shown.count, 2U);
  const minerva_resident_model_info& first = *shown.models[0];
  EXPECT_EQ(first.struct_size, sizeof first);
  EXPECT_STREQ(first.path, "a");
  EXPECT_STREQ(first.backend, "llama");
  EXPECT_STREQ(first.backend_reason, "because");
  EXPECT_EQ(first.weights_bytes, 1U);
  EXPECT_EQ(first.context_bytes, 2U);
  EXPECT_EQ(first.active_requests, 3U);
  EXPECT_EQ(first.waiting_requests, 4U);
  EXPECT_TRUE(first.pinned);
  EXPECT_FALSE(first.loading);
  EXPECT_EQ(first.last_use_ms, 1500);
  EXPECT_FALSE(first.expires_ms.set);
  EXPECT_STREQ(shown.models[1]->path, "b");
  EXPECT_TRUE(shown.models[1]->loading);
  EXPECT_EQ(shown.models[1]->expires_ms.value, 2000);
}

TEST(CApiResults, ShortListsAreShown) {
  const OwnedBackends backends({{"llama", "b1"}, {"native", "0.1"}});
  ASSERT_EQ(backends.count, 2U);
  EXPECT_STREQ(backends.backends[1].version, "0.1");
  const OwnedText text(std::string("a\0b", 3));
  EXPECT_EQ(std::string(text.data, text.size), std::string("a\0b", 3));
  EXPECT_EQ(text.data[3], '\0');
  const OwnedTokens tokens({5, 6});
  ASSERT_EQ(tokens.count, 2U);
  EXPECT_EQ(tokens.ids[1], 6);
}

}  // namespace
}  // namespace minerva::capi
