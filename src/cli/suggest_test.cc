#include "cli/suggest.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace minerva::cli {
namespace {

TEST(Suggest, FindsWhatWasMeant) {
  const std::vector<std::string> flags{"--temp", "--top-k", "--top-p", "--max-tokens", "--seed", "--json"};
  EXPECT_EQ(suggest("--tmep", flags), "--temp");
  EXPECT_EQ(suggest("--top_k", flags), "--top-k");
  EXPECT_EQ(suggest("--max-token", flags), "--max-tokens");
  EXPECT_EQ(suggest("--maxtokens", flags), "--max-tokens");
  EXPECT_EQ(suggest("--js", flags), "--json");
  EXPECT_EQ(suggest("--quantum", flags), std::nullopt);
  EXPECT_EQ(suggest("", flags), std::nullopt);
  EXPECT_EQ(suggest(std::string(100'000, 'x'), flags), std::nullopt);
  const std::vector<std::string> commands{"run", "chat", "show", "bench"};
  EXPECT_EQ(suggest("rnu", commands), "run");
  EXPECT_EQ(suggest("caht", commands), "chat");
  EXPECT_EQ(suggest("benchmark", commands), std::nullopt);
  EXPECT_EQ(suggest("x", commands), std::nullopt);
}

TEST(ShellQuoted, QuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(shell_quoted("models/a.gguf"), "models/a.gguf");
  EXPECT_EQ(shell_quoted("Why is the sky blue?"), "\"Why is the sky blue?\"");
  EXPECT_EQ(shell_quoted("it's"), "\"it's\"");
  EXPECT_EQ(shell_quoted("it's $5"), "'it'\\''s $5'");
  EXPECT_EQ(shell_quoted(""), "\"\"");
}

}  // namespace
}  // namespace minerva::cli
