// Who may include whom: the layers of ARCHITECTURE.md, kept here.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "project/source_tree.h"
#include "support/paths.h"

namespace minerva::testing {
namespace {

// A module includes itself and what stands in a row above; of its own row only what `kNeighbours` names.
const std::map<std::string, int, std::less<>> kLayer = {
    {"base", 0},    {"tensor", 1},   {"kernels", 2}, {"formats", 2}, {"text", 3}, {"native", 3}, {"hub", 5},
    {"convert", 4}, {"backends", 4}, {"runtime", 5}, {"server", 6},  {"cli", 6},  {"capi", 6},
};
const std::set<std::pair<std::string, std::string>> kNeighbours = {
    {"cli", "server"},  // `minerva serve` starts it
};
// Public headers whose functions are defined in an upper layer: below it nothing can use them.
const std::map<std::string, int, std::less<>> kUpperHeaders = {{"minerva/engine.h", 5},
                                                               {"minerva/minerva.h", 6}};
// What C has of its own: only minerva.h, which is for C, needs it.
const std::set<std::string, std::less<>> kCHeaders = {"stdbool.h", "stddef.h", "stdint.h"};

// Where llama.cpp's headers may be included, and what its include folders are (an adapter is one file with
// its header).
const std::vector<std::string> kLlamaUsers = {"src/backends/llama/", "src/text/tokenizer/llama_",
                                              "src/text/llama_", "src/convert/llama_"};
const std::vector<std::string> kLlamaFolders = {"include", "ggml/include", "common", "src", "vendor"};

// The module that a path like "src/formats/gguf/reader.cc" or an include like "formats/gguf/reader.h" is in.
std::optional<std::string> module_of(std::string_view path) {
  if (path.starts_with("src/")) path.remove_prefix(4);
  const std::string first(path.substr(0, path.find('/')));
  return kLayer.contains(first) && first.size() < path.size() ? std::optional(first) : std::nullopt;
}

bool may_include(const std::string& from, const std::string& to) {
  return from == to || kLayer.at(to) < kLayer.at(from) || kNeighbours.contains({from, to});
}

bool is_llama_header(const std::string& name) {
  if (name.starts_with("nlohmann/")) return false;  // its JSON library is everybody's
  return std::ranges::any_of(kLlamaFolders, [&](const auto& folder) {
    return std::filesystem::exists(llama_source() / folder / name);
  });
}

bool may_use_llama(std::string_view path) {
  return std::ranges::any_of(kLlamaUsers, [&](const auto& prefix) { return path.starts_with(prefix); });
}

std::string where(const ProjectFile& file, const Include& include) {
  return file.path + ":" + std::to_string(include.line) + " includes " + include.name;
}

TEST(Layering, ModulesIncludeOnlyWhatIsBelow) {
  for (const auto& file : project_files({"src"}, {".cc", ".h"})) {
    const auto from = module_of(file.path);
    if (!from) {
      ADD_FAILURE() << file.path << " is in no module that this test knows";
      continue;
    }
    for (const auto& include : includes_of(file.text)) {
      const auto to = module_of(include.name);
      const bool below = !to || include.angled || may_include(*from, *to);
      EXPECT_TRUE(below) << where(file, include);
      const auto upper = kUpperHeaders.find(include.name);
      EXPECT_TRUE(upper == kUpperHeaders.end() || kLayer.at(*from) >= upper->second) << where(file, include);
    }
  }
}

TEST(Layering, PublicHeadersNeedOnlyThemselvesAndTheStandardLibrary) {
  for (const auto& file : project_files({"include"})) {
    for (const auto& include : includes_of(file.text)) {
      const bool own = include.name.starts_with("minerva/");
      const bool c = file.path == "include/minerva/minerva.h" && kCHeaders.contains(include.name);
      const bool standard = include.name.find_first_of("./") == std::string::npos;
      EXPECT_TRUE(own || (include.angled && (c || standard))) << where(file, include);
    }
  }
}

TEST(Layering, LlamaHeadersStayInTheirAdapters) {
  for (const auto& file : project_files({"include", "src", "bench", "examples"}, {".cc", ".h"})) {
    if (may_use_llama(file.path)) continue;
    for (const auto& include : includes_of(file.text))
      EXPECT_FALSE(is_llama_header(include.name)) << where(file, include);
  }
}

TEST(Layering, IncludesAreRelativeToTheRoot) {
  for (const auto& file : project_files({"include", "src", "tests", "bench", "fuzz"}, {".cc", ".h"}))
    for (const auto& include : includes_of(file.text))
      EXPECT_FALSE(include.name.starts_with(".")) << where(file, include);
}

// The rules above are only worth what their parts see.
TEST(Layering, RulesSeeWhatTheyForbid) {
  EXPECT_FALSE(may_include("base", "formats"));
  EXPECT_FALSE(may_include("text", "native"));
  EXPECT_FALSE(may_include("runtime", "cli"));
  EXPECT_TRUE(may_include("backends", "native"));
  EXPECT_EQ(module_of("src/formats/gguf/reader.cc"), "formats");
  EXPECT_EQ(module_of("llama.h"), std::nullopt);
  EXPECT_TRUE(is_llama_header("llama.h"));
  EXPECT_TRUE(is_llama_header("ggml.h"));
  EXPECT_TRUE(is_llama_header("chat.h"));
  EXPECT_TRUE(is_llama_header("jinja/runtime.h"));
  EXPECT_FALSE(is_llama_header("nlohmann/json.hpp"));
  EXPECT_FALSE(may_use_llama("src/runtime/router.cc"));
  const auto includes = includes_of("// #include <no>\n  # include <a.h>\n#include \"b/c.h\"  // why\n");
  ASSERT_EQ(includes.size(), 2U);
  EXPECT_EQ(includes[0].name, "a.h");
  EXPECT_TRUE(includes[0].angled);
  EXPECT_EQ(includes[1].name, "b/c.h");
  EXPECT_EQ(includes[1].line, 3U);
}

}  // namespace
}  // namespace minerva::testing
