#include "base/memory.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "base/cpu.h"

namespace minerva {
namespace {

class SystemProbe final : public MemoryProbe {
 public:
  std::optional<std::string> read(const std::string& path) const override {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return std::nullopt;
    std::string content;
    std::array<char, 4096> buffer{};
    for (ssize_t count = 0; (count = ::read(descriptor, buffer.data(), buffer.size())) > 0;)
      content.append(buffer.data(), static_cast<std::size_t>(count));
    ::close(descriptor);
    return content;
  }
  std::optional<std::uint64_t> address_space_limit() const override {
    struct rlimit limit{};
    if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
    return limit.rlim_cur;
  }
};

std::optional<std::uint64_t> parse_number(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  return value;
}

// The number after `key` at the beginning of a line: "MemAvailable:   123 kB", "inactive_file 123".
std::optional<std::uint64_t> find_number(std::string_view content, std::string_view key) {
  while (!content.empty()) {
    const std::size_t end = std::min(content.find('\n'), content.size());
    const std::string_view line = content.substr(0, end);
    if (line.starts_with(key)) return parse_number(line.substr(key.size()));
    content.remove_prefix(std::min(end + 1, content.size()));
  }
  return std::nullopt;
}

std::optional<std::uint64_t> read_number(const MemoryProbe& probe, const std::string& path) {
  const auto content = probe.read(path);
  return content ? parse_number(*content) : std::nullopt;
}

std::uint64_t status_bytes(const MemoryProbe& probe, std::string_view key) {
  const auto content = probe.read("/proc/self/status");
  return content ? find_number(*content, key).value_or(0) * 1024 : 0;
}

std::uint64_t subtract(std::uint64_t a, std::uint64_t b) {
  return a > b ? a - b : 0;
}

// Address space that a model takes beyond the memory it will touch: the stacks of its threads, work space
// that is reserved and not used, what the heap holds in advance. Measured: some 54 MB with two threads.
std::uint64_t untouched_address_space() {
  constexpr std::uint64_t kReserved = 48'000'000;
  constexpr std::uint64_t kOfThread = 9'000'000;
  return kReserved + kOfThread * cpu_info().usable_cores;
}

// The files of one version of control groups.
struct CgroupFiles {
  std::string mount;
  const char* limit;
  const char* usage;
  const char* stat_inactive;
  const char* stat_active;
};
const CgroupFiles kCgroup2 = {"/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file ",
                              "active_file "};
const CgroupFiles kCgroup1 = {"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
                              "total_inactive_file ", "total_active_file "};

// What one group leaves. "max" is no number: no limit.
std::uint64_t left_in_group(const MemoryProbe& probe, const CgroupFiles& files, const std::string& folder) {
  const auto limit = read_number(probe, folder + "/" + files.limit);
  const auto usage = read_number(probe, folder + "/" + files.usage);
  if (!limit || !usage) return kUnlimitedMemory;
  const std::string stat = probe.read(folder + "/memory.stat").value_or("");
  const std::uint64_t cache =
      find_number(stat, files.stat_inactive).value_or(0) + find_number(stat, files.stat_active).value_or(0);
  return subtract(*limit, subtract(*usage, cache));
}

std::uint64_t left_in_groups(const MemoryProbe& probe, const CgroupFiles& files, std::string group) {
  std::uint64_t left = kUnlimitedMemory;
  while (true) {
    while (!group.empty() && group.back() == '/') group.pop_back();
    left = std::min(left, left_in_group(probe, files, files.mount + group));
    if (group.empty()) return left;
    group.resize(std::min(group.rfind('/'), group.size()));
  }
}

// /proc/self/cgroup: "0::/group" (v2), "5:memory:/group" (v1).
std::uint64_t left_in_all_groups(const MemoryProbe& probe) {
  std::uint64_t left = kUnlimitedMemory;
  const std::string content = probe.read("/proc/self/cgroup").value_or("");
  std::string_view rest = content;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string group(line.substr(second + 1));
    if (controllers.empty()) left = std::min(left, left_in_groups(probe, kCgroup2, group));
    if (("," + std::string(controllers) + ",").find(",memory,") != std::string::npos)
      left = std::min(left, left_in_groups(probe, kCgroup1, group));
  }
  return left;
}

}  // namespace

const MemoryProbe& system_memory_probe() noexcept {
  static const SystemProbe probe;
  return probe;
}

std::uint64_t available_memory_bytes(std::uint64_t limit_bytes, const MemoryProbe& probe) {
  std::uint64_t available = kUnlimitedMemory;
  if (const auto content = probe.read("/proc/meminfo")) {
    if (const auto kilobytes = find_number(*content, "MemAvailable:"))
      available = std::min(available, *kilobytes * 1024);
  }
  available = std::min(available, left_in_all_groups(probe));
  if (const auto limit = probe.address_space_limit())
    available =
        std::min(available, subtract(*limit, status_bytes(probe, "VmSize:") + untouched_address_space()));
  if (limit_bytes > 0) available = std::min(available, subtract(limit_bytes, resident_bytes(probe)));
  return available;
}

std::uint64_t resident_bytes(const MemoryProbe& probe) {
  return status_bytes(probe, "VmRSS:");
}
std::uint64_t peak_resident_bytes(const MemoryProbe& probe) {
  return status_bytes(probe, "VmHWM:");
}

}  // namespace minerva
