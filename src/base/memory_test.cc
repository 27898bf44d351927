#include "base/memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <map>

namespace minerva {
namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;

class FakeProbe final : public MemoryProbe {
 public:
  std::optional<std::string> read(const std::string& path) const override {
    const auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional(found->second);
  }
  std::optional<std::uint64_t> address_space_limit() const override { return address_space; }

  std::map<std::string, std::string> files = {
      {"/proc/meminfo", "MemTotal:       16777216 kB\nMemFree:  1 kB\nMemAvailable:    8388608 kB\n"},
      {"/proc/self/status", "Name:\tx\nVmSize:\t  204800 kB\nVmHWM:\t  153600 kB\nVmRSS:\t  102400 kB\n"}};
  std::optional<std::uint64_t> address_space;
};

TEST(Memory, SystemAvailable) {
  EXPECT_EQ(available_memory_bytes(0, FakeProbe{}), 8192 * kMiB);
}

TEST(Memory, NothingKnown) {
  FakeProbe probe;
  probe.files.clear();
  EXPECT_EQ(available_memory_bytes(0, probe), kUnlimitedMemory);
  EXPECT_EQ(resident_bytes(probe), 0U);
}

TEST(Memory, Resident) {
  EXPECT_EQ(resident_bytes(FakeProbe{}), 100 * kMiB);
  EXPECT_EQ(peak_resident_bytes(FakeProbe{}), 150 * kMiB);
}

TEST(Memory, ExplicitLimitLessWhatIsHeld) {
  EXPECT_EQ(available_memory_bytes(500 * kMiB, FakeProbe{}), 400 * kMiB);
  EXPECT_EQ(available_memory_bytes(50 * kMiB, FakeProbe{}), 0U);
}

TEST(Memory, AddressSpaceLimit) {
  FakeProbe probe;
  probe.address_space = 1000 * kMiB;
  // Some of it goes to what is never touched: stacks, reserves of the heap.
  EXPECT_LT(available_memory_bytes(0, probe), 760 * kMiB);
  probe.address_space = 210 * kMiB;
  EXPECT_EQ(available_memory_bytes(0, probe), 0U);
}

TEST(Memory, CgroupVersion2WithCache) {
  FakeProbe probe;
  probe.files["/proc/self/cgroup"] = "0::/a/b\n";
  probe.files["/sys/fs/cgroup/a/b/memory.max"] = "1073741824\n";
  probe.files["/sys/fs/cgroup/a/b/memory.current"] = "536870912\n";
  EXPECT_EQ(available_memory_bytes(0, probe), 512 * kMiB);
  probe.files["/sys/fs/cgroup/a/b/memory.stat"] = "anon 5\ninactive_file 134217728\nactive_file 134217728\n";
  EXPECT_EQ(available_memory_bytes(0, probe), 768 * kMiB);
}

TEST(Memory, CgroupParentsCount) {
  FakeProbe probe;
  probe.files["/proc/self/cgroup"] = "0::/a/b\n";
  probe.files["/sys/fs/cgroup/a/b/memory.max"] = "max\n";
  probe.files["/sys/fs/cgroup/a/b/memory.current"] = "1\n";
  probe.files["/sys/fs/cgroup/a/memory.max"] = "104857600\n";
  probe.files["/sys/fs/cgroup/a/memory.current"] = "52428800\n";
  EXPECT_EQ(available_memory_bytes(0, probe), 50 * kMiB);
}

TEST(Memory, CgroupInsideContainer) {  // own namespace: the group is "/", its files in the mount itself
  FakeProbe probe;
  probe.files["/proc/self/cgroup"] = "0::/\n";
  probe.files["/sys/fs/cgroup/memory.max"] = "104857600\n";
  probe.files["/sys/fs/cgroup/memory.current"] = "52428800\n";
  EXPECT_EQ(available_memory_bytes(0, probe), 50 * kMiB);
}

TEST(Memory, CgroupVersion1) {
  FakeProbe probe;
  probe.files["/proc/self/cgroup"] = "7:cpu,cpuacct:/x\n5:memory:/docker/id\n";
  probe.files["/sys/fs/cgroup/memory/memory.limit_in_bytes"] = "209715200\n";
  probe.files["/sys/fs/cgroup/memory/memory.usage_in_bytes"] = "157286400\n";
  probe.files["/sys/fs/cgroup/memory/memory.stat"] = "total_inactive_file 52428800\n";
  EXPECT_EQ(available_memory_bytes(0, probe), 100 * kMiB);
}

TEST(Memory, UsageAboveLimitIsZeroLeft) {
  FakeProbe probe;
  probe.files["/proc/self/cgroup"] = "0::/a\n";
  probe.files["/sys/fs/cgroup/a/memory.max"] = "10\n";
  probe.files["/sys/fs/cgroup/a/memory.current"] = "20\n";
  EXPECT_EQ(available_memory_bytes(0, probe), 0U);
}

TEST(Memory, RealSystem) {
  EXPECT_GT(available_memory_bytes(), 64 * kMiB);
  const std::uint64_t before = resident_bytes();
  EXPECT_GT(before, kMiB);
  constexpr std::size_t kBytes = 32 * kMiB;
  void* const memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  std::memset(memory, 1, kBytes);
  EXPECT_GE(resident_bytes(), before + kBytes / 2);
  EXPECT_GE(peak_resident_bytes(), resident_bytes() - kMiB);
  munmap(memory, kBytes);
}

}  // namespace
}  // namespace minerva
