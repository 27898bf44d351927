// Family functions (see families.h): Qwen 2 and 3, dense and with experts.
#pragma once

#include "native/config_fields.h"
#include "native/decoder_spec.h"

namespace minerva::native {

void qwen2(ConfigFields& fields, DecoderSpec& spec);
void qwen2_moe(ConfigFields& fields, DecoderSpec& spec);
void qwen3(ConfigFields& fields, DecoderSpec& spec);
void qwen3_moe(ConfigFields& fields, DecoderSpec& spec);

}  // namespace minerva::native
