// Generation above the waist, with a backend that says a script.
#include "runtime/resident_model.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <stop_token>
#include <thread>

#include "backend/fake_resident.h"

namespace minerva {
namespace {

using testing::FakeBehaviour;
using testing::FakeTokenizer;
using testing::make_fake_resident;

class ResidentModelTest : public ::testing::Test {
 protected:
  // A model trained for `trained` tokens, opened with `options`.
  ResidentModel& open(std::uint32_t trained = 1000, const ModelOptions& options = {}) {
    impl_ = make_fake_resident(behaviour_, {.trained_tokens = trained, .model = options});
    return *impl_;
  }
  static GenerationRequest ask(std::string prompt) { return {.prompt = std::move(prompt)}; }

  std::shared_ptr<FakeBehaviour> behaviour_ = std::make_shared<FakeBehaviour>();
  std::unique_ptr<ResidentModel> impl_;
};

TEST_F(ResidentModelTest, SaysTheScriptAndStopsAtTheEndToken) {
  const auto g = open().generate(ask("q>"), {}).value();
  EXPECT_EQ(g.text, "hello");
  EXPECT_EQ(g.finish_reason, FinishReason::Stop);
  EXPECT_EQ(g.tokens.size(), 5U);
  EXPECT_EQ(g.prompt_tokens, (std::vector<TokenId>{FakeTokenizer::kBos, 'q', '>'}));
  EXPECT_EQ(g.timings.prefill_tokens, 3U);
  EXPECT_EQ(g.timings.decode_tokens, 4U);
}

TEST_F(ResidentModelTest, StreamsWhatItReturns) {
  behaviour_->script = "na\xC3\xAFve \xE2\x82\xAC";
  std::string streamed;
  const auto g = open().generate(ask(">"), [&](std::string_view text) {
    EXPECT_EQ(text.find('\xEF'), std::string_view::npos);
    streamed += text;
    return true;
  });
  EXPECT_EQ(streamed, behaviour_->script);
  EXPECT_EQ(g->text, behaviour_->script);
}

// What came before the model was there counts.
TEST_F(ResidentModelTest, TimesAreFromTheRequestOn) {
  const auto start = std::chrono::steady_clock::now() - std::chrono::seconds(3);
  const auto g = open().generate(ask(">"), {}, start).value();
  EXPECT_GE(g.timings.queue_ms, 3000);
  EXPECT_GT(g.timings.ttft_ms, g.timings.queue_ms);
  EXPECT_LT(g.timings.ttft_ms, 3000 + 60'000);

  auto late = ask(">");
  late.deadline = std::chrono::milliseconds(2000);
  const auto nothing = open().generate(late, {}, start).value();
  EXPECT_EQ(nothing.finish_reason, FinishReason::Cancelled);
  EXPECT_TRUE(nothing.tokens.empty());
  EXPECT_GE(nothing.timings.queue_ms, 3000);

  late.constraint = {.kind = OutputConstraint::Kind::Regex, .text = "hello"};
  const auto not_compiled = open().generate(late, {}, start).value();
  EXPECT_EQ(not_compiled.finish_reason, FinishReason::Cancelled);
  EXPECT_GE(not_compiled.timings.queue_ms, 3000);
}

TEST_F(ResidentModelTest, ACancelledRequestDoesNotWaitForItsConstraint) {
  std::stop_source stop;
  stop.request_stop();
  auto request = ask(">");
  request.cancel = stop.get_token();
  request.constraint = {.kind = OutputConstraint::Kind::Regex, .text = "hello"};
  EXPECT_EQ(open().generate(request, {})->finish_reason, FinishReason::Cancelled);
  request.cancel = {};
  EXPECT_EQ(open().generate(request, {})->text, "hello");
}

TEST_F(ResidentModelTest, ACharacterCutByMaxTokensBecomesTheReplacementCharacter) {
  behaviour_->script = "a\xE2\x82\xAC";
  auto request = ask(">");
  request.max_tokens = 2;
  EXPECT_EQ(open().generate(request, {})->text, "a\xEF\xBF\xBD");
}

TEST_F(ResidentModelTest, MaxTokensEndsWithLength) {
  auto request = ask(">");
  request.max_tokens = 3;
  const auto g = open().generate(request, {}).value();
  EXPECT_EQ(g.text, "hel");
  EXPECT_EQ(g.finish_reason, FinishReason::Length);
}

TEST_F(ResidentModelTest, MaxTokensZeroComputesNothing) {
  auto request = ask(">");
  request.max_tokens = 0;
  const auto g = open().generate(request, {}).value();
  EXPECT_TRUE(g.tokens.empty());
  EXPECT_EQ(behaviour_->rows, 0);
}

TEST_F(ResidentModelTest, IgnoreEosGoesOnToTheLimit) {
  auto request = ask(">");
  request.ignore_eos = true;
  request.max_tokens = 8;
  const auto g = open().generate(request, {}).value();
  EXPECT_EQ(g.tokens.size(), 8U);
  EXPECT_EQ(g.text, "hello");  // end tokens have no text
}

TEST_F(ResidentModelTest, StopStringsAcrossTokens) {
  auto request = ask(">");
  request.stop = {"ll"};
  std::string streamed;
  const auto g = open().generate(request, [&](std::string_view text) {
    streamed += text;
    return true;
  });
  EXPECT_EQ(g->text, "he");
  EXPECT_EQ(streamed, "he");
  EXPECT_EQ(g->finish_reason, FinishReason::Stop);
}

TEST_F(ResidentModelTest, AStopStringThatDoesNotComeTakesNothing) {
  auto request = ask(">");
  request.stop = {"lox"};
  EXPECT_EQ(open().generate(request, {})->text, "hello");
}

TEST_F(ResidentModelTest, TheReceiverCanCancel) {
  int calls = 0;
  const auto g = open().generate(ask(">"), [&](std::string_view) { return ++calls < 2; }).value();
  EXPECT_EQ(g.finish_reason, FinishReason::Cancelled);
  EXPECT_EQ(g.text, "he");
}

TEST_F(ResidentModelTest, AStopTokenCancelsAndTheNextRequestIsRight) {
  std::stop_source source;
  auto request = ask(">");
  request.cancel = source.get_token();
  auto& model = open();
  const auto g = model.generate(request, [&](std::string_view) {
    source.request_stop();
    return true;
  });
  EXPECT_EQ(g->finish_reason, FinishReason::Cancelled);
  EXPECT_EQ(g->text, "h");
  EXPECT_EQ(model.generate(ask(">"), {})->text, "hello");
}

TEST_F(ResidentModelTest, CancelledBeforeItStarts) {
  std::stop_source source;
  source.request_stop();
  auto request = ask(">");
  request.cancel = source.get_token();
  EXPECT_EQ(open().generate(request, {})->finish_reason, FinishReason::Cancelled);
}

TEST_F(ResidentModelTest, APromptThatGoesOnIsNotComputedAgain) {
  auto& model = open();
  const auto first = model.generate(ask("q>"), {}).value();
  behaviour_->rows = 0;
  const auto second = model.generate(ask("q>hello and then?>"), {}).value();
  EXPECT_EQ(second.text, "hello");
  EXPECT_EQ(second.timings.cached_tokens, 8U);  // BOS q > h e l l o
  EXPECT_EQ(second.timings.prefill_tokens, second.prompt_tokens.size() - 8);
}

TEST_F(ResidentModelTest, TheSamePromptComputesItsLastTokenOnly) {
  auto& model = open();
  ASSERT_TRUE(model.generate(ask("long prompt>"), {}));
  const auto again = model.generate(ask("long prompt>"), {}).value();
  EXPECT_EQ(again.timings.prefill_tokens, 1U);
  EXPECT_EQ(again.text, "hello");
}

TEST_F(ResidentModelTest, ABackendThatCantGoBackStartsAgain) {
  behaviour_->reuse_window = 2;
  auto& model = open();
  ASSERT_TRUE(model.generate(ask("long prompt>"), {}));
  const auto again = model.generate(ask("long prompt>"), {}).value();
  EXPECT_EQ(again.timings.cached_tokens, 0U);
  EXPECT_EQ(again.text, "hello");
}

// The prompt has 6 tokens. A request that will be longer than the border shares no prefix with one that
// won't.
TEST_F(ResidentModelTest, AnotherPlanAcrossABorderStartsAgain) {
  behaviour_->plan_border = 10;
  auto& model = open();
  const auto cached = [&](std::uint32_t max_tokens) {
    auto request = ask("1234>");
    request.max_tokens = max_tokens;
    return model.generate(request, {}).value().timings.cached_tokens;
  };
  EXPECT_EQ(cached(4), 0U);   // 9 positions
  EXPECT_EQ(cached(5), 5U);   // 10: on the border, the plan follows
  EXPECT_EQ(cached(6), 0U);   // 11
  EXPECT_EQ(cached(20), 5U);  // 25
  EXPECT_EQ(cached(5), 0U);   // 10
}

TEST_F(ResidentModelTest, PromptsAreComputedInChunks) {
  auto& model = open(1000, {.batch_tokens = 4});
  ASSERT_TRUE(model.generate(ask("123456789>"), {}));  // 11 tokens: 4 + 4 + 3, then 5 of the answer
  EXPECT_EQ(behaviour_->decodes, 3 + 5);
}

TEST_F(ResidentModelTest, ContextOverflowNamesBothNumbers) {
  auto& model = open(1000, {.context_tokens = 16});
  auto request = ask(">");
  request.max_tokens = 20;
  const auto error = model.generate(request, {}).error();
  EXPECT_EQ(error.code, ErrorCode::ContextOverflow);
  EXPECT_NE(error.message.find("22"), std::string::npos) << error.message;
  EXPECT_NE(error.message.find("16"), std::string::npos) << error.message;
  EXPECT_EQ(behaviour_->rows, 0);
}

TEST_F(ResidentModelTest, APromptLongerThanTheContextOverflows) {
  const auto error = open(8).generate(ask("123456789>"), {}).error();
  EXPECT_EQ(error.code, ErrorCode::ContextOverflow);
}

TEST_F(ResidentModelTest, WithoutMaxTokensAFullContextEndsWithLength) {
  auto& model = open(1000, {.context_tokens = 6});
  const auto g = model.generate(ask("q>"), {}).value();
  EXPECT_EQ(g.text, "hel");
  EXPECT_EQ(g.finish_reason, FinishReason::Length);
}

TEST_F(ResidentModelTest, ARequestThatNeedsMoreGetsALargerContext) {
  auto& model = open(100'000);
  ASSERT_TRUE(model.generate(ask(">"), {}));
  EXPECT_EQ(behaviour_->contexts, 1);
  const auto g = model.generate(ask(std::string(9000, 'x') + ">"), {}).value();
  EXPECT_EQ(g.text, "hello");
  EXPECT_EQ(behaviour_->contexts, 2);
}

TEST_F(ResidentModelTest, AFailedDecodeIsAnErrorAndTheNextRequestWorks) {
  behaviour_->fail_decode_at = 2;
  auto& model = open();
  EXPECT_EQ(model.generate(ask(">"), {}).error().message, "the fake model broke");
  EXPECT_EQ(model.generate(ask(">"), {})->text, "hello");
}

TEST_F(ResidentModelTest, NoSlotIsAnErrorWhereNothingMakesRoom) {
  behaviour_->no_slot_at = 0;
  EXPECT_FALSE(open(1000, {.context_tokens = 16, .parallel = 1}).generate(ask(">"), {}).has_value());
}

TEST_F(ResidentModelTest, NoSlotMakesTheContextGrow) {
  behaviour_->no_slot_at = 2;
  EXPECT_EQ(open().generate(ask(">"), {})->text, "hello");
  EXPECT_EQ(behaviour_->contexts, 2);
}

TEST_F(ResidentModelTest, APoisonedModelEndsItsRequests) {
  // Long enough that it cannot be computed to its end before its first piece has been read.
  behaviour_->script = std::string(900, 'x');
  behaviour_->decode_time = std::chrono::milliseconds(1);
  auto& model = open();
  const auto error = model
                         .generate(ask(">"),
                                   [&](std::string_view) {
                                     behaviour_->poisoned = true;
                                     return true;
                                   })
                         .error();
  EXPECT_EQ(error.code, ErrorCode::ModelLoading);
  EXPECT_EQ(model.generate(ask(">"), {}).error().code, ErrorCode::ModelLoading);
}

TEST_F(ResidentModelTest, PromptIdsBypassTheTokenizer) {
  auto& model = open();
  const auto g = model.generate({.prompt = std::vector<TokenId>{'>'}}, {}).value();
  EXPECT_EQ(g.prompt_tokens, (std::vector<TokenId>{'>'}));
  EXPECT_EQ(g.text, "hello");
  for (const TokenId bad : {-1, 258, std::numeric_limits<TokenId>::max()}) {
    EXPECT_EQ(model.generate({.prompt = std::vector<TokenId>{bad}}, {}).error().code,
              ErrorCode::InvalidRequest);
  }
}

TEST_F(ResidentModelTest, AnEmptyPromptIsRefused) {
  GenerationRequest request = ask("");
  request.add_special = false;
  EXPECT_EQ(open().generate(request, {}).error().code, ErrorCode::InvalidRequest);
}

TEST_F(ResidentModelTest, LogprobsAreGivenWhenAskedFor) {
  auto request = ask(">");
  auto& model = open();
  EXPECT_EQ(model.generate(request, {})->tokens[0].logprob, 0.0F);
  request.top_logprobs = 2;
  const auto g = model.generate(request, {}).value();
  EXPECT_LT(g.tokens[0].logprob, 0.0F);
  ASSERT_EQ(g.tokens[0].top.size(), 2U);
  EXPECT_EQ(g.tokens[0].top[0].id, 'h');
  request.top_logprobs = 259;
  EXPECT_EQ(model.generate(request, {}).error().code, ErrorCode::InvalidRequest);
}

TEST_F(ResidentModelTest, StopStringLimits) {
  auto request = ask(">");
  request.stop.assign(65, "x");
  EXPECT_EQ(open().generate(request, {}).error().code, ErrorCode::InvalidRequest);
  request.stop = {std::string(4097, 'x')};
  EXPECT_EQ(open().generate(request, {}).error().code, ErrorCode::InvalidRequest);
}

TEST_F(ResidentModelTest, ConcurrentRequestsWaitForEachOther) {
  auto& model = open();
  std::vector<std::future<std::string>> answers;
  for (int i = 0; i < 8; ++i) {
    answers.push_back(std::async(
        std::launch::async, [&model, i] { return model.generate(ask(std::to_string(i) + ">"), {})->text; }));
  }
  for (auto& answer : answers) EXPECT_EQ(answer.get(), "hello");
}

}  // namespace
}  // namespace minerva
