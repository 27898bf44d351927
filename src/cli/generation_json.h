// `run --json`: the contract that other tools rely on.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/flags.h"
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
  std::vector<std::string> notes = {};  ///< as ModelDescription::notes
  SamplingDefaults recommended = {};
};

/// The object, keys in the order of the contract. `prompt` is the text the model was given, after the chat
/// template.
nlohmann::ordered_json generation_json(const ModelFacts& facts, const std::string& prompt,
                                       const Generation& generation);

/// For people: what ended an answer at its length, when they set no length themselves, or before it was what
/// a constraint demands; else empty. `room`: how to make the context larger.
std::string length_line(const ModelFacts& facts, const GenerationFlags& flags, const Generation& generation,
                        std::string_view room);

/// A line for people: what was computed and how fast.
std::string timing_line(const ModelFacts& facts, const Generation& generation);

}  // namespace minerva::cli
