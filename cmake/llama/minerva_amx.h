/* Included before ggml's AMX kernels. GCC's _tile_loadconfig tells the compiler that it reads the first eight
   bytes of the configuration only; the stores to the rest are then removed, and the process dies of an
   illegal instruction. This one reads all 64. */
#pragma once

#if defined(__AMX_TILE__) && !defined(__clang__)
#include <immintrin.h>

struct minerva_tile_configuration {
  unsigned char bytes[64];
} __attribute__((may_alias));

#define _tile_loadconfig(configuration)   \
  __asm__ volatile("ldtilecfg\t%0" : : "m"( \
      *reinterpret_cast<const minerva_tile_configuration*>(configuration)))
#endif
