// Family functions (see families.h): LFM2 and Qwen3-Next, most of whose layers keep a state of fixed size.
#pragma once

#include "native/config_fields.h"
#include "native/decoder_spec.h"

namespace minerva::native {

void lfm2(ConfigFields& fields, DecoderSpec& spec);
void qwen3_next(ConfigFields& fields, DecoderSpec& spec);

}  // namespace minerva::native
