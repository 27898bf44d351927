// generation_config.json: how the makers of a model want it used.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "formats/hf_config/hf_config.h"
#include "minerva/model_description.h"

namespace minerva::hf {

struct GenerationConfig {
  SamplingDefaults sampling;
  std::vector<std::int32_t> eos_token_ids;
  std::optional<std::int32_t> bos_token_id;  ///< absent when not given
  bool no_bos_token = false;                 ///< it takes back config.json's
  std::vector<std::string> notes;            ///< as ModelDescription::notes
};

/// Reads generation_config.json of `directory`; without one, as transformers does, what `config`
/// (config.json, or its part for the language model) says of a generation, but for the special tokens. It is
/// advice: what is damaged, out of range or beyond us is left out with a note, and stops nothing. Ids must
/// lie below `vocabulary_size`; 0: it is not known. `eos_token_ids`: config.json's, where the file gives
/// none.
GenerationConfig read_generation_config(const std::filesystem::path& directory, const HfConfig& config,
                                        std::uint32_t vocabulary_size,
                                        std::vector<std::int32_t> eos_token_ids);

/// The same for an opened generation_config.json.
GenerationConfig read_generation_config(const HfConfig& file, std::uint32_t vocabulary_size,
                                        std::vector<std::int32_t> eos_token_ids);

}  // namespace minerva::hf
