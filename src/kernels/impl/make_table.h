// The table of the instruction set that this is compiled for.
#pragma once

#include "kernels/impl/attention.h"
#include "kernels/impl/int8_job.h"

namespace minerva::kernels::MINERVA_ISA {

constexpr IsaTable make_table() {
  IsaTable t;
  t.lanes = kLanes;
  t.int8_tile = kInt8Tile;
  t.bf16_dot = kHasBf16Dot;
  t.linear_float = linear_float;
  t.linear_int8 = linear_int8;
  t.prepare_int8 = prepare_int8;
  t.dequantize_row = dequantize_row;
  t.rms_norm = rms_norm;
  t.layer_norm = layer_norm;
  t.activate = activate;
  t.activate_gated = activate_gated;
  t.softmax = softmax;
  t.add = add_scaled;
  t.scale = scale_all;
  t.soft_cap = soft_cap;
  t.clamp = clamp;
  t.rotate = rotate;
  t.convert = convert;
  t.attend_sizes = attend_sizes;
  t.attend = attend;
  t.attend_chunk = attend_chunk;
  t.attend_merge = attend_merge;
  return t;
}

}  // namespace minerva::kernels::MINERVA_ISA
