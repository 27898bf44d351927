// House rules that a reviewer would otherwise repeat: file sizes, banned calls, no machine's own paths.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "project/source_tree.h"

namespace minerva::testing {
namespace {

constexpr std::ptrdiff_t kLinesMax = 700;
const std::vector<std::string> kCode = {".cc", ".h"};
// Everything that people write; tests/data and fuzz seeds are data.
const std::vector<std::string> kWritten = {".cc",  ".h",    ".cmake", ".txt",     ".md",   ".json",
                                           ".sh",  ".awk",  ".1",     "Makefile", "setup", "build",
                                           "test", "check", "format", "fuzz",     "run"};
const std::vector<std::string> kFolders = {"",     "include",  "src",   "tests", "fuzz", "bench",
                                           "docs", "examples", "cmake", "tools", ".ci"};

bool is_data(std::string_view path) {
  return path.starts_with("tests/data/") || path.starts_with("fuzz/corpus/") ||
         path.starts_with("fuzz/dict/");
}

// Calls that start processes, write past a buffer, ignore or throw errors, or end the process.
const std::set<std::string, std::less<>> kBannedCalls = {
    "system",    "popen",  "fork",    "vfork",    "execl",      "execlp",      "execle",
    "execv",     "execvp", "execve",  "execvpe",  "strcpy",     "strcat",      "sprintf",
    "gets",      "alloca", "tmpnam",  "mktemp",   "atoi",       "atol",        "atoll",
    "atof",      "stoi",   "stol",    "stoll",    "stoul",      "stoull",      "stof",
    "stod",      "stold",  "rand",    "srand",    "strtok",     "assert",      "abort",
    "terminate", "setjmp", "longjmp", "vsprintf", "quick_exit", "posix_spawn", "posix_spawnp"};

// Whether the word at `begin` names a function of C or the standard library: not a member, nor somebody's
// own.
bool is_library_name(std::string_view code, std::size_t begin) {
  const std::string_view before = code.substr(0, begin);
  if (before.ends_with("::")) {
    const std::string_view scope = before.substr(0, begin - 2);
    return scope.empty() || !is_word(scope.back()) || scope.ends_with("std");
  }
  return !before.ends_with(".") && !before.ends_with("->");
}

std::vector<std::string> banned_calls_in(const std::string& source) {
  const std::string code = without_comments_and_strings(source);
  std::vector<std::string> found;
  for (std::size_t begin = 0, end = 0; begin < code.size(); begin = end + 1) {
    end = begin;
    while (end < code.size() && is_word(code[end])) ++end;
    if (end == begin) continue;
    const std::string_view word = std::string_view(code).substr(begin, end - begin);
    const std::size_t next = code.find_first_not_of(" \n", end);
    const bool call = next != std::string::npos && code[next] == '(';
    if (call && kBannedCalls.contains(word) && is_library_name(code, begin))
      found.push_back("line " + std::to_string(line_of(code, begin)) + ": " + std::string(word));
  }
  return found;
}

// Folders that only one machine has, and package registries; put together here, so that this file passes.
const std::vector<std::string> kMachineFolders = {"tmp", "root", "home", "work"};
const std::vector<std::pair<std::string, std::string>> kRegistries = {
    {"pypi", "org"}, {"pythonhosted", "org"}, {"deb.debian", "org"}, {"npmjs", "org"}, {"crates", "io"}};

// Where `text` names such a folder (by its absolute path; the home of "user" or "you" is an example) or host.
std::optional<std::size_t> machine_bound_at(std::string_view text) {
  for (const auto& folder : kMachineFolders) {
    const std::string path = "/" + folder + "/";
    for (std::size_t at = text.find(path); at != std::string_view::npos; at = text.find(path, at + 1)) {
      const std::string_view rest = text.substr(at + path.size());
      const bool absolute = at == 0 || (!is_word(text[at - 1]) && text[at - 1] != '.');
      const bool names = !rest.empty() && std::islower(static_cast<unsigned char>(rest.front())) != 0;
      if (absolute && names && !rest.starts_with("user") && !rest.starts_with("you")) return at;
    }
  }
  for (const auto& [name, domain] : kRegistries)
    if (const std::size_t at = text.find(name + "." + domain); at != std::string_view::npos) return at;
  return std::nullopt;
}

TEST(Rules, FilesStaySmall) {
  for (const auto& file : project_files({"include", "src", "tests", "fuzz", "bench", "examples"}, kCode))
    EXPECT_LE(std::ranges::count(file.text, '\n'), kLinesMax) << file.path;
}

TEST(Rules, NoBannedCalls) {
  for (const auto& file : project_files({"include", "src"}, kCode)) {
    if (file.path.ends_with("_test.cc")) continue;
    for (const auto& call : banned_calls_in(file.text)) ADD_FAILURE() << file.path << " " << call;
  }
}

TEST(Rules, NothingBoundToOneMachine) {
  for (const auto& file : project_files(kFolders, kWritten)) {
    if (is_data(file.path)) continue;
    const auto at = machine_bound_at(file.text);
    EXPECT_FALSE(at) << file.path << ":" << line_of(file.text, at.value_or(0)) << ": "
                     << file.text.substr(at.value_or(0), 40);
  }
}

TEST(Rules, HeadersAreIncludedOnce) {
  for (const auto& file : project_files({"include", "src", "tests"}, {".h"}))
    EXPECT_NE(file.text.find("#pragma once"), std::string::npos) << file.path;
}

struct BannedCase {
  std::string source;
  std::size_t count;
};
class BannedCalls : public ::testing::TestWithParam<BannedCase> {};
TEST_P(BannedCalls, AreSeen) {
  EXPECT_EQ(banned_calls_in(GetParam().source).size(), GetParam().count);
}
INSTANTIATE_TEST_SUITE_P(
    Rules, BannedCalls,
    ::testing::Values(BannedCase{"int x = system(\"ls\");", 1}, BannedCase{"std::system(c);", 1},
                      BannedCase{"  ::system (c);", 1}, BannedCase{"assert(x);\nabort();", 2},
                      BannedCase{"execvp(a, b); execve(a, b, c); fork();", 3}, BannedCase{"std::stoi(s)", 1},
                      BannedCase{"std::rand();", 1}, BannedCase{"static_assert(x);", 0},
                      BannedCase{"// system(x)\n/* fork() */ f(\"popen(x)\");", 0},
                      BannedCase{"R\"(system(x))\"; grand(); my.system(x); p->abort(); file_system(y);", 0},
                      BannedCase{"int n = 1'000; fork(); char c = '\"'; system(\"x\");", 2}));

TEST(Rules, MachinePathsAreSeen) {
  EXPECT_EQ(machine_bound_at(std::string("see /") + "root/project"), 4U);
  EXPECT_TRUE(machine_bound_at(std::string("https://py") + "pi.org/simple"));
  EXPECT_FALSE(machine_bound_at("see $HOME/work, /home/user/x and a/tmp/b"));
}

}  // namespace
}  // namespace minerva::testing
