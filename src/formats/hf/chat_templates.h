// The chat templates of a Hugging Face directory, wherever they stand.
#pragma once

#include <filesystem>
#include <vector>

#include "base/error.h"
#include "minerva/model_description.h"

namespace minerva::hf {

/// In transformers' order: chat_template.jinja and additional_chat_templates/*.jinja; without those the
/// `chat_template` of tokenizer_config.json (a string, or a list of names and templates); without that
/// chat_template.json. The default one comes first. Errors: ModelLoading (too long, not UTF-8, wrong type).
Result<std::vector<NamedTemplate>> read_chat_templates(const std::filesystem::path& directory);

}  // namespace minerva::hf
