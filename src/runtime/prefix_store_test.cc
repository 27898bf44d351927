#include "runtime/prefix_store.h"

#include <gtest/gtest.h>

namespace minerva {
namespace {

PrefixStore::Entry entry(std::vector<TokenId> tokens, bool goes_back, std::size_t state_bytes = 100) {
  SequenceSnapshot snapshot{.bytes = std::vector<std::byte>(state_bytes),
                            .length = static_cast<Position>(tokens.size())};
  return {.tokens = std::move(tokens), .snapshot = std::move(snapshot), .goes_back = goes_back};
}
std::size_t found(PrefixStore& store, const std::vector<TokenId>& prompt, std::size_t at_least = 0) {
  auto match = store.take(prompt, at_least);
  if (!match) return 0;
  const std::size_t common = match->common;
  store.put(std::move(match->entry));
  return common;
}

TEST(PrefixStore, FindsTheLongestCommonBeginning) {
  PrefixStore store(10'000);
  store.put(entry({1, 2, 9}, true));
  store.put(entry({1, 2, 3, 4}, true));
  EXPECT_EQ(found(store, {1, 2, 3, 5}), 3U);
  EXPECT_EQ(found(store, {1, 2, 9, 9}), 3U);
  EXPECT_EQ(found(store, {7}), 0U);
  EXPECT_EQ(found(store, {1, 2, 3, 5}, 3), 0U);  // no more than what is there already
}

TEST(PrefixStore, AStateThatCantGoBackIsOfUseAsAWholeOnly) {
  PrefixStore store(10'000);
  store.put(entry({1, 2, 3}, false));
  EXPECT_EQ(found(store, {1, 2, 4}), 0U);
  EXPECT_EQ(found(store, {1, 2, 3}), 0U);  // one token at least is computed
  EXPECT_EQ(found(store, {1, 2, 3, 4}), 3U);
}

TEST(PrefixStore, KeepsWithinItsBytesAndForgetsTheLeastRecentlyUsed) {
  PrefixStore store(350);
  for (TokenId i = 1; i <= 3; ++i) store.put(entry({i}, true));
  EXPECT_EQ(store.bytes(), 3 * 104U);
  EXPECT_EQ(found(store, {1, 5}), 1U);  // used
  store.put(entry({4}, true));
  EXPECT_EQ(found(store, {2, 5}), 0U);
  EXPECT_EQ(found(store, {1, 5}), 1U);
  EXPECT_LE(store.bytes(), 350U);
  store.put(entry({5}, true, 400));  // larger than all
  EXPECT_EQ(found(store, {5, 5}), 0U);
  store.clear();
  EXPECT_EQ(store.bytes(), 0U);
}

TEST(PrefixStore, KeepsWhatThereIsMemoryFor) {
  std::uint64_t room = 250;
  std::uint64_t held = 0;
  PrefixStore store(10'000, [&](std::uint64_t bytes) {
    if (bytes > room) return false;
    held = bytes;
    return true;
  });
  store.put(entry({1, 2}, true));
  store.put(entry({3, 4}, true));
  EXPECT_EQ(store.bytes(), 216U);
  EXPECT_EQ(held, store.bytes());
  store.put(entry({5, 6}, true));  // in the place of the first
  EXPECT_EQ(held, 216U);
  EXPECT_EQ(found(store, {1, 2, 3}), 0U);
  store.put(entry({7, 8}, true, 1000));
  EXPECT_EQ(held, 216U) << "what never fits costs nothing";
  auto taken = store.take(std::vector<TokenId>{5, 6, 7}, 0);
  ASSERT_TRUE(taken);
  EXPECT_EQ(held, 108U);
  room = 50;
  store.clear();
  EXPECT_EQ(held, 0U);
  store.put(std::move(taken->entry));
  EXPECT_EQ(store.bytes(), 0U);
}

TEST(PrefixStore, ALongerStateMakesItsBeginningsSuperfluous) {
  PrefixStore store(10'000);
  store.put(entry({1, 2}, true));
  store.put(entry({1, 2, 3}, true));
  EXPECT_EQ(store.bytes(), 112U);
  store.put(entry({1, 2, 3, 4}, false));  // can't stand in for them
  EXPECT_EQ(store.bytes(), 112U + 116U);
  store.put(entry({1, 2, 3, 4}, false));
  EXPECT_EQ(store.bytes(), 112U + 116U);
}

TEST(PrefixStore, OfNoBytesKeepsNothing) {
  PrefixStore store(0);
  store.put(entry({1}, true));
  EXPECT_EQ(store.bytes(), 0U);
  EXPECT_EQ(found(store, {1, 2}), 0U);
}

}  // namespace
}  // namespace minerva
