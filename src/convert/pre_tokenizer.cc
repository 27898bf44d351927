#include "convert/pre_tokenizer.h"

#include <array>
#include <string>
#include <vector>

#include "base/limits.h"

namespace minerva::convert {
namespace {

using tokenizers::JsonField;

constexpr std::string_view kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kGpt4o =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kTekken =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

/// One step, written so that equal ones are equal texts; empty for what llama.cpp has nothing for.
std::string step_text(const JsonField& step) {
  const auto type = step.string_or("type", "", 64);
  if (!type) return "";
  if (*type == "ByteLevel") {
    const auto prefix = step.boolean_or("add_prefix_space", true);
    const auto regex = step.boolean_or("use_regex", true);
    if (!prefix || !regex || *prefix) return "";
    return *regex ? "gpt2" : "bytes";
  }
  if (*type == "Digits") {
    const auto individual = step.boolean_or("individual_digits", false);
    return individual && *individual ? "digits" : "";
  }
  if (*type == "Split") {
    const auto behavior = step.string_or("behavior", "", 64);
    const auto invert = step.boolean_or("invert", false);
    const auto pattern = step.find("pattern");
    if (!behavior || *behavior != "Isolated" || !invert || *invert || !pattern) return "";
    const auto regex = pattern->string_or("Regex", "", limits::kTokenizerInsertBytesMax);
    return regex && !regex->empty() ? "split " + *regex : "";
  }
  return "";
}

std::vector<std::string> steps_of(const JsonField& pre_tokenizer) {
  const auto type = pre_tokenizer.string_or("type", "", 64);
  if (!type || *type != "Sequence") return {step_text(pre_tokenizer)};
  std::vector<std::string> steps;
  const auto list = pre_tokenizer.find("pretokenizers");
  if (!list) return steps;
  const auto elements = list->elements(limits::kTokenizerPartCountMax);
  if (!elements) return steps;
  for (const JsonField& element : *elements) steps.push_back(step_text(element));
  return steps;
}

struct Known {
  std::string_view split;  ///< the regular expression of a Split before bytes
  std::string_view name;
  bool whole_words;
  std::string_view note = {};  ///< how llama.cpp's expression of that name differs
};
constexpr std::string_view kLettersNote =
    "llama.cpp cuts text with combining marks (Hindi, Bengali, Thai, pointed Arabic and Hebrew, decomposed "
    "accents) "
    "and capitals inside of words in other letters than A to Z otherwise than the tokenizer";
// dbrx is llama-bpe without whole words.
constexpr std::array kKnown = {
    Known{kLlama3, "llama-bpe", true},
    Known{kLlama3, "dbrx", false},
    Known{kQwen2, "qwen2", false},
    Known{kGpt4o, "gpt-4o", false, kLettersNote},
    Known{kTekken, "tekken", true, kLettersNote},
};

}  // namespace

PreTokenizer recognise_pre_tokenizer(const JsonField& pre_tokenizer, bool whole_words) {
  const std::vector<std::string> steps = steps_of(pre_tokenizer);
  if (steps == std::vector<std::string>{"gpt2"}) return {"gpt-2", false, ""};
  if (steps == std::vector<std::string>{"digits", "gpt2"}) return {"smollm", false, ""};
  if (steps.size() != 2 || steps[1] != "bytes") return {};
  PreTokenizer found;
  for (const Known& known : kKnown) {
    if (steps[0] != "split " + std::string(known.split)) continue;
    if (found.name.empty() || known.whole_words == whole_words)
      found = {known.name, known.whole_words, known.note};
  }
  return found;
}

}  // namespace minerva::convert
