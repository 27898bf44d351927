// Names of models that are no paths: of the Hugging Face hub, of Ollama's library, addresses.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace minerva::cli {

/// Where Hugging Face's tools (and llama.cpp) keep what they have downloaded: $HF_HUB_CACHE, $HF_HOME/hub,
/// ~/.cache/huggingface/hub, as far as they are set.
std::vector<std::filesystem::path> hub_caches();

/// What to do when `typed` was given as a model, to `minerva COMMAND`, and nothing is there: how to get a
/// model of that name, or where it lies already.
std::string advice_on_name(std::string_view typed, std::string_view command,
                           const std::vector<std::filesystem::path>& caches);

}  // namespace minerva::cli
