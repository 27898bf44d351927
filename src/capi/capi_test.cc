// The C functions as a program sees them, as far as no model is needed; tests/model/c_api_test.cc has the
// rest.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "capi/callbacks.h"
#include "capi/guard.h"
#include "capi/handles.h"
#include "minerva/minerva.h"
#include "support/temp_dir.h"

namespace minerva::capi {
namespace {

// The error of a call, freed with it.
struct Failure {
  minerva_error* error = nullptr;
  Failure() = default;
  Failure(const Failure&) = delete;
  Failure& operator=(const Failure&) = delete;
  ~Failure() { minerva_error_free(error); }
  std::string message() const { return error == nullptr ? "" : error->message; }
};

class CApiTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(minerva_engine_create(nullptr, &engine_, nullptr), MINERVA_OK); }
  void TearDown() override { minerva_engine_free(engine_); }
  minerva_engine* engine_ = nullptr;
};

TEST(CApi, SaysItsVersions) {
  EXPECT_STREQ(minerva_version(), MINERVA_VERSION_STRING);
  EXPECT_EQ(minerva_abi_version(), static_cast<std::uint32_t>(MINERVA_ABI_VERSION));
}

TEST(CApi, StatusesHaveNamesAndNumbers) {
  EXPECT_STREQ(minerva_status_name(MINERVA_OK), "Ok");
  EXPECT_STREQ(minerva_status_name(MINERVA_MODEL_LOADING), "ModelLoading");
  EXPECT_STREQ(minerva_status_name(99), "Unknown");
  EXPECT_EQ(minerva_exit_status(MINERVA_OK), 0);
  EXPECT_EQ(minerva_exit_status(MINERVA_OUT_OF_MEMORY), 4);
  EXPECT_EQ(minerva_exit_status(-1), 1);
  EXPECT_EQ(minerva_http_status(MINERVA_OK), 200);
  EXPECT_EQ(minerva_http_status(MINERVA_BUSY), 503);
}

TEST(CApi, NumbersHaveNames) {
  EXPECT_STREQ(minerva_format_name(MINERVA_FORMAT_ONNX), "onnx");
  EXPECT_STREQ(minerva_format_name(1000), "unknown");
  EXPECT_TRUE(minerva_format_is_runnable(MINERVA_FORMAT_GGUF));
  EXPECT_FALSE(minerva_format_is_runnable(-1));
  EXPECT_STREQ(minerva_tokenizer_kind_name(MINERVA_TOKENIZER_KIND_BPE), "bpe");
  EXPECT_STREQ(minerva_finish_reason_name(MINERVA_FINISH_REASON_CANCELLED), "cancelled");
}

TEST(CApi, FreeingNullDoesNothing) {
  minerva_error_free(nullptr);
  minerva_text_free(nullptr);
  minerva_tokens_free(nullptr);
  minerva_cancel_source_free(nullptr);
  minerva_model_description_free(nullptr);
  minerva_engine_free(nullptr);
  minerva_resident_models_free(nullptr);
  minerva_backends_free(nullptr);
  minerva_model_free(nullptr);
  minerva_model_info_free(nullptr);
  minerva_generation_free(nullptr);
}

// Every call with a NULL where there must be a value: never reaches the engine, so that a model without one
// will do.
struct NullCase {
  const char* named;
  std::function<minerva_status(minerva_engine*, minerva_model*, minerva_error**)> call;
};

