// A decoder's numbers as llama.cpp's key-values.
#pragma once

#include "base/error.h"
#include "convert/families.h"
#include "convert/key_values.h"

namespace minerva::convert {

/// Sets "ARCHITECTURE.block_count" and so on. Sizes were checked by read_source.
void set_hyper_parameters(const Source& source, KeyValues& keys);

}  // namespace minerva::convert
