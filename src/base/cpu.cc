#include "base/cpu.h"

#include <sched.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <thread>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace minerva {
namespace {

#if defined(__x86_64__)

constexpr const char* kArchitecture = "x86-64";

struct Registers {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers cpuid(unsigned leaf, unsigned subleaf = 0) {
  Registers r;
  if (__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx) == 0) return {};
  return r;
}

constexpr bool bit(unsigned word, unsigned index) {
  return ((word >> index) & 1U) != 0;
}

// The register states the operating system saves (XCR0); 0 when it does not say.
std::uint64_t saved_states() {
  if (!bit(cpuid(1).ecx, 27)) return 0;
  unsigned low = 0;
  unsigned high = 0;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<std::uint64_t>(high) << 32U) | low;
}

CpuFeatures find_features() {
  constexpr std::uint64_t kYmm = 0x6;
  constexpr std::uint64_t kZmm = 0xE6;
  constexpr std::uint64_t kTiles = 0x60000;
  const std::uint64_t saved = saved_states();
  const bool ymm = (saved & kYmm) == kYmm;
  const bool zmm = (saved & kZmm) == kZmm;
  const bool tiles = (saved & kTiles) == kTiles;
  const Registers basic = cpuid(1);
  const Registers extended = cpuid(7, 0);
  const Registers extended1 = extended.eax >= 1 ? cpuid(7, 1) : Registers{};

  CpuFeatures f;
  f.sse4_2 = bit(basic.ecx, 20);
  f.avx = ymm && bit(basic.ecx, 28);
  f.fma = ymm && bit(basic.ecx, 12);
  f.f16c = ymm && bit(basic.ecx, 29);
  f.avx2 = ymm && bit(extended.ebx, 5);
  f.avx_vnni = ymm && bit(extended1.eax, 4);
  f.avx512f = zmm && bit(extended.ebx, 16);
  f.avx512dq = zmm && bit(extended.ebx, 17);
  f.avx512bw = zmm && bit(extended.ebx, 30);
  f.avx512vl = zmm && bit(extended.ebx, 31);
  f.avx512_vbmi = zmm && bit(extended.ecx, 1);
  f.avx512_vnni = zmm && bit(extended.ecx, 11);
  f.avx512_bf16 = zmm && bit(extended1.eax, 5);
  f.avx512_fp16 = zmm && bit(extended.edx, 23);
  f.amx_bf16 = tiles && bit(extended.edx, 22);
  f.amx_tile = tiles && bit(extended.edx, 24);
  f.amx_int8 = tiles && bit(extended.edx, 25);
  return f;
}

std::string find_model() {
  constexpr unsigned kBrandFirst = 0x80000002U;
  constexpr unsigned kBrandLast = 0x80000004U;
  if (__get_cpuid_max(0x80000000U, nullptr) < kBrandLast) return {};
  std::string brand;
  for (unsigned leaf = kBrandFirst; leaf <= kBrandLast; ++leaf) {
    const Registers r = cpuid(leaf);
    const std::array<unsigned, 4> words{r.eax, r.ebx, r.ecx, r.edx};
    std::array<char, sizeof(words)> bytes{};
    std::memcpy(bytes.data(), words.data(), sizeof(words));
    brand.append(bytes.data(), bytes.size());
  }
  brand.resize(std::strlen(brand.c_str()));
  const auto first = brand.find_first_not_of(' ');
  return first == std::string::npos ? std::string{} : brand.substr(first);
}

#elif defined(__aarch64__)

constexpr const char* kArchitecture = "aarch64";

constexpr bool bit(unsigned long word, unsigned index) {
  return ((word >> index) & 1UL) != 0;
}

// Bit numbers of the Linux arm64 ELF hwcaps (Documentation/arch/arm64/elf_hwcaps.rst); older C libraries
// do not name the newer ones.
CpuFeatures find_features() {
  const unsigned long first = getauxval(AT_HWCAP);
  const unsigned long second = getauxval(AT_HWCAP2);
  CpuFeatures f;
  f.neon = bit(first, 1);
  f.fp16 = bit(first, 10);
  f.dotprod = bit(first, 20);
  f.sve = bit(first, 22);
  f.sve2 = bit(second, 1);
  f.i8mm = bit(second, 13);
  f.bf16 = bit(second, 14);
  return f;
}