std::vector<NullCase> null_cases() {
  static minerva_model_description* description;
  static minerva_resident_models* models;
  static minerva_backends* backends;
  static minerva_model* opened;
  static minerva_model_info* info;
  static minerva_tokens* tokens;
  static minerva_text* text;
  static minerva_format format;
  static const minerva_chat_message message = {.role = nullptr, .content = ""};
  static minerva_generation_request request;
  minerva_generation_request_init(&request, sizeof request);
  using E = minerva_engine*;
  using M = minerva_model*;
  using X = minerva_error**;
  return {
      {"path", [](E, M, X x) { return minerva_detect(nullptr, &format, x); }},
      {"format", [](E, M, X x) { return minerva_detect("a", nullptr, x); }},
      {"path", [](E, M, X x) { return minerva_describe(nullptr, &description, x); }},
      {"description", [](E, M, X x) { return minerva_describe("a", nullptr, x); }},
      {"engine", [](E, M, X x) { return minerva_engine_create(nullptr, nullptr, x); }},
      {"engine", [](E, M, X x) { return minerva_engine_resident(nullptr, &models, x); }},
      {"models", [](E e, M, X x) { return minerva_engine_resident(e, nullptr, x); }},
      {"engine", [](E, M, X x) { return minerva_engine_unload(nullptr, "a", x); }},
      {"path", [](E e, M, X x) { return minerva_engine_unload(e, nullptr, x); }},
      {"engine", [](E, M, X x) { return minerva_engine_pin(nullptr, "a", true, x); }},
      {"path", [](E e, M, X x) { return minerva_engine_pin(e, nullptr, true, x); }},
      {"engine", [](E, M, X x) { return minerva_engine_keep_alive(nullptr, "a", 0, x); }},
      {"path", [](E e, M, X x) { return minerva_engine_keep_alive(e, nullptr, 0, x); }},
      {"engine", [](E, M, X x) { return minerva_engine_backends(nullptr, &backends, x); }},
      {"backends", [](E e, M, X x) { return minerva_engine_backends(e, nullptr, x); }},
      {"engine", [](E, M, X x) { return minerva_model_open(nullptr, "a", nullptr, &opened, x); }},
      {"path", [](E e, M, X x) { return minerva_model_open(e, nullptr, nullptr, &opened, x); }},
      {"model", [](E e, M, X x) { return minerva_model_open(e, "a", nullptr, nullptr, x); }},
      {"model", [](E, M, X x) { return minerva_model_get_info(nullptr, &info, x); }},
      {"info", [](E, M m, X x) { return minerva_model_get_info(m, nullptr, x); }},
      {"model", [](E, M, X x) { return minerva_model_tokenize(nullptr, "a", 1, true, true, &tokens, x); }},
      {"text", [](E, M m, X x) { return minerva_model_tokenize(m, nullptr, 1, true, true, &tokens, x); }},
      {"tokens", [](E, M m, X x) { return minerva_model_tokenize(m, "a", 1, true, true, nullptr, x); }},
      {"model", [](E, M, X x) { return minerva_model_detokenize(nullptr, nullptr, 0, false, &text, x); }},
      {"ids", [](E, M m, X x) { return minerva_model_detokenize(m, nullptr, 1, false, &text, x); }},
      {"text", [](E, M m, X x) { return minerva_model_detokenize(m, nullptr, 0, false, nullptr, x); }},
      {"model", [](E, M, X x) { return minerva_model_render_chat(nullptr, nullptr, 0, &request, &text, x); }},
      {"messages", [](E, M m, X x) { return minerva_model_render_chat(m, nullptr, 1, &request, &text, x); }},
      {"role", [](E, M m, X x) { return minerva_model_render_chat(m, &message, 1, &request, &text, x); }},
      {"request", [](E, M m, X x) { return minerva_model_render_chat(m, nullptr, 0, nullptr, &text, x); }},
      {"prompt", [](E, M m, X x) { return minerva_model_render_chat(m, nullptr, 0, &request, nullptr, x); }},
      {"model",
       [](E, M, X x) {
         return minerva_model_render_chat_json(nullptr, "[]", 2, nullptr, &request, &text, x);
       }},
      {"messages",
       [](E, M m, X x) {
         return minerva_model_render_chat_json(m, nullptr, 2, nullptr, &request, &text, x);
       }},
      {"request",
       [](E, M m, X x) { return minerva_model_render_chat_json(m, "[]", 2, nullptr, nullptr, &text, x); }},
      {"prompt",
       [](E, M m, X x) { return minerva_model_render_chat_json(m, "[]", 2, nullptr, &request, nullptr, x); }},
      {"model",
       [](E, M, X x) { return minerva_model_generate(nullptr, &request, nullptr, nullptr, nullptr, x); }},
      {"request",
       [](E, M m, X x) { return minerva_model_generate(m, nullptr, nullptr, nullptr, nullptr, x); }},
  };
}

TEST_F(CApiTest, NullIsAnInvalidRequestAndNoCrash) {
  minerva_model nothing;
  for (const NullCase& each : null_cases()) {
    Failure failure;
    EXPECT_EQ(each.call(engine_, &nothing, &failure.error), MINERVA_INVALID_REQUEST) << each.named;
    ASSERT_NE(failure.error, nullptr) << each.named;
    EXPECT_EQ(failure.error->struct_size, sizeof(minerva_error));
    EXPECT_EQ(failure.error->code, MINERVA_INVALID_REQUEST);
    EXPECT_NE(failure.message().find(std::string(each.named) + " is NULL"), std::string::npos)
        << failure.message();
    EXPECT_STRNE(failure.error->remedy, "");
    EXPECT_EQ(each.call(engine_, &nothing, nullptr), MINERVA_INVALID_REQUEST) << "without an error to set";
  }
}

TEST_F(CApiTest, AFailureHandsOutNull) {
  auto* model = reinterpret_cast<minerva_model*>(engine_);
  Failure failure;
  EXPECT_EQ(minerva_model_open(engine_, "no-such-model", nullptr, &model, &failure.error),
            MINERVA_INVALID_REQUEST);
  EXPECT_EQ(model, nullptr);
  EXPECT_NE(failure.message().find("no-such-model"), std::string::npos);
}

