// Who waits for whom while constraints are compiled.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "support/byte_tokenizer.h"
#include "text/grammar/grammar.h"

namespace minerva {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Outcome = Result<std::shared_ptr<const CompiledGrammar>>;

// Compiling takes until the gate is open.
class GatedTokenizer : public testing::ByteTokenizer {
 public:
  std::string token_bytes(TokenId id, bool render_special) const override {
    while (spins_ && !gate_.try_wait()) {
    }
    gate_.wait();
    return ByteTokenizer::token_bytes(id, render_special);
  }
  void open() { gate_.count_down(); }
  void spin() { spins_ = true; }  // instead of waiting quietly

 private:
  mutable std::latch gate_{1};
  std::atomic<bool> spins_ = false;
};

class GrammarCompilerConcurrencyTest : public ::testing::Test {
 protected:
  std::future<Outcome> compile(const std::string& regex, const GrammarCompiler::Wait& wait = {}) {
    return std::async(std::launch::async, [this, regex, wait] {
      return compiler_->compile({.kind = OutputConstraint::Kind::Regex, .text = regex}, wait);
    });
  }

  std::shared_ptr<GatedTokenizer> tokenizer_ = std::make_shared<GatedTokenizer>();
  std::unique_ptr<GrammarCompiler> compiler_ = make_grammar_compiler(tokenizer_, 258);
};

TEST_F(GrammarCompilerConcurrencyTest, WhoAsksForTheSameGetsTheSame) {
  std::vector<std::future<Outcome>> callers;
  for (int i = 0; i < 8; ++i) callers.push_back(compile("[ab]+"));
  tokenizer_->open();
  const auto first = callers.front().get().value();
  for (std::size_t i = 1; i < callers.size(); ++i) EXPECT_EQ(callers[i].get().value(), first);
}

TEST_F(GrammarCompilerConcurrencyTest, WhoeverCancelsLeavesTheOthersTheirs) {
  std::stop_source stop;
  auto first = compile("a", {.stop = stop.get_token()});
  EXPECT_EQ(first.wait_for(20ms), std::future_status::timeout);
  auto second = compile("a");
  EXPECT_EQ(second.wait_for(20ms), std::future_status::timeout);
  stop.request_stop();
  EXPECT_EQ(first.get().error().code, ErrorCode::Cancelled) << "at once: the gate is closed";
  EXPECT_EQ(second.wait_for(20ms), std::future_status::timeout);
  tokenizer_->open();
  EXPECT_TRUE(second.get());
}

TEST_F(GrammarCompilerConcurrencyTest, DeadlinesHoldWhileAThreadCompiles) {
  const auto start = Clock::now();
  EXPECT_EQ(compile("a", {.deadline = start + 50ms}).get().error().code, ErrorCode::Cancelled);
  EXPECT_GE(Clock::now() - start, 50ms);
  EXPECT_EQ(compile("a", {.deadline = start}).get().error().code, ErrorCode::Cancelled);
  tokenizer_->open();
  EXPECT_TRUE(compile("a").get()) << "what was given up is compiled anew";
}

TEST_F(GrammarCompilerConcurrencyTest, WhatTakesTooLongIsRefusedInTime) {
  tokenizer_->spin();
  compiler_ = make_grammar_compiler(tokenizer_, 258, 30ms);
  const auto refused = compile("a").get();
  EXPECT_EQ(refused.error().code, ErrorCode::InvalidRequest);
  EXPECT_TRUE(refused.error().message.contains("more than 30 ms to compile")) << refused.error().message;
  tokenizer_->open();
}

TEST_F(GrammarCompilerConcurrencyTest, MatchersOfManyThreadsShareWhatTheyFind) {
  tokenizer_->open();
  const auto grammar = compile(R"((\{"a": "[a-z]{2,90}"\},?)*)").get().value();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      const auto matcher = grammar->matcher();
      std::vector<std::uint32_t> mask(9);
      const std::string text =
          R"({"a": "xyz)" + std::string(static_cast<std::size_t>(i), 'q') + R"("},{"a": "no"})";
      for (const char c : text) {
        EXPECT_TRUE(matcher->fill_mask(mask));
        EXPECT_TRUE(mask[static_cast<std::size_t>(c) / 32] >> (static_cast<std::size_t>(c) % 32) & 1U);
        EXPECT_TRUE(matcher->accept(c));
      }
      EXPECT_TRUE(matcher->may_end());
    });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace minerva
