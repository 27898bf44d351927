// The kernels for AVX-512 with VNNI, BF16 and VBMI. Compiled with those flags: only what is in its own
// namespace may be defined here (see impl/table.h).
#include "kernels/impl/table.h"

#if defined(__AVX512F__) && defined(__AVX512VNNI__) && defined(__AVX512BF16__) && defined(__AVX512VBMI__)
#define MINERVA_ISA avx512

#include "kernels/impl/simd_avx512.h"
// After the vectors that they are written on:
#include "kernels/impl/bf16_linear.h"
#include "kernels/impl/make_table.h"

namespace minerva::kernels {
namespace avx512 {

constexpr IsaTable with_bf16(IsaTable t) {
  t.linear_bf16 = linear_bf16;
  t.prepare_bf16 = prepare_bf16;
  return t;
}

}  // namespace avx512

const IsaTable* avx512_table() noexcept {
  static constexpr IsaTable kTable = avx512::with_bf16(avx512::make_table());
  return &kTable;
}

}  // namespace minerva::kernels

#else

namespace minerva::kernels {

const IsaTable* avx512_table() noexcept {
  return nullptr;
}

}  // namespace minerva::kernels

#endif
