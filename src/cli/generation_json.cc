#include "cli/generation_json.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/human.h"

namespace minerva::cli {
namespace {

using Json = nlohmann::ordered_json;

// JSON has no infinity; a probability of 0 becomes what OpenAI's interface writes for it.
double finite(float logprob) {
  constexpr double kImpossible = -9999.0;
  return std::isfinite(logprob) ? static_cast<double>(logprob) : kImpossible;
}

// A stop text is among the tokens, and not in the text.
bool has_stop_text(const Generation& generation) {
  std::size_t bytes = 0;
  for (const GeneratedToken& token : generation.tokens) bytes += token.text.size();
  return bytes > generation.text.size();
}

bool ended_by_itself(const Generation& generation) {
  return generation.finish_reason == FinishReason::Stop && !has_stop_text(generation);
}

// What cut an answer that was to have a form.
std::string cut_line(std::string_view constraint, const Generation& generation) {
  const bool at_length = generation.finish_reason == FinishReason::Length;
  return fmt::format(
      "[cut {}, before the answer was what {} demands{}]",
      at_length ? fmt::format("at {} tokens", with_commas(generation.tokens.size())) : "by a stop text",
      constraint, at_length ? ": a larger -n N lets it end" : "");
}

Json token_json(const GeneratedToken& token) {
  Json top = Json::array();
  for (const TopLogprob& other : token.top)
    top.push_back({{"id", other.id}, {"logprob", finite(other.logprob)}});
  return {
      {"id", token.id}, {"text", token.text}, {"logprob", finite(token.logprob)}, {"top", std::move(top)}};
}

}  // namespace

Json generation_json(const ModelFacts& facts, const std::string& prompt, const Generation& generation) {
  Json fallbacks = Json::array();
  for (const Fallback& fallback : facts.fallbacks) {
    fallbacks.push_back({{"backend", fallback.backend}, {"reason", fallback.reason}});
  }
  Json tokens = Json::array();
  for (const GeneratedToken& token : generation.tokens) tokens.push_back(token_json(token));
  Json notes = Json::array();
  for (const ConstraintNote& note : generation.constraint_notes)
    notes.push_back({{"pointer", note.pointer}, {"keyword", note.keyword}, {"message", note.message}});
  const Timings& t = generation.timings;
  const MemoryUse& m = generation.memory;
  return {
      {"model", facts.model},
      {"format", facts.format},
      {"backend", facts.backend},
      {"backend_reason", facts.backend_reason},
      {"fallbacks", std::move(fallbacks)},
      {"numeric_mode", facts.numeric_mode},
      {"prompt", prompt},
      {"prompt_tokens", generation.prompt_tokens},
      {"tokens", std::move(tokens)},
      {"text", generation.text},
      {"finish_reason", finish_reason_name(generation.finish_reason)},
      {"complete", ended_by_itself(generation)},
      {"seed", generation.seed},
      {"timings",
       {{"detect_us", t.detect_us},
        {"load_ms", t.load_ms},
        {"ttft_ms", t.ttft_ms},
        {"prefill_tokens", t.prefill_tokens},
        {"cached_tokens", t.cached_tokens},
        {"prefill_tps", t.prefill_tps},
        {"decode_tokens", t.decode_tokens},
        {"decode_tps", t.decode_tps}}},
      {"memory",
       {{"weights_bytes", m.weights_bytes}, {"kv_bytes", m.kv_bytes}, {"peak_rss_bytes", m.peak_rss_bytes}}},
      {"notes", facts.notes},
      {"constraint_notes", std::move(notes)}};
}

std::string length_line(const ModelFacts& facts, const GenerationFlags& flags, const Generation& generation,
                        std::string_view room) {
  if (ended_by_itself(generation) || generation.finish_reason == FinishReason::Cancelled) return {};
  const std::string_view constraint = constraint_name(flags.constraint);
  const bool at_length = generation.finish_reason == FinishReason::Length;
  const bool unlimited = flags.max_tokens.value_or(kUnlimitedTokens) == kUnlimitedTokens;
  if (!at_length || !unlimited) return constraint.empty() ? std::string() : cut_line(constraint, generation);
  const std::size_t answer = generation.tokens.size();
  const std::size_t length = generation.prompt_tokens.size() + answer;
  const SamplingDefaults& files = facts.recommended;
  const bool recommended = files.max_new_tokens == answer || files.max_length == length || files.max_time;
  const std::string demand =
      constraint.empty() ? "" : fmt::format("; the answer is not yet what {} demands", constraint);
  if (recommended && !flags.max_tokens && !flags.ignore_recommendations) {
    return fmt::format(
        "[{} tokens: the model's files recommend no more; -n N, or -n -1 for no limit, sets another "
        "length{}]",
        with_commas(answer), demand);
  }
  return fmt::format("[the context of {} tokens is full: {}{}]", with_commas(length), room, demand);
}

std::string timing_line(const ModelFacts& facts, const Generation& generation) {
  const Timings& t = generation.timings;
  std::string line = fmt::format("{} prompt tokens", generation.prompt_tokens.size());
  if (t.cached_tokens > 0) line += fmt::format(" ({} cached)", t.cached_tokens);
  if (t.prefill_tps > 0) line += fmt::format(" at {:.0f}/s", t.prefill_tps);
  line += fmt::format(", {} new", generation.tokens.size());
  if (t.decode_tps > 0) line += fmt::format(" at {:.1f}/s", t.decode_tps);
  line += fmt::format(", first after {:.2f} s", t.ttft_ms / 1e3);
  if (t.load_ms > 0) line += fmt::format(", loaded in {:.2f} s", t.load_ms / 1e3);
  return fmt::format("[{}, {}]", line, facts.backend);
}

}  // namespace minerva::cli
