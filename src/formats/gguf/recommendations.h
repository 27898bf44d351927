// general.sampling.*: how the makers of a model want it used.
#pragma once

#include <string>
#include <vector>

#include "formats/gguf/metadata.h"
#include "minerva/model_description.h"

namespace minerva::gguf {

/// Reads what the keys recommend. It is advice: what is damaged, out of range or beyond us is left out with a
/// note, and stops nothing.
void read_recommendations(const Metadata& metadata, SamplingDefaults& sampling,
                          std::vector<std::string>& notes);

}  // namespace minerva::gguf
