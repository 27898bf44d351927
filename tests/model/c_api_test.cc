// The C API on a real model, under the sanitizers too; tests/project/consumer/tour.c sees more of it, in C.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "minerva/minerva.h"
#include "support/temp_dir.h"

namespace minerva {
namespace {

class CApiModel : public ::testing::Test {
 protected:
  void SetUp() override {
    MINERVA_NEEDS_MODEL(testing::smollm2_gguf());
    ASSERT_EQ(minerva_engine_create(nullptr, &engine_, nullptr), MINERVA_OK);
    minerva_model_options options;
    minerva_model_options_init(&options, sizeof options);
    options.context_tokens = 128;
    options.threads = 1;
    const std::string path = testing::smollm2_gguf();
    ASSERT_EQ(minerva_model_open(engine_, path.c_str(), &options, &model_, nullptr), MINERVA_OK);
    minerva_sampling_options_init(&greedy_, sizeof greedy_);
    greedy_.temperature = {true, 0.0F};
  }
  void TearDown() override {
    minerva_model_free(model_);
    minerva_engine_free(engine_);
  }

  minerva_generation_request ask(const char* prompt, std::uint32_t tokens) const {
    minerva_generation_request request;
    minerva_generation_request_init(&request, sizeof request);
    request.prompt = prompt;
    request.max_tokens = {true, tokens};
    request.sampling = &greedy_;
    return request;
  }
  std::string answer(const minerva_generation_request& request) const {
    minerva_generation* generation = nullptr;
    if (minerva_model_generate(model_, &request, nullptr, nullptr, &generation, nullptr) != MINERVA_OK)
      return "failed";
    std::string text(generation->text, generation->text_size);
    minerva_generation_free(generation);
    return text;
  }

  minerva_engine* engine_ = nullptr;
  minerva_model* model_ = nullptr;
  minerva_sampling_options greedy_ = {};
};

TEST_F(CApiModel, ResultsOutliveWhatMadeThem) {
  const auto request = ask("One, two, three,", 4);
  minerva_generation* generation = nullptr;
  minerva_model_info* info = nullptr;
  ASSERT_EQ(minerva_model_generate(model_, &request, nullptr, nullptr, &generation, nullptr), MINERVA_OK);
  ASSERT_EQ(minerva_model_get_info(model_, &info, nullptr), MINERVA_OK);
  minerva_engine_free(std::exchange(engine_, nullptr));
  minerva_model_free(std::exchange(model_, nullptr));
  EXPECT_EQ(generation->tokens_count, 4U);
  std::string text;
  for (std::size_t i = 0; i < generation->tokens_count; ++i) text += generation->tokens[i]->text;
  EXPECT_EQ(text, generation->text);
  EXPECT_STREQ(info->backend, "llama");
  EXPECT_STREQ(info->description->architecture, "llama");
  minerva_generation_free(generation);
  minerva_model_info_free(info);
}

TEST_F(CApiModel, ConcurrentRequestsAnswerAsAlone) {
  const std::array<const char*, 3> prompts = {"One, two, three,", "The sky is", "Once upon a time"};
  std::array<std::string, 3> alone;
  std::array<std::string, 3> together;
  for (std::size_t i = 0; i < prompts.size(); ++i) alone.at(i) = answer(ask(prompts.at(i), 4));
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < prompts.size(); ++i)
      threads.emplace_back([&, i] { together.at(i) = answer(ask(prompts.at(i), 4)); });
  }
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    EXPECT_FALSE(together.at(i).empty() || together.at(i) == "failed");
    EXPECT_EQ(together.at(i).front(), alone.at(i).front()) << together.at(i) << " / " << alone.at(i);
  }
}

TEST_F(CApiModel, CancellingFromAnotherThreadEndsTheAnswer) {
  minerva_cancel_source* cancel = minerva_cancel_source_create();
  auto request = ask("Once upon a time", 100);
  request.ignore_eos = true;
  request.cancel = cancel;
  std::atomic<bool> begun = false;
  std::jthread canceller([&] {
    begun.wait(false);
    minerva_cancel_source_request(cancel);
  });
  const auto on_text = [](const char*, std::size_t, void* data) {
    auto& flag = *static_cast<std::atomic<bool>*>(data);
    flag = true;
    flag.notify_one();
    return true;
  };
  minerva_generation* generation = nullptr;
  const minerva_status status =
      minerva_model_generate(model_, &request, on_text, &begun, &generation, nullptr);
  begun = true;
  begun.notify_one();
  canceller.join();
  minerva_cancel_source_free(cancel);
  ASSERT_EQ(status, MINERVA_OK);
  EXPECT_EQ(generation->finish_reason, MINERVA_FINISH_REASON_CANCELLED);
  EXPECT_LT(generation->tokens_count, 100U);
  minerva_generation_free(generation);
}

}  // namespace
}  // namespace minerva
