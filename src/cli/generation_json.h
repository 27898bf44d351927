// `run --json`: the contract that other tools rely on.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "minerva/engine.h"
#include "minerva/generation.h"

namespace minerva::cli {

/// Who answered.
struct ModelFacts {
  std::string model;  ///< path
  std::string format;
  std::string backend;
  std::string backend_reason;
  std::vector<Fallback> fallbacks;
  std::string numeric_mode;
};

/// The object, keys in the order of the contract. `prompt` is the text the model was given, after the chat
/// template.
nlohmann::ordered_json generation_json(const ModelFacts& facts, const std::string& prompt,
                                       const Generation& generation);

/// A line for people: what was computed and how fast.
std::string timing_line(const ModelFacts& facts, const Generation& generation);

}  // namespace minerva::cli
