// The kernels for any processor.
#define MINERVA_ISA portable

#include "kernels/impl/simd_portable.h"
// After the vectors that it is written on:
#include "kernels/impl/make_table.h"

namespace minerva::kernels {

const IsaTable* portable_table() noexcept {
  static constexpr IsaTable kTable = portable::make_table();
  return &kTable;
}

}  // namespace minerva::kernels
