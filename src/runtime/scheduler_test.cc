// Many requests to one model, with a backend that says a script.
#include "runtime/scheduler.h"

#include <gtest/gtest.h>

#include <future>
#include <latch>
#include <thread>

#include "backend/fake_resident.h"
#include "runtime/memory_ledger.h"

namespace minerva {
namespace {

using testing::FakeBehaviour;
using testing::make_fake_backend;
using testing::make_fake_resident;
using namespace std::chrono_literals;

class SchedulerTest : public ::testing::Test {
 protected:
  ResidentModel& open(const ModelOptions& options = {}, std::uint32_t queue_max = 64,
                      std::uint64_t prefix_cache_bytes = 1U << 20U) {
    model_ = make_fake_resident(behaviour_, {.trained_tokens = 4096,
                                             .model = options,
                                             .queue_max = queue_max,
                                             .prefix_cache_bytes = prefix_cache_bytes});
    return *model_;
  }
  static GenerationRequest ask(std::string prompt) { return {.prompt = std::move(prompt)}; }
  static std::future<Result<Generation>> start(ResidentModel& model, GenerationRequest request) {
    return std::async(std::launch::async,
                      [&model, request = std::move(request)] { return model.generate(request, {}); });
  }
  static void await(const std::function<bool()>& condition) {
    for (int i = 0; i < 20'000 && !condition(); ++i) std::this_thread::sleep_for(1ms);
    ASSERT_TRUE(condition());
  }

  std::shared_ptr<FakeBehaviour> behaviour_ = std::make_shared<FakeBehaviour>();
  std::unique_ptr<ResidentModel> model_;
};

TEST_F(SchedulerTest, ConcurrentRequestsShareBatches) {
  behaviour_->decode_time = 2ms;
  auto& model = open();
  std::vector<std::future<Result<Generation>>> answers;
  for (int i = 0; i < 12; ++i) answers.push_back(start(model, ask(std::to_string(i) + ">")));
  for (auto& answer : answers) EXPECT_EQ(answer.get()->text, "hello");
  EXPECT_GT(behaviour_->sequences_at_once, 1U);
  EXPECT_LT(behaviour_->decodes, 12 * 5);
}

TEST_F(SchedulerTest, ConcurrentRequestsBeyondTheLimitWaitTheirTurn) {
  auto& model = open({.parallel = 2});
  std::vector<std::future<Result<Generation>>> answers;
  for (int i = 0; i < 12; ++i) answers.push_back(start(model, ask(std::to_string(i) + ">")));
  for (auto& answer : answers) EXPECT_EQ(answer.get()->text, "hello");
  EXPECT_LE(behaviour_->sequences_at_once, 2U);
}

TEST_F(SchedulerTest, ConcurrentRequestsBeyondTheQueueAreRefused) {
  behaviour_->decode_time = 2ms;
  behaviour_->script = std::string(500, 'x');
  auto& model = open({.parallel = 1}, 1);
  auto first = start(model, ask(">"));
  await([&] { return behaviour_->decodes > 0; });  // it runs
  auto second = start(model, ask(">"));
  await([&] { return model.waiting_requests() == 1; });
  const auto refused = model.generate(ask(">"), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Busy);
  EXPECT_FALSE(refused.error().remedy.empty());
  EXPECT_EQ(first.get()->text.size(), 500U);
  EXPECT_EQ(second.get()->text.size(), 500U);
}

TEST_F(SchedulerTest, DeadlineCancelsWhatRuns) {
  behaviour_->decode_time = 2ms;
  behaviour_->script = std::string(3000, 'x');
  auto& model = open();
  auto request = ask(">");
  request.deadline = 40ms;
  const auto g = model.generate(request, {}).value();
  EXPECT_EQ(g.finish_reason, FinishReason::Cancelled);
  EXPECT_LT(g.text.size(), 3000U);
  await([&] { return model.active_requests() == 0; });
}

TEST_F(SchedulerTest, DeadlineCancelsALongComputation) {
  behaviour_->decode_time = 60s;  // one step
  auto& model = open();
  auto request = ask(">");
  request.deadline = 20ms;
  EXPECT_EQ(model.generate(request, {})->finish_reason, FinishReason::Cancelled);
  await([&] { return model.active_requests() == 0; });  // the step was given up
}

TEST_F(SchedulerTest, DeadlineCancelsWhatWaits) {
  behaviour_->decode_time = 2ms;
  behaviour_->script = std::string(2000, 'x');
  auto& model = open({.parallel = 1});
  std::stop_source source;
  auto long_request = ask(">");
  long_request.cancel = source.get_token();
  auto first = start(model, long_request);
  await([&] { return behaviour_->decodes > 0; });  // it runs
  auto request = ask(">");
  request.deadline = 20ms;
  const auto g = model.generate(request, {}).value();
  EXPECT_EQ(g.finish_reason, FinishReason::Cancelled);
  EXPECT_TRUE(g.tokens.empty());
  source.request_stop();
  EXPECT_EQ(first.get()->finish_reason, FinishReason::Cancelled);
}

TEST_F(SchedulerTest, DeadlinesThatAreNoneOrInThePast) {
  auto& model = open();
  auto request = ask(">");
  request.deadline = std::chrono::milliseconds::max();
  EXPECT_EQ(model.generate(request, {})->text, "hello");
  request.deadline = -1ms;
  EXPECT_EQ(model.generate(request, {}).error().code, ErrorCode::InvalidRequest);
  request.deadline = 0ms;
  EXPECT_EQ(model.generate(request, {})->finish_reason, FinishReason::Cancelled);
}

TEST_F(SchedulerTest, CancellingOneLeavesTheOthersRight) {
  behaviour_->decode_time = 1ms;
  behaviour_->script = "a rather long answer that takes its time";
  auto& model = open();
  std::stop_source source;
  auto cancelled = ask("1>");
  cancelled.cancel = source.get_token();
  auto first = start(model, cancelled);
  auto second = start(model, ask("2>"));
  await([&] { return model.active_requests() == 2; });
  source.request_stop();
  EXPECT_EQ(first.get()->finish_reason, FinishReason::Cancelled);
  EXPECT_EQ(second.get()->text, behaviour_->script);
  EXPECT_EQ(model.generate(ask("3>"), {})->text, behaviour_->script);
}

TEST_F(SchedulerTest, ConcurrentHighPriorityGoesFirstAndTheOtherGoesOn) {
  behaviour_->decode_time = 2ms;
  behaviour_->script = std::string(200, 'x');
  auto& model = open({.parallel = 1});
  auto low = ask("low>");
  low.priority = Priority::Low;
  auto slow = start(model, low);
  await([&] { return behaviour_->decodes > 0; });  // it runs
  auto high = ask("high>");
  high.priority = Priority::High;
  high.max_tokens = 5;
  EXPECT_EQ(model.generate(high, {})->text, "xxxxx");
  EXPECT_EQ(slow.wait_for(0s), std::future_status::timeout);
  EXPECT_EQ(slow.get()->text, behaviour_->script);
}

TEST_F(SchedulerTest, ConcurrentShortRequestDoesNotWaitForALongPrompt) {
  behaviour_->row_time = 1ms;
  auto& model = open();
  for (const auto priority : {Priority::Normal, Priority::High}) {
    behaviour_->rows = 0;
    std::stop_source source;
    auto long_request = ask(std::string(3000, priority == Priority::High ? 'h' : 'n') + ">");
    long_request.cancel = source.get_token();
    auto slow = start(model, long_request);
    await([&] { return behaviour_->rows > 0; });
    auto request = ask("short>");
    request.priority = priority;
    EXPECT_EQ(model.generate(request, {})->text, "hello");
    EXPECT_LT(behaviour_->rows, 2000) << "the long prompt is not read yet";
    source.request_stop();
    EXPECT_EQ(slow.get()->finish_reason, FinishReason::Cancelled);
  }
}

TEST_F(SchedulerTest, ConcurrentClientsGetEqualShares) {
  behaviour_->decode_time = 500us;
  behaviour_->script = std::string(40, 'x');
  auto& model = open();
  std::atomic<bool> over = false;
  std::atomic<int> of_one = 0;
  std::atomic<int> of_many = 0;
  const auto client = [&](const std::string& name, std::atomic<int>& tokens) {
    for (int i = 0; !over; ++i) {
      auto request = ask(name + std::to_string(i) + ">");
      request.client = name;
      const auto answer = model.generate(request, {});
      if (answer) tokens += static_cast<int>(answer->tokens.size() + answer->prompt_tokens.size());
    }
  };
  {
    std::vector<std::jthread> threads;
    threads.emplace_back([&] { client("one", of_one); });
    for (int i = 0; i < 12; ++i) threads.emplace_back([&] { client("many", of_many); });
    await([&] { return of_one > 1500; });
    over = true;
  }
  EXPECT_GT(of_one, (of_one + of_many) * 0.40);
  EXPECT_LT(of_one, (of_one + of_many) * 0.60);
}

TEST_F(SchedulerTest, ConcurrentRequestsComputeACommonPrefixOnce) {
  behaviour_->snapshots = true;  // a larger context takes over what there is
  behaviour_->row_time = 100us;
  const std::string common(800, 'c');
  auto& model = open();
  std::vector<std::future<Result<Generation>>> answers;
  for (int i = 0; i < 12; ++i) answers.push_back(start(model, ask(common + std::to_string(100 + i) + ">")));
  for (auto& answer : answers) EXPECT_EQ(answer.get()->text, "hello");
  // BOS, the prefix once, and for each its own end and its answer (less its last token).
  EXPECT_LT(behaviour_->rows, 1 + 800 + 12 * (64 + 4 + 5));
}

// Where a sequence cannot go back there is nothing to be had by waiting.
TEST_F(SchedulerTest, ConcurrentRequestsDoNotWaitForAPrefixThatCannotBeCopied) {
  behaviour_->row_time = 100us;
  behaviour_->reuse_window = 0;
  const std::string common(800, 'c');
  auto& model = open();
  std::vector<std::future<Result<Generation>>> answers;
  for (int i = 0; i < 3; ++i) answers.push_back(start(model, ask(common + std::to_string(i) + ">")));
  await([&] { return model.active_requests() == 3 && model.waiting_requests() == 0; });
  for (auto& answer : answers) EXPECT_EQ(answer.get()->text, "hello");
}

TEST_F(SchedulerTest, ConcurrentRequestsToABrokenStepAreTriedOneByOne) {
  behaviour_->poison_token = '!';
  behaviour_->decode_time = 3ms;
  auto& model = open();
  std::vector<std::future<Result<Generation>>> answers;
  for (const char* prompt : {"a>", "b!>", "c>", "d>"}) answers.push_back(start(model, ask(prompt)));
  EXPECT_EQ(answers[0].get()->text, "hello");
  EXPECT_EQ(answers[1].get().error().message, "the token is poison");
  EXPECT_EQ(answers[2].get()->text, "hello");
  EXPECT_EQ(answers[3].get()->text, "hello");
}

// A context that is full although its size says otherwise, as with sliding windows whose cells are shared.
TEST_F(SchedulerTest, ConcurrentRequestsBeyondTheCellsTakeTurns) {
  for (const bool snapshots : {false, true}) {
    behaviour_ = std::make_shared<FakeBehaviour>();
    behaviour_->snapshots = snapshots;
    behaviour_->cells_max = 150;
    behaviour_->script = std::string(100, 'x');
    auto& model = open({.parallel = 4});
    std::vector<std::future<Result<Generation>>> answers;
    for (int i = 0; i < 6; ++i) {
      auto request = ask(std::to_string(i) + ">");
      request.deadline = 20s;
      answers.push_back(start(model, request));
    }
    for (auto& answer : answers) EXPECT_EQ(answer.get()->text, behaviour_->script);
  }
}

TEST_F(SchedulerTest, WhatIsThrownEndsTheRequestsOnly) {
  auto& model = open();
  behaviour_->throws = true;
  const auto thrown = model.generate(ask("1>"), {});
  ASSERT_FALSE(thrown);
  EXPECT_EQ(thrown.error().code, ErrorCode::OutOfMemory);
  behaviour_->throws = false;
  EXPECT_EQ(model.generate(ask("2>"), {})->text, "hello");
}

TEST_F(SchedulerTest, ConcurrentHighPriorityTakesTheRoomOfLow) {
  behaviour_->decode_time = 1ms;
  behaviour_->script = std::string(600, 'x');
  // Memory for one context of 4096 tokens.
  auto ledger =
      std::make_shared<MemoryLedger>(behaviour_->weights_bytes + 4096 * 10, [] { return kUnlimitedMemory; });
  auto grant = ledger->reserve(behaviour_->weights_bytes + 4096 * 10, {}, MemoryLedger::Clock::now()).value();
  const auto model =
      make_fake_resident(behaviour_, {.trained_tokens = 4096, .model = {.parallel = 4}, .grant = grant});
  auto low = ask(std::string(3000, 'l') + ">");
  low.priority = Priority::Low;
  auto slow = start(*model, low);
  await([&] { return behaviour_->rows > 3001; });
  auto high = ask(std::string(2000, 'h') + ">");
  high.priority = Priority::High;
  high.max_tokens = 5;
  EXPECT_EQ(model->generate(high, {})->text, "xxxxx");
  EXPECT_EQ(slow.wait_for(0s), std::future_status::timeout);
  EXPECT_EQ(slow.get()->text, behaviour_->script);
}

TEST_F(SchedulerTest, ConcurrentRequestThatCameLastGivesWay) {
  behaviour_->decode_time = 1ms;
  behaviour_->script = std::string(400, 'x');
  auto& model = open({.parallel = 2});
  const auto of = [](Priority priority, const char* prompt, std::uint32_t tokens) {
    auto request = ask(prompt);
    request.priority = priority;
    request.max_tokens = tokens;
    return request;
  };
  // The second waits for a place longer than the third, and comes before it.
  auto first = start(model, of(Priority::Low, "1>", 200));
  auto other = start(model, of(Priority::Low, "2>", 100));
  await([&] { return model.active_requests() == 2; });
  auto waited = start(model, of(Priority::Low, "3>", 400));
  await([&] { return model.waiting_requests() == 1; });
  other.get();
  await([&] { return model.waiting_requests() == 0; });
  first.get();
  auto last = start(model, of(Priority::Low, "4>", 400));
  await([&] { return model.active_requests() == 2; });
  ASSERT_TRUE(model.generate(of(Priority::High, "5>", 100), {}));
  EXPECT_EQ(waited.get()->text.size(), 400U);
  EXPECT_EQ(last.wait_for(0s), std::future_status::timeout) << "it gave way";
  EXPECT_EQ(last.get()->text.size(), 400U);
}

TEST_F(SchedulerTest, RequestsWhoseCallersLeftTakeNoPlaceInTheQueue) {
  behaviour_->decode_time = 60s;
  auto& model = open({.parallel = 1}, 1);
  std::stop_source source;
  auto long_request = ask(">");
  long_request.cancel = source.get_token();
  auto running = start(model, long_request);
  await([&] { return behaviour_->decodes > 0; });
  for (int i = 0; i < 3; ++i) {
    auto late = ask(">");
    late.deadline = 5ms;
    const auto answer = model.generate(late, {});
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->finish_reason, FinishReason::Cancelled);
  }
  source.request_stop();
  EXPECT_EQ(running.get()->finish_reason, FinishReason::Cancelled);
}

TEST(ComputeArbiter, LendsInOrderAndLetsGoWhoHasStopped) {
  ComputeArbiter arbiter;
  std::stop_source stop;
  auto held = arbiter.acquire({});
  ASSERT_TRUE(held);
  auto stopped =
      std::async(std::launch::async, [&] { return arbiter.acquire(stop.get_token()).has_value(); });
  std::this_thread::sleep_for(10ms);
  auto next = std::async(std::launch::async, [&] { return arbiter.acquire({}).has_value(); });
  stop.request_stop();
  EXPECT_FALSE(stopped.get());
  EXPECT_EQ(next.wait_for(10ms), std::future_status::timeout);
  held.reset();
  EXPECT_TRUE(next.get());
  EXPECT_TRUE(arbiter.acquire({}));
}

TEST_F(SchedulerTest, ConcurrentRequestsCopyACommonPrefix) {
  behaviour_->decode_time = 2ms;
  behaviour_->script = std::string(200, 'x');
  auto& model = open({.parallel = 2});
  const std::string common(300, 'c');
  // Two at once, so that the context has two sequences; then one goes on and the other asks for the same.
  auto first = start(model, ask(common + "1>"));
  auto other = start(model, ask("other>"));
  await([&] { return behaviour_->sequences_at_once == 2; });
  other.get();
  auto second = ask(common + "2>");
  second.max_tokens = 3;
  const auto g = model.generate(second, {}).value();
  EXPECT_EQ(g.text, "xxx");
  EXPECT_EQ(g.timings.cached_tokens, 301U);
  EXPECT_EQ(first.get()->text, behaviour_->script);
}

TEST_F(SchedulerTest, WhatGivesWayIsSavedAndRestored) {
  behaviour_->snapshots = true;
  auto& model = open({.parallel = 1});
  const std::string a(400, 'a');
  const std::string b(400, 'b');
  ASSERT_TRUE(model.generate(ask(a + ">"), {}));
  EXPECT_EQ(model.generate(ask(b + ">"), {})->timings.cached_tokens, 1U);  // BOS
  const auto again = model.generate(ask(a + ">"), {}).value();
  EXPECT_EQ(again.timings.prefill_tokens, 1U);
  EXPECT_EQ(again.text, "hello");
}

TEST_F(SchedulerTest, SavedPrefixesKeepWithinTheirBytes) {
  behaviour_->snapshots = true;
  auto& model = open({.parallel = 1}, 64, 5000);  // one of 400 tokens, saved as tokens and state: 3.2 kB
  for (const char c : {'a', 'b', 'c', 'd'}) {
    ASSERT_TRUE(model.generate(ask(std::string(400, c) + ">"), {}));
    EXPECT_LE(model.context_bytes(), 5000 + 4096 * behaviour_->kv_bytes_per_token);
  }
  EXPECT_EQ(model.generate(ask(std::string(400, 'c') + ">"), {})->timings.prefill_tokens, 1U);
  EXPECT_EQ(model.generate(ask(std::string(400, 'a') + ">"), {})->timings.cached_tokens, 1U);
}

// A recurrent model, or one whose windows have moved on, can't go back into its prompt: the state at the
// prompt's end is kept, so that another answer can begin there.
TEST_F(SchedulerTest, AModelThatCantGoBackStartsAgainAtTheEndOfThePrompt) {
  behaviour_->snapshots = true;
  behaviour_->reuse_window = 0;
  auto& model = open({.parallel = 1});
  const std::string prompt(300, 'p');
  ASSERT_TRUE(model.generate(ask(prompt + ">"), {}));
  const auto g = model.generate(ask(prompt + ">changed, and more>"), {}).value();
  EXPECT_EQ(g.timings.cached_tokens, 302U);
  EXPECT_EQ(g.text, "hello");
}

// Running requests of other models, which hold memory.
class RunningOthers final : public Reclaimer {
 public:
  Outcome reclaim(std::uint64_t, std::uint64_t granted, const MemoryGrant*) override {
    return granted > 0 ? Outcome::Busy : Outcome::Nothing;
  }
  std::uint64_t pinned_bytes() const override { return 0; }
};

class SchedulerWithLedgerTest : public SchedulerTest {
 protected:
  ~SchedulerWithLedgerTest() override { ledger_->set_reclaimer(nullptr); }
  std::shared_ptr<MemoryGrant> reserve(std::uint64_t bytes) {
    return ledger_->reserve(bytes, {}, MemoryLedger::Clock::now() + 10s).value();
  }
  std::uint64_t need(std::uint32_t tokens) const {
    return behaviour_->weights_bytes + tokens * behaviour_->kv_bytes_per_token;
  }
  std::unique_ptr<ResidentModel> open_with(std::shared_ptr<MemoryGrant> grant) {
    return make_fake_resident(
        behaviour_, {.trained_tokens = 16'384, .model = {.parallel = 1}, .grant = std::move(grant)});
  }
  static constexpr std::uint64_t kBudget = 200'000;
  RunningOthers others_;
  std::shared_ptr<MemoryLedger> ledger_ = [this] {
    auto ledger = std::make_shared<MemoryLedger>(kBudget, [] { return kUnlimitedMemory; });
    ledger->set_reclaimer(&others_);
    return ledger;
  }();
};

TEST_F(SchedulerWithLedgerTest, ConcurrentRequestsOfAnotherModelAreWaitedForWhenAContextMustGrow) {
  const auto model = open_with(reserve(need(8192)));
  auto other = reserve(kBudget - need(8192));
  auto longer = ask(std::string(10'000, 'p') + ">");
  auto answer = start(*model, longer);
  await([&] { return ledger_->waiting_since().has_value(); });
  EXPECT_EQ(answer.wait_for(20ms), std::future_status::timeout);
  other.reset();
  EXPECT_EQ(answer.get()->text, "hello");
}

TEST_F(SchedulerWithLedgerTest, CancellingEndsTheWaitForMemory) {
  auto model = open_with(reserve(need(8192)));
  const auto other = reserve(kBudget - need(8192));
  auto longer = ask(std::string(10'000, 'p') + ">");
  longer.deadline = 30ms;
  EXPECT_EQ(model->generate(longer, {})->finish_reason, FinishReason::Cancelled);
  await([&] { return !ledger_->waiting_since(); });
  EXPECT_EQ(model->generate(ask(">"), {})->text, "hello") << "what fits is served";
  longer.deadline.reset();
  std::stop_source source;
  longer.cancel = source.get_token();
  auto answer = start(*model, longer);
  await([&] { return ledger_->waiting_since().has_value(); });
  source.request_stop();
  EXPECT_EQ(answer.get()->finish_reason, FinishReason::Cancelled);
  model.reset();  // while it still waits, maybe
}

TEST_F(SchedulerWithLedgerTest, KeptPrefixesCountAndGiveWayToContexts) {
  behaviour_->snapshots = true;
  const auto model = open_with(reserve(need(8192)));
  const std::uint64_t before = ledger_->granted_bytes();
  for (const char c : {'a', 'b', 'c'}) ASSERT_TRUE(model->generate(ask(std::string(400, c) + ">"), {}));
  EXPECT_EQ(ledger_->granted_bytes(),
            before + model->context_bytes() - 8192 * behaviour_->kv_bytes_per_token);
  EXPECT_GT(ledger_->granted_bytes(), before);
  const auto rest = reserve(kBudget - ledger_->granted_bytes());
  ASSERT_TRUE(model->generate(ask(std::string(400, 'd') + ">"), {}));
  EXPECT_LE(ledger_->granted_bytes(), kBudget);
  // A context that needs just what the prefixes hold.
  ASSERT_TRUE(model->generate(ask(std::string(8300, 'e') + ">"), {}));
  EXPECT_LE(ledger_->granted_bytes(), kBudget);
}

class FakeContexts final : public ContextMaker {
 public:
  explicit FakeContexts(Model& model) : model_(model) {}
  Result<void> reserve(const Size& size, const std::stop_token&, const MemoryGrant::KeepWaiting&) override {
    if (size.sequences > sequences_allowed) return fail(ErrorCode::OutOfMemory, "no memory", "None.");
    return {};
  }
  Result<std::unique_ptr<Context>> make(const Size& size) override {
    return model_.new_context({.context_tokens = size.tokens, .sequences_max = size.sequences});
  }
  bool may_keep(std::uint64_t) override { return true; }
  Size limit() const override { return {.tokens = 4096, .sequences = 8}; }

  std::uint32_t sequences_allowed = 8;

 private:
  Model& model_;
};

std::shared_ptr<Job> make_job(const Tokenizer& tokenizer, const std::string& prompt,
                              std::uint32_t max_tokens = 100) {
  auto job = std::make_shared<Job>(tokenizer.encode(prompt).value(), max_tokens, tokenizer,
                                   Answer::Options{.sampling = {.temperature = 0}, .max_tokens = max_tokens});
  job->context_tokens = 1024;
  return job;
}

std::string text_of(Job& job) {
  std::string text;
  while (auto letter = job.mailbox.take({})) {
    if (!*letter) return (*letter).error().message;
    text += (*letter)->piece.text;
    if ((*letter)->piece.finish) return text;
  }
  return text;
}

TEST_F(SchedulerTest, ThreadOfAClosedSchedulerCancelsWhatRunsAndWaits) {
  behaviour_->decode_time = 60s;
  const auto model = make_fake_backend(behaviour_)->load({}, {}, {}).value();
  const auto tokenizer = model->vocabulary();
  FakeContexts contexts(*model);
  ComputeArbiter arbiter;
  const auto first = make_job(*tokenizer, "1>");
  const auto second = make_job(*tokenizer, "2>");
  {
    Scheduler scheduler(*model, contexts, arbiter, {});
    ASSERT_TRUE(scheduler.submit(first));
    await([&] { return scheduler.running() == 1; });
    ASSERT_TRUE(scheduler.submit(second));
  }
  EXPECT_EQ(text_of(*first), "the model was closed");
  EXPECT_EQ(text_of(*second), "the model was closed");
}

TEST_F(SchedulerTest, ConcurrentRequestsWaitWhereMemoryAllowsNoMoreSequences) {
  behaviour_->decode_time = 1ms;
  const auto model = make_fake_backend(behaviour_)->load({}, {}, {}).value();
  const auto tokenizer = model->vocabulary();
  FakeContexts contexts(*model);
  contexts.sequences_allowed = 1;
  ComputeArbiter arbiter;
  Scheduler scheduler(*model, contexts, arbiter, {});
  std::vector<std::shared_ptr<Job>> jobs;
  for (int i = 0; i < 4; ++i) {
    jobs.push_back(make_job(*tokenizer, std::to_string(i) + ">"));
    ASSERT_TRUE(scheduler.submit(jobs.back()));
  }
  for (const auto& job : jobs) EXPECT_EQ(text_of(*job), "hello");
  EXPECT_EQ(behaviour_->sequences_at_once, 1U);
}

TEST_F(SchedulerTest, ARequestThatMemoryDoesNotAllowAtAllFails) {
  const auto model = make_fake_backend(behaviour_)->load({}, {}, {}).value();
  const auto tokenizer = model->vocabulary();
  FakeContexts contexts(*model);
  contexts.sequences_allowed = 0;
  ComputeArbiter arbiter;
  Scheduler scheduler(*model, contexts, arbiter, {});
  const auto job = make_job(*tokenizer, ">");
  ASSERT_TRUE(scheduler.submit(job));
  EXPECT_EQ(text_of(*job), "no memory");
}

}  // namespace
}  // namespace minerva
