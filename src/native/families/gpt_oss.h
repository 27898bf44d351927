// Family function (see families.h): gpt-oss.
#pragma once

#include "native/config_fields.h"
#include "native/decoder_spec.h"

namespace minerva::native {

void gpt_oss(ConfigFields& fields, DecoderSpec& spec);

}  // namespace minerva::native