TEST_F(CApiTest, OptionsThatWereNotSetUpAreRefused) {
  minerva_model* model = nullptr;
  Failure failure;
  const minerva_model_options zero = {};
  EXPECT_EQ(minerva_model_open(engine_, "a", &zero, &model, &failure.error), MINERVA_INVALID_REQUEST);
  EXPECT_NE(failure.message().find("not set up"), std::string::npos) << failure.message();
  EXPECT_NE(std::string(failure.error->remedy).find("minerva_model_options_init"), std::string::npos);
  minerva_engine* engine = nullptr;
  const minerva_engine_options other = {};
  EXPECT_EQ(minerva_engine_create(&other, &engine, nullptr), MINERVA_INVALID_REQUEST);
}

TEST_F(CApiTest, DetectsAndDescribes) {
  const testing::TempDir folder;
  const auto path = folder.path() / "note.txt";
  std::ofstream(path) << "only words\n";
  minerva_format format = MINERVA_FORMAT_UNKNOWN;
  EXPECT_EQ(minerva_detect(path.c_str(), &format, nullptr), MINERVA_OK);
  EXPECT_EQ(format, MINERVA_FORMAT_TEXT);
  minerva_model_description* description = nullptr;
  Failure failure;
  EXPECT_EQ(minerva_describe(path.c_str(), &description, &failure.error), MINERVA_INVALID_REQUEST);
  EXPECT_EQ(description, nullptr);
  EXPECT_NE(failure.message().find("note.txt"), std::string::npos) << failure.message();
}

TEST_F(CApiTest, ListsBackendsAndNoModels) {
  minerva_backends* backends = nullptr;
  ASSERT_EQ(minerva_engine_backends(engine_, &backends, nullptr), MINERVA_OK);
  EXPECT_EQ(backends->count, 2U);
  minerva_backends_free(backends);
  minerva_resident_models* models = nullptr;
  ASSERT_EQ(minerva_engine_resident(engine_, &models, nullptr), MINERVA_OK);
  EXPECT_EQ(models->count, 0U);
  minerva_resident_models_free(models);
}

TEST_F(CApiTest, WhatIsNotInMemoryIsAnInvalidRequest) {
  EXPECT_EQ(minerva_engine_unload(engine_, "no-such-model", nullptr), MINERVA_INVALID_REQUEST);
  EXPECT_EQ(minerva_engine_pin(engine_, "no-such-model", true, nullptr), MINERVA_INVALID_REQUEST);
  EXPECT_EQ(minerva_engine_keep_alive(engine_, "no-such-model", -1, nullptr), MINERVA_INVALID_REQUEST);
}

TEST(CApi, CancelSources) {
  minerva_cancel_source* source = minerva_cancel_source_create();
  ASSERT_NE(source, nullptr);
  EXPECT_FALSE(minerva_cancel_source_requested(source));
  minerva_cancel_source_request(source);
  EXPECT_TRUE(minerva_cancel_source_requested(source));
  minerva_cancel_source_free(source);
  minerva_cancel_source_request(nullptr);
  EXPECT_FALSE(minerva_cancel_source_requested(nullptr));
}

TEST(CApi, NoExceptionComesThrough) {
  Failure failure;
  EXPECT_EQ(guarded(&failure.error, []() -> Result<void> { throw std::runtime_error("the reason"); }),
            MINERVA_INTERNAL);
  EXPECT_NE(failure.message().find("the reason"), std::string::npos);
  Failure unknown;
  EXPECT_EQ(guarded(&unknown.error, []() -> Result<void> { throw 1; }), MINERVA_INTERNAL);
  Failure memory;
  EXPECT_EQ(guarded(&memory.error, []() -> Result<void> { throw std::bad_alloc(); }), MINERVA_OUT_OF_MEMORY);
  ASSERT_NE(memory.error, nullptr);
  EXPECT_EQ(memory.error->code, MINERVA_OUT_OF_MEMORY);
}

TEST(CApi, CallbacksThatThrowCancel) {
  TextCall text([](const char*, std::size_t, void*) -> bool { throw 1; }, nullptr);
  EXPECT_FALSE(text("a"));
  EXPECT_TRUE(text.threw());
  ProgressCall progress([](float, void*) -> bool { throw 1; }, nullptr);
  EXPECT_FALSE(progress(0.5F));
  EXPECT_TRUE(progress.threw());
}

TEST(CApi, ProgressIsNotReportedOnceTheCallHasEnded) {
  int calls = 0;
  ProgressCall progress([](float, void* data) { return ++*static_cast<int*>(data) > 0; }, &calls);
  EXPECT_TRUE(progress(0.1F));
  progress.close();
  EXPECT_TRUE(progress(0.2F));
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace minerva::capi
