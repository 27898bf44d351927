// Family functions (see families.h): OPT, BLOOM and Nemotron.
#pragma once

#include "native/config_fields.h"
#include "native/decoder_spec.h"

namespace minerva::native {

void opt(ConfigFields& fields, DecoderSpec& spec);
void bloom(ConfigFields& fields, DecoderSpec& spec);
void nemotron(ConfigFields& fields, DecoderSpec& spec);

}  // namespace minerva::native
