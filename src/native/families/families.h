// The families the native engine runs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "formats/hf_config/hf_config.h"
#include "native/config_fields.h"
#include "native/decoder_spec.h"

namespace minerva::native {

/// Turns config.json into a spec: says how the family differs from Llama, and names its tensors.
using FamilyFunction = void (*)(ConfigFields& fields, DecoderSpec& spec);

/// The function for a config.json's `model_type`, or null.
FamilyFunction find_family(std::string_view model_type) noexcept;
/// All model types, sorted.
std::vector<std::string_view> family_names();

/// The checked spec of a config.json. Errors: ModelLoading naming the field, or the families there are.
Result<DecoderSpec> decoder_spec(const HfConfig& config);
/// The same by a function of the caller's, for families that the native engine does not run.
Result<DecoderSpec> decoder_spec(const HfConfig& config, FamilyFunction family);

}  // namespace minerva::native
