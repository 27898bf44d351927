// Family functions (see families.h): Cohere's Command R and R7B.
#pragma once

#include "native/config_fields.h"
#include "native/decoder_spec.h"

namespace minerva::native {

void cohere(ConfigFields& fields, DecoderSpec& spec);
void cohere2(ConfigFields& fields, DecoderSpec& spec);

}  // namespace minerva::native