// Arm processors have no name of their own: the kernel gives maker and part numbers.
std::string find_model() {
  std::ifstream file("/proc/cpuinfo");
  std::string implementer;
  std::string part;
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(": ");
    if (colon == std::string::npos) continue;
    const std::string value = line.substr(colon + 2);
    if (line.starts_with("model name")) return value;
    if (line.starts_with("CPU implementer")) implementer = value;
    if (line.starts_with("CPU part")) part = value;
  }
  return part.empty() ? std::string{} : "implementer " + implementer + " part " + part;
}

#else

constexpr const char* kArchitecture = "other";
CpuFeatures find_features() {
  return {};
}
std::string find_model() {
  return {};
}

#endif

unsigned find_usable_cores(unsigned logical) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return logical;  // more than 1,024 processors
  const int count = CPU_COUNT(&set);
  return count > 0 ? static_cast<unsigned>(count) : logical;
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// The tightest limit of the process's cgroup (version 2) and its parents.
double find_quota_cores() {
  std::ifstream file("/proc/self/cgroup");
  std::string group;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("0::")) group = line.substr(3);
  }
  double tightest = 0;
  for (;;) {
    const double cores = parse_cpu_max(first_line("/sys/fs/cgroup" + group + "/cpu.max"));
    if (cores > 0 && (tightest == 0 || cores < tightest)) tightest = cores;
    const auto slash = group.rfind('/');
    if (slash == std::string::npos) return tightest;
    group.resize(slash);
  }
}

CpuInfo find_cpu_info() {
  CpuInfo info;
  info.architecture = kArchitecture;
  info.model = find_model();
  info.features = find_features();
  info.logical_cores = std::max(1U, std::thread::hardware_concurrency());
  info.usable_cores = find_usable_cores(info.logical_cores);
  info.logical_cores = std::max(info.logical_cores, info.usable_cores);
  info.quota_cores = find_quota_cores();
  return info;
}

}  // namespace

const CpuInfo& cpu_info() {
  static const CpuInfo info = find_cpu_info();
  return info;
}

std::vector<NamedCpuFeature> list_features(const CpuFeatures& f) {
#if defined(__x86_64__)
  return {{"sse4.2", f.sse4_2},
          {"avx", f.avx},
          {"avx2", f.avx2},
          {"fma", f.fma},
          {"f16c", f.f16c},
          {"avx-vnni", f.avx_vnni},
          {"avx512f", f.avx512f},
          {"avx512bw", f.avx512bw},
          {"avx512dq", f.avx512dq},
          {"avx512vl", f.avx512vl},
          {"avx512-vbmi", f.avx512_vbmi},
          {"avx512-vnni", f.avx512_vnni},
          {"avx512-bf16", f.avx512_bf16},
          {"avx512-fp16", f.avx512_fp16},
          {"amx-tile", f.amx_tile},
          {"amx-int8", f.amx_int8},
          {"amx-bf16", f.amx_bf16}};
#elif defined(__aarch64__)
  return {{"neon", f.neon}, {"fp16", f.fp16}, {"dotprod", f.dotprod}, {"i8mm", f.i8mm},
          {"bf16", f.bf16}, {"sve", f.sve},   {"sve2", f.sve2}};
#else
  static_cast<void>(f);
  return {};
#endif
}

double parse_cpu_max(std::string_view content) {
  const auto space = content.find(' ');
  if (space == std::string_view::npos) return 0;
  std::uint64_t quota = 0;
  std::uint64_t period = 0;
  const char* const end = content.data() + content.size();
  const auto first = std::from_chars(content.data(), content.data() + space, quota);
  const auto second = std::from_chars(content.data() + space + 1, end, period);
  if (first.ec != std::errc{} || second.ec != std::errc{} || period == 0) return 0;
  return static_cast<double>(quota) / static_cast<double>(period);
}

}  // namespace minerva
