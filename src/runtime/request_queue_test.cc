#include "runtime/request_queue.h"

#include <gtest/gtest.h>

#include "backend/fake_backend.h"

namespace minerva {
namespace {

class RequestQueueTest : public ::testing::Test {
 protected:
  std::shared_ptr<Job> job(std::string client, Priority priority = Priority::Normal) {
    auto made =
        std::make_shared<Job>(std::vector<TokenId>{1}, 1, tokenizer_, Answer::Options{.max_tokens = 1});
    made->client = std::move(client);
    made->priority = priority;
    return made;
  }
  // The clients in the order in which they are served, each for `tokens`.
  std::string order(std::uint64_t tokens) {
    std::string clients;
    while (const auto next = queue_.front()) {
      clients += next->client;
      queue_.remove(next);
      queue_.shares().charge(next->client, {.answers = tokens});
    }
    return clients;
  }

  testing::FakeTokenizer tokenizer_;
  RequestQueue queue_;
};

TEST_F(RequestQueueTest, OneClientIsServedInOrder) {
  const auto first = job("a");
  queue_.push(first);
  queue_.push(job("a"));
  EXPECT_EQ(queue_.front(), first);
  EXPECT_EQ(queue_.size(), 2U);
}

TEST_F(RequestQueueTest, ClientsTakeTurnsHoweverManyRequestsOneSends) {
  for (int i = 0; i < 4; ++i) queue_.push(job("a"));
  for (int i = 0; i < 2; ++i) queue_.push(job("b"));
  EXPECT_EQ(order(10), "ababaa");
}

TEST_F(RequestQueueTest, PriorityGoesBeforeTurns) {
  queue_.push(job("a", Priority::Low));
  queue_.push(job("b"));
  queue_.push(job("c", Priority::High));
  queue_.push(job("c", Priority::High));
  EXPECT_EQ(order(10), "ccba");
}

TEST_F(RequestQueueTest, WaitingRaisesTheLevel) {
  using namespace std::chrono_literals;
  const auto now = std::chrono::steady_clock::now();
  const auto low = job("a", Priority::Low);
  const auto level_after = [&](std::chrono::steady_clock::duration time) {
    low->waits_since = now;
    return low->level(now + time);
  };
  EXPECT_EQ(level_after(9s), 0);
  EXPECT_EQ(level_after(11s), 1);
  EXPECT_EQ(level_after(21s), 2);
  EXPECT_EQ(level_after(std::chrono::hours(1000)), 2) << "as high as High";
  low->waits_since.reset();
  low->waited = 15s;
  EXPECT_EQ(low->level(now + 1h), 1) << "it runs: what it had waited counts";

  low->waits_since = now - 30s;
  queue_.push(low);
  queue_.push(job("b", Priority::High));
  EXPECT_EQ(queue_.front(), low) << "of equal levels, who came first";
}

TEST_F(RequestQueueTest, SomeArePassedOver) {
  queue_.push(job("a", Priority::High));
  queue_.push(job("b"));
  queue_.push(job("c"));
  EXPECT_EQ(queue_.front([](const Job& job) { return job.client == "a"; })->client, "b");
  EXPECT_EQ(queue_.front([](const Job&) { return true; }), nullptr);
}

TEST_F(RequestQueueTest, ANewClientHasNoClaimOnThePast) {
  queue_.push(job("a"));
  queue_.shares().charge("a", {.answers = 1'000'000});
  for (int i = 0; i < 3; ++i) queue_.push(job("b"));
  for (int i = 0; i < 2; ++i) queue_.push(job("a"));
  EXPECT_EQ(order(10), "abbaba");  // level: in order of arrival
}

TEST_F(RequestQueueTest, WhoHadToGiveWayComesBackFirst) {
  queue_.push(job("a"));
  const auto back = job("a");
  queue_.push_front(back);
  EXPECT_EQ(queue_.front(), back);
}

TEST_F(RequestQueueTest, WhoseCallerLeftIsTakenOut) {
  const auto gone = job("a");
  queue_.push(gone);
  const auto stays = job("a");
  queue_.push(stays);
  gone->gone = true;
  for (const auto& job : queue_.gone()) queue_.remove(job);
  EXPECT_EQ(queue_.front(), stays);
  EXPECT_EQ(queue_.size(), 1U);
  EXPECT_TRUE(queue_.has("a"));
  queue_.remove(stays);
  EXPECT_FALSE(queue_.has("a"));
  EXPECT_EQ(queue_.front(), nullptr);
}

}  // namespace
}  // namespace minerva
