// The kernels for AVX2, FMA and F16C. Compiled with those flags: only what is in its own namespace may be
// defined here (see impl/table.h).
#include "kernels/impl/table.h"

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#define MINERVA_ISA avx2

#include "kernels/impl/simd_avx2.h"
// After the vectors that it is written on:
#include "kernels/impl/make_table.h"

namespace minerva::kernels {

const IsaTable* avx2_table() noexcept {
  static constexpr IsaTable kTable = avx2::make_table();
  return &kTable;
}

}  // namespace minerva::kernels

#else

namespace minerva::kernels {

const IsaTable* avx2_table() noexcept {
  return nullptr;
}

}  // namespace minerva::kernels

#endif
