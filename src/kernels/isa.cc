#include <array>
#include <cstdlib>

#include "base/cpu.h"
#include "kernels/impl/table.h"
#include "kernels/kernels.h"

namespace minerva::kernels {
namespace {

bool can_run(Isa isa) {
  const CpuFeatures& f = cpu_info().features;
  switch (isa) {
    case Isa::Scalar:
      return true;
    case Isa::Avx2:
      return avx2_table() != nullptr && f.avx2 && f.fma && f.f16c;
    case Isa::Avx512:
      return avx512_table() != nullptr && f.avx512f && f.avx512bw && f.avx512dq && f.avx512vl &&
             f.avx512_vnni && f.avx512_bf16 && f.avx512_vbmi;
  }
  return false;
}

}  // namespace

std::string_view isa_name(Isa isa) noexcept {
  constexpr std::array<std::string_view, 3> kNames{"scalar", "avx2", "avx512"};
  return kNames[static_cast<std::size_t>(isa)];
}

std::vector<Isa> available_isas() {
  std::vector<Isa> result;
  for (const Isa isa : {Isa::Scalar, Isa::Avx2, Isa::Avx512}) {
    if (can_run(isa)) result.push_back(isa);
  }
  return result;
}

Isa best_isa() {
  const auto available = available_isas();
  const char* wanted = std::getenv("MINERVA_ISA");
  if (wanted != nullptr) {
    for (const Isa isa : available) {
      if (isa_name(isa) == wanted) return isa;
    }
  }
  return available.back();
}

}  // namespace minerva::kernels
