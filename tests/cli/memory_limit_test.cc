// Too little memory, however it is limited: OutOfMemory with both numbers, and what is offered then works.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <thread>
#include <vector>

#include "cli/process.h"
#include "support/paths.h"
#include "support/sanitizers.h"
#include "support/temp_dir.h"

namespace minerva::testing {
namespace {

namespace fs = std::filesystem;

enum class Limit : std::uint8_t { Option, AddressSpace, Cgroup };

struct LimitCase {
  const char* name;
  Limit limit;
  const char* backend;
  std::uint64_t megabytes;  ///< too few for a context of 8,192 tokens, enough for a smaller one
};

// A control group of ours for the memory of one program; not made where this user may not, or where version 2
// does not hand the controller down.
class MemoryGroup {
 public:
  explicit MemoryGroup(std::uint64_t bytes) {
    for (const bool is_v1 : {true, false}) {
      const fs::path parent =
          is_v1 ? own_group("memory", "/sys/fs/cgroup/memory") : own_group("", "/sys/fs/cgroup");
      if (parent.empty()) continue;
      const fs::path path = parent / ("minerva-test-" + std::to_string(::getpid()));
      std::error_code failed;
      if (!fs::create_directory(path, failed)) continue;
      std::ofstream limit(path / (is_v1 ? "memory.limit_in_bytes" : "memory.max"));
      limit << bytes << std::flush;
      if (limit) {
        path_ = path;
        return;
      }
      fs::remove(path, failed);
    }
  }
  ~MemoryGroup() {
    std::error_code failed;
    if (!path_.empty()) fs::remove(path_, failed);
  }
  MemoryGroup(const MemoryGroup&) = delete;
  MemoryGroup& operator=(const MemoryGroup&) = delete;
  const fs::path& path() const { return path_; }

 private:
  // "4:memory:/a/b" in /proc/self/cgroup, or "0::/a/b".
  static fs::path own_group(const std::string& controller, const std::string& mount) {
    std::ifstream file("/proc/self/cgroup");
    for (std::string line; std::getline(file, line);) {
      const auto first = line.find(':');
      const auto second = line.find(':', first + 1);
      if (second == std::string::npos || line.substr(first + 1, second - first - 1) != controller) continue;
      if (fs::path path = mount + line.substr(second + 1); fs::exists(path)) return path;
    }
    return {};
  }
  fs::path path_;
};

class MemoryLimitTest : public ::testing::TestWithParam<LimitCase> {
 protected:
  // The answer to a short prompt in a context of `tokens`, or the error.
  nlohmann::json run(std::uint32_t tokens, const fs::path& group, int& status) const {
    // Address space is held back for the stacks of as many threads as there are cores.
    const std::uint64_t stacks =
        GetParam().limit == Limit::AddressSpace ? 9 * std::thread::hardware_concurrency() : 0;
    const std::uint64_t bytes = (GetParam().megabytes + stacks) * 1'000'000;
    std::vector<std::string> words = {"run",       smollm2_gguf().string(),
                                      "--backend", GetParam().backend,
                                      "--raw",     "--json",
                                      "-n",        "4",
                                      "-t",        "2",
                                      "-p",        "Once upon a time",
                                      "-c",        std::to_string(tokens)};
    Outcome outcome;
    if (GetParam().limit == Limit::Option) {
      words.insert(words.end(), {"--memory-limit", std::to_string(bytes)});
      outcome = run_minerva(words);
    } else {
      const std::string script = GetParam().limit == Limit::AddressSpace
                                     ? "ulimit -v " + std::to_string(bytes / 1024) + "; exec \"$@\""
                                     : "echo $$ > " + (group / "cgroup.procs").string() + "; exec \"$@\"";
      words.insert(words.begin(), {"-c", script, "sh", minerva_program().string()});
      outcome = run_program("/bin/sh", words);
    }
    status = outcome.status;
    const auto answer = nlohmann::json::parse(outcome.out, nullptr, false);
    EXPECT_FALSE(answer.is_discarded()) << "status " << status << ": " << outcome.err;
    return answer;
  }
};

TEST_P(MemoryLimitTest, WhatIsOfferedWorks) {
  MINERVA_NEEDS_MODEL(smollm2_gguf());
  if (kSanitized) GTEST_SKIP() << "a sanitizer holds several times as much";
  const MemoryGroup group(GetParam().megabytes * 1'000'000);
  if (GetParam().limit == Limit::Cgroup && group.path().empty()) {
    RecordProperty("not_tried", "no control group for memory can be made here");
    return;
  }
  int status = 0;
  const auto refused = run(8192, group.path(), status);
  ASSERT_EQ(status, 4) << refused.dump(2);
  const auto error = refused["error"];
  EXPECT_EQ(error["code"], "OutOfMemory");
  EXPECT_THAT(error["message"].get<std::string>(),
              ::testing::ContainsRegex("requires [0-9.]+ [MG]B but only"));
  const std::string remedy = error["remedy"];
  std::smatch offer;
  ASSERT_TRUE(std::regex_search(remedy, offer, std::regex(R"(\(-c (\d+)\))"))) << remedy;
  const auto answer = run(static_cast<std::uint32_t>(std::stoul(offer[1])), group.path(), status);
  EXPECT_EQ(status, 0) << "-c " << offer[1] << ": " << answer.dump(2);
  EXPECT_FALSE(answer.contains("error"));
}

INSTANTIATE_TEST_SUITE_P(Limits, MemoryLimitTest,
                         ::testing::Values(LimitCase{"OptionLlama", Limit::Option, "llama", 230},
                                           LimitCase{"OptionNative", Limit::Option, "native", 230},
                                           LimitCase{"AddressSpaceLlama", Limit::AddressSpace, "llama", 372},
                                           LimitCase{"AddressSpaceNative", Limit::AddressSpace, "native",
                                                     312},
                                           LimitCase{"CgroupLlama", Limit::Cgroup, "llama", 260},
                                           LimitCase{"CgroupNative", Limit::Cgroup, "native", 260}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace minerva::testing
