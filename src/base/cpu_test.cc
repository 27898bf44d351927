#include "base/cpu.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace minerva {
namespace {

TEST(Cpu, CountsCores) {
  const CpuInfo& info = cpu_info();
  EXPECT_GE(info.usable_cores, 1U);
  EXPECT_GE(info.logical_cores, info.usable_cores);
  EXPECT_GE(info.quota_cores, 0);
  EXPECT_FALSE(info.architecture.empty());
}

TEST(Cpu, WiderSetsImplyNarrowerOnes) {
  const CpuFeatures& f = cpu_info().features;
  if (f.avx2) {
    EXPECT_TRUE(f.avx);
  }
  if (f.avx512bw || f.avx512vl || f.avx512_vnni) {
    EXPECT_TRUE(f.avx512f);
  }
  if (f.amx_int8) {
    EXPECT_TRUE(f.amx_tile);
  }
}

// The kernel's own list must agree with what the processor told us.
TEST(Cpu, AgreesWithTheKernel) {
  std::ifstream file("/proc/cpuinfo");
  std::string flags;
  for (std::string line; std::getline(file, line) && flags.empty();) {
    if (line.starts_with("flags") || line.starts_with("Features"))
      flags = line.substr(line.find(':') + 1) + " ";
  }
  if (flags.empty()) GTEST_SKIP() << "the kernel gives no list of features";
  const auto has = [&](const char* name) {
    return flags.find(std::string(" ") + name + " ") != std::string::npos;
  };
  const CpuFeatures& f = cpu_info().features;
  if (cpu_info().architecture == "x86-64") {
    EXPECT_EQ(f.avx2, has("avx2"));
    EXPECT_EQ(f.fma, has("fma"));
    EXPECT_EQ(f.f16c, has("f16c"));
    EXPECT_EQ(f.avx512f, has("avx512f"));
    EXPECT_EQ(f.avx512bw, has("avx512bw"));
    EXPECT_EQ(f.avx512_vbmi, has("avx512vbmi"));
    EXPECT_EQ(f.avx512_vnni, has("avx512_vnni"));
    EXPECT_EQ(f.avx512_bf16, has("avx512_bf16"));
    EXPECT_EQ(f.amx_tile, has("amx_tile"));
  } else if (cpu_info().architecture == "aarch64") {
    EXPECT_EQ(f.neon, has("asimd"));
    EXPECT_EQ(f.dotprod, has("asimddp"));
    EXPECT_EQ(f.i8mm, has("i8mm"));
  }
}

TEST(Cpu, ReadsTheQuotaOfAControlGroup) {
  EXPECT_DOUBLE_EQ(parse_cpu_max("150000 100000"), 1.5);
  EXPECT_DOUBLE_EQ(parse_cpu_max("200000 100000\n"), 2);
  EXPECT_DOUBLE_EQ(parse_cpu_max("max 100000"), 0);
  EXPECT_DOUBLE_EQ(parse_cpu_max("100000 0"), 0);
  EXPECT_DOUBLE_EQ(parse_cpu_max("100000"), 0);
  EXPECT_DOUBLE_EQ(parse_cpu_max(""), 0);
}

}  // namespace
}  // namespace minerva
