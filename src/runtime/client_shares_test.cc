#include "runtime/client_shares.h"

#include <gtest/gtest.h>

namespace minerva {
namespace {

TEST(ClientShares, ANewClientStartsLevelWithTheLeastServed) {
  ClientShares shares;
  shares.enter("a");
  shares.charge("a", {.answers = 500, .prompts = 7});
  shares.enter("b");
  EXPECT_EQ(shares.served("b").answers, 500U);
  EXPECT_EQ(shares.served("b").prompts, 7U);
  EXPECT_EQ(shares.served("nobody").total(), 0U);
}

// Between the end of one request and the next of the same client, others are served.
TEST(ClientShares, WhoComesBackKeepsWhatItWasBehindUpToABound) {
  ClientShares shares;
  shares.enter("a");
  shares.enter("b");
  shares.charge("a", {.answers = 100});
  shares.charge("b", {.answers = 100});
  shares.leave("a");
  shares.charge("b", {.answers = 30});
  shares.enter("a");
  EXPECT_EQ(shares.served("a").answers, 100U);
  shares.leave("a");
  shares.charge("b", {.answers = 100'000});
  shares.enter("a");
  EXPECT_EQ(shares.served("a").answers, 100'130U - 64U) << "no claim on an hour's absence";
}

TEST(ClientShares, WhoComesBackIsNotPunishedForTheTimeAlone) {
  ClientShares shares;
  shares.enter("a");
  shares.charge("a", {.answers = 100'000, .prompts = 100'000});
  shares.leave("a");
  shares.enter("b");
  EXPECT_EQ(shares.served("b").answers, 0U);
  shares.enter("a");
  EXPECT_EQ(shares.served("a").answers, 64U);
  EXPECT_EQ(shares.served("a").prompts, 64U);
}

TEST(ClientShares, OnlySoManyAreRemembered) {
  ClientShares shares;
  for (int i = 0; i < 5000; ++i) {
    const std::string name = std::to_string(i);
    shares.enter(name);
    shares.charge(name, {.answers = 5});
    shares.leave(name);
  }
  EXPECT_EQ(shares.served("1").answers, 5U);
  EXPECT_EQ(shares.served("4999").answers, 0U);
}

}  // namespace
}  // namespace minerva
