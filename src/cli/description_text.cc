#include "cli/description_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/terminal.h"
#include "cli/human.h"

namespace minerva::cli {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

std::string_view format_in_words(Format format) {
  switch (format) {
    case Format::Gguf:
      return "GGUF";
    case Format::HfSafetensors:
      return "Hugging Face directory, safetensors";
    case Format::HfTorchBin:
      return "Hugging Face directory, PyTorch .bin";
    case Format::HfMlx:
      return "Hugging Face directory, MLX";
    default:
      return format_name(format);
  }
}

std::string shape_row(const ModelDescription& d) {
  std::string row = fmt::format("{} layers, hidden size {}", d.layer_count, with_commas(d.embedding_length));
  if (d.feed_forward_length > 0) row += fmt::format(", feed-forward {}", with_commas(d.feed_forward_length));
  return row;
}

std::string attention_row(const ModelDescription& d) {
  std::string row = fmt::format("{} heads", d.head_count);
  if (d.kv_head_count > 0 && d.kv_head_count != d.head_count)
    row += fmt::format(" on {} KV head{}", d.kv_head_count, d.kv_head_count == 1 ? "" : "s");
  if (d.key_length > 0) row += fmt::format(" of {}", d.key_length);
  if (d.value_length > 0 && d.value_length != d.key_length)
    row += fmt::format(" (values {})", d.value_length);
  if (d.sliding_window > 0)
    row += fmt::format(", sliding window of {} tokens", with_commas(d.sliding_window));
  return row;
}

std::string sampling_row(const SamplingDefaults& s) {
  std::vector<std::string> parts;
  const auto add = [&](const char* name, const auto& value) {
    if (value) parts.push_back(fmt::format("{} {}", name, *value));
  };
  add("temperature", s.temperature);
  add("top-k", s.top_k);
  add("top-p", s.top_p);
  add("min-p", s.min_p);
  add("typical", s.typical_p);
  add("top_h", s.top_h);
  add("epsilon_cutoff", s.epsilon_cutoff);
  add("eta_cutoff", s.eta_cutoff);
  add("repeat-penalty", s.repetition_penalty);
  add("repeat-last-n", s.penalty_last_n);
  add("encoder_repetition_penalty", s.encoder_repetition_penalty);
  add("no-repeat-ngram-size", s.no_repeat_ngram_size);
  add("encoder_no_repeat_ngram_size", s.encoder_no_repeat_ngram_size);
  add("max_new_tokens", s.max_new_tokens);
  add("max_length", s.max_length);
  add("min_new_tokens", s.min_new_tokens);
  add("min_length", s.min_length);
  add("max_time", s.max_time);
  add("forced_bos_token_id", s.forced_bos_token_id);
  const auto add_count = [&](const char* name, const auto& list) {
    if (!list.empty()) parts.push_back(fmt::format("{} ({})", name, list.size()));
  };
  add_count("forced_eos_token_id", s.forced_eos_token_ids);
  add_count("sequence biases", s.sequence_bias);
  add_count("suppress_tokens", s.suppress_tokens);
  add_count("begin_suppress_tokens", s.begin_suppress_tokens);
  add_count("stop strings", s.stop_strings);
  if (s.length_penalty_from)
    parts.push_back(fmt::format("an end that becomes likelier after {} tokens", *s.length_penalty_from));
  if (s.remove_invalid_values) parts.emplace_back("remove_invalid_values");
  return fmt::format("{}", fmt::join(parts, ", "));
}

Json sampling_json(const SamplingDefaults& s) {
  Json biases = Json::array();
  for (const SequenceBias& each : s.sequence_bias) {
    // JSON has no infinity: null bans.
    biases.push_back(
        {{"ids", each.ids}, {"bias", std::isfinite(each.bias) ? Json(each.bias) : Json(nullptr)}});
  }
  return {{"temperature", or_null(s.temperature)},
          {"top_k", or_null(s.top_k)},
          {"top_p", or_null(s.top_p)},
          {"min_p", or_null(s.min_p)},
          {"repetition_penalty", or_null(s.repetition_penalty)},
          {"typical_p", or_null(s.typical_p)},
          {"top_h", or_null(s.top_h)},
          {"epsilon_cutoff", or_null(s.epsilon_cutoff)},
          {"eta_cutoff", or_null(s.eta_cutoff)},
          {"temperature_first", s.temperature_first},
          {"penalty_last_n", or_null(s.penalty_last_n)},
          {"encoder_repetition_penalty", or_null(s.encoder_repetition_penalty)},
          {"no_repeat_ngram_size", or_null(s.no_repeat_ngram_size)},
          {"encoder_no_repeat_ngram_size", or_null(s.encoder_no_repeat_ngram_size)},
          {"sequence_bias", std::move(biases)},
          {"suppress_tokens", s.suppress_tokens},
          {"begin_suppress_tokens", s.begin_suppress_tokens},
          {"forced_bos_token_id", or_null(s.forced_bos_token_id)},
          {"forced_eos_token_ids", s.forced_eos_token_ids},
          {"max_new_tokens", or_null(s.max_new_tokens)},
          {"max_length", or_null(s.max_length)},
          {"min_new_tokens", or_null(s.min_new_tokens)},
          {"min_length", or_null(s.min_length)},
          {"length_penalty_from", or_null(s.length_penalty_from)},
          {"length_penalty_factor", or_null(s.length_penalty_factor)},
          {"max_time", or_null(s.max_time)},
          {"stop_strings", s.stop_strings},
          {"remove_invalid_values", s.remove_invalid_values}};
}

std::string templates_row(const std::vector<NamedTemplate>& templates) {
  if (templates.empty()) return "none (use --raw)";
  std::vector<std::string> names;
  for (const NamedTemplate& t : templates) names.push_back(printable(t.name));
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

std::vector<std::pair<std::string, std::string>> description_rows(const ModelDescription& d) {
  std::vector<std::pair<std::string, std::string>> rows;
  const auto add = [&](const char* label, std::string value) { rows.emplace_back(label, std::move(value)); };
  if (!d.name.empty()) add("Name", printable(d.name));
  add("Path", printable(d.path.string()));
  add("Format", std::string(format_in_words(d.format)));
  if (!d.architecture.empty()) add("Architecture", printable(d.architecture));
  if (d.parameter_count > 0) add("Parameters", human_count(d.parameter_count));
  if (!d.quantisation.empty()) add("Quantisation", printable(d.quantisation));
  add("Size", fmt::format("{} in {} file{}, {} tensors", human_bytes(d.file_bytes), d.weight_files.size(),
                          d.weight_files.size() == 1 ? "" : "s", with_commas(d.tensor_count)));
  if (d.context_length > 0) add("Context", fmt::format("{} tokens", with_commas(d.context_length)));
  if (d.layer_count > 0) add("Shape", shape_row(d));
  if (d.head_count > 0) add("Attention", attention_row(d));
  if (d.vocabulary_size > 0) add("Vocabulary", fmt::format("{} tokens", with_commas(d.vocabulary_size)));
  add("Tokenizer", d.tokenizer_detail.empty() ? std::string(tokenizer_kind_name(d.tokenizer))
                                              : fmt::format("{} ({})", tokenizer_kind_name(d.tokenizer),
                                                            printable(d.tokenizer_detail)));
  if (d.bos_token_id) add("Start token", fmt::format("{}", *d.bos_token_id));
  if (!d.eos_token_ids.empty()) add("End tokens", fmt::format("{}", fmt::join(d.eos_token_ids, ", ")));
  add("Chat template", templates_row(d.chat_templates));
  if (const std::string sampling = sampling_row(d.sampling); !sampling.empty()) add("Recommends", sampling);
  for (const std::string& note : d.notes) add("Note", printable(note));
  return rows;
}

Json description_json(const ModelDescription& d) {
  Json files = Json::array();
  for (const auto& file : d.weight_files) files.push_back(file.string());
  Json templates = Json::array();
  for (const NamedTemplate& t : d.chat_templates)
    templates.push_back({{"name", t.name}, {"source", t.source}});
  return {{"model", d.path.string()},
          {"format", format_name(d.format)},
          {"architecture", d.architecture},
          {"name", d.name},
          {"weight_files", std::move(files)},
          {"file_bytes", d.file_bytes},
          {"tensor_count", d.tensor_count},
          {"tensor_bytes", d.tensor_bytes},
          {"parameter_count", d.parameter_count},
          {"quantisation", d.quantisation},
          {"context_length", d.context_length},
          {"layer_count", d.layer_count},
          {"embedding_length", d.embedding_length},
          {"head_count", d.head_count},
          {"kv_head_count", d.kv_head_count},
          {"key_length", d.key_length},
          {"value_length", d.value_length},
          {"feed_forward_length", d.feed_forward_length},
          {"sliding_window", d.sliding_window},
          {"vocabulary_size", d.vocabulary_size},
          {"tokenizer", tokenizer_kind_name(d.tokenizer)},
          {"tokenizer_detail", d.tokenizer_detail},
          {"bos_token_id", or_null(d.bos_token_id)},
          {"eos_token_ids", d.eos_token_ids},
          {"sampling", sampling_json(d.sampling)},
          {"notes", d.notes},
          {"chat_templates", std::move(templates)}};
}

}  // namespace minerva::cli
