// cmake/llama/guard_jinja.cmake, on a copy of the files that it edits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "support/temp_dir.h"

namespace minerva {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class GuardScriptTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // The tree was edited when it was set up, and keeps the originals.
    const fs::path common = MINERVA_LLAMA_SOURCE "/common";
    for (const auto& entry : fs::recursive_directory_iterator(common)) {
      if (entry.path().extension() != ".minerva-orig") continue;
      const fs::path name = fs::relative(entry.path(), common).replace_extension();
      tree_.write(("common" / name).string(), text_of(entry.path()));
    }
    ASSERT_TRUE(fs::exists(runtime_)) << "the tree was not set up with guard_jinja.cmake";
  }

  /// Success of the script; what it says is in said_.
  bool run() {
    const fs::path log = tree_.path() / "log";
    const std::string command = "cmake -DSOURCE='" + tree_.path().string() +
                                "' -P '" MINERVA_TEST_DATA "/../../cmake/llama/guard_jinja.cmake' > '" +
                                log.string() + "' 2>&1";
    const int status = std::system(command.c_str());
    said_ = text_of(log);
    return status == 0;
  }

  std::map<std::string, fs::file_time_type> times() const {
    std::map<std::string, fs::file_time_type> result;
    for (const auto& entry : fs::recursive_directory_iterator(tree_.path() / "common"))
      result[entry.path().string()] = entry.last_write_time();
    return result;
  }

  testing::TempDir tree_;
  fs::path runtime_ = tree_.path() / "common/jinja/runtime.cpp";
  std::string said_;
};

TEST_F(GuardScriptTest, EditsOnceAndThenLeavesTheFilesAlone) {
  const std::string original = text_of(runtime_);
  ASSERT_TRUE(run()) << said_;
  EXPECT_THAT(text_of(runtime_), HasSubstr("minerva_jinja::step_at(pos);"));
  EXPECT_EQ(text_of(runtime_.string() + ".minerva-orig"), original);
  const auto before = times();
  ASSERT_TRUE(run()) << said_;
  EXPECT_EQ(times(), before);
}

TEST_F(GuardScriptTest, NamesTheAnchorThatIsMissing) {
  std::string changed = text_of(runtime_);
  const std::string anchor = "return execute_impl(ctx);";
  ASSERT_NE(changed.find(anchor), std::string::npos);
  changed.replace(changed.find(anchor), anchor.size(), "return execute_it(ctx);");
  tree_.write("common/jinja/runtime.cpp", changed);
  EXPECT_FALSE(run());
  EXPECT_THAT(said_, HasSubstr("runtime.cpp"));
  EXPECT_THAT(said_, HasSubstr("Found 0 times instead of 1:"));
  EXPECT_THAT(said_, HasSubstr(anchor));
}

TEST_F(GuardScriptTest, RefusesWhatIsNoLlamaTree) {
  fs::remove_all(tree_.path() / "common");
  EXPECT_FALSE(run());
  EXPECT_THAT(said_, HasSubstr("must name a llama.cpp tree"));
}

}  // namespace
}  // namespace minerva
