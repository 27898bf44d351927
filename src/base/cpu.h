// What the processor is and can do, and how much of it this process may use.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace minerva {

/// Instruction sets that matter for inference. True only when processor *and* operating system support them
/// (the system must save the wide registers). Those of the other architecture are false.
struct CpuFeatures {
  // x86-64
  bool sse4_2 = false;
  bool avx = false;
  bool avx2 = false;
  bool fma = false;
  bool f16c = false;
  bool avx_vnni = false;
  bool avx512f = false;
  bool avx512bw = false;
  bool avx512dq = false;
  bool avx512vl = false;
  bool avx512_vbmi = false;
  bool avx512_vnni = false;
  bool avx512_bf16 = false;
  bool avx512_fp16 = false;
  bool amx_tile = false;
  bool amx_int8 = false;
  bool amx_bf16 = false;
  // aarch64
  bool neon = false;
  bool fp16 = false;
  bool dotprod = false;
  bool i8mm = false;
  bool bf16 = false;
  bool sve = false;
  bool sve2 = false;
};

struct CpuInfo {
  std::string architecture;  ///< "x86-64", "aarch64" or "other"
  std::string model;         ///< the maker's name for it; may be empty
  CpuFeatures features;
  unsigned logical_cores = 1;  ///< online in this machine
  unsigned usable_cores = 1;   ///< this process may be scheduled on (affinity)
  double quota_cores = 0;      ///< CPU time its control group allows, in cores; 0 = no limit
};

/// Looks once, then answers from memory. Thread-safe; does not fail: what cannot be found out stays empty.
const CpuInfo& cpu_info();

struct NamedCpuFeature {
  std::string_view name;  ///< as the vendor spells it, lower case
  bool present = false;
};

/// The features of this build's architecture, oldest first, for people to read.
std::vector<NamedCpuFeature> list_features(const CpuFeatures& features);

/// "max 100000" or "150000 100000", the content of a cgroup's cpu.max, in cores; 0 for no limit or nonsense.
double parse_cpu_max(std::string_view content);

}  // namespace minerva
