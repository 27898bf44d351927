#include "capi/results.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace minerva::capi {
namespace {

// `to` (one of the minerva_optional structs) as `from` has it.
template <class To, class T>
void show(To& to, const std::optional<T>& from) {
  to.set = from.has_value();
  if (from) to.value = *from;
}

std::int64_t milliseconds_of(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

}  // namespace

OwnedText::OwnedText(std::string given) : minerva_text{}, text_(std::move(given)) {
  struct_size = sizeof(minerva_text);
  data = text_.c_str();
  size = text_.size();
}

OwnedTokens::OwnedTokens(std::vector<TokenId> given) : minerva_tokens{}, ids_(std::move(given)) {
  struct_size = sizeof(minerva_tokens);
  ids = ids_.data();
  count = ids_.size();
}

OwnedDescription::OwnedDescription(ModelDescription given)
    : minerva_model_description{}, description_(std::move(given)) {
  const ModelDescription& d = description_;
  struct_size = sizeof(minerva_model_description);
  path = d.path.c_str();
  format = static_cast<minerva_format>(d.format);
  architecture = d.architecture.c_str();
  name = d.name.c_str();
  for (const auto& file : d.weight_files) weight_files_.push_back(file.c_str());
  weight_files = weight_files_.data();
  weight_files_count = weight_files_.size();
  file_bytes = d.file_bytes;
  tensor_count = d.tensor_count;
  tensor_bytes = d.tensor_bytes;
  parameter_count = d.parameter_count;
  quantisation = d.quantisation.c_str();
  context_length = d.context_length;
  layer_count = d.layer_count;
  embedding_length = d.embedding_length;
  head_count = d.head_count;
  kv_head_count = d.kv_head_count;
  key_length = d.key_length;
  value_length = d.value_length;
  feed_forward_length = d.feed_forward_length;
  sliding_window = d.sliding_window;
  vocabulary_size = d.vocabulary_size;
  tokenizer = static_cast<minerva_tokenizer_kind>(d.tokenizer);
  tokenizer_detail = d.tokenizer_detail.c_str();
  for (const NamedTemplate& each : d.chat_templates)
    templates_.push_back({.name = each.name.c_str(), .source = each.source.c_str()});
  chat_templates = templates_.data();
  chat_templates_count = templates_.size();
  eos_token_ids = d.eos_token_ids.data();
  eos_token_ids_count = d.eos_token_ids.size();
  show(bos_token_id, d.bos_token_id);
  show_sampling();
  sampling = &sampling_;
  for (const std::string& each : d.notes) notes_.push_back(each.c_str());
  notes = notes_.data();
  notes_count = notes_.size();
}

void OwnedDescription::show_sampling() {
  const SamplingDefaults& from = description_.sampling;
  minerva_sampling_defaults& to = sampling_;
  to.struct_size = sizeof to;
  show(to.temperature, from.temperature);
  show(to.top_k, from.top_k);
  show(to.top_p, from.top_p);
  show(to.min_p, from.min_p);
  show(to.repetition_penalty, from.repetition_penalty);
  show(to.typical_p, from.typical_p);
  show(to.top_h, from.top_h);
  show(to.epsilon_cutoff, from.epsilon_cutoff);
  show(to.eta_cutoff, from.eta_cutoff);
  to.temperature_first = from.temperature_first;
  show(to.penalty_last_n, from.penalty_last_n);
  show(to.encoder_repetition_penalty, from.encoder_repetition_penalty);
  show(to.no_repeat_ngram_size, from.no_repeat_ngram_size);
  show(to.encoder_no_repeat_ngram_size, from.encoder_no_repeat_ngram_size);
  for (const SequenceBias& each : from.sequence_bias)
    sequence_bias_.push_back({.ids = each.ids.data(), .ids_count = each.ids.size(), .bias = each.bias});
  to.sequence_bias = sequence_bias_.data();
  to.sequence_bias_count = sequence_bias_.size();
  const auto show_ids = [](const std::int32_t*& ids, std::size_t& count, const auto& given) {
    ids = given.data();
    count = given.size();
  };
  show_ids(to.suppress_tokens, to.suppress_tokens_count, from.suppress_tokens);
  show_ids(to.begin_suppress_tokens, to.begin_suppress_tokens_count, from.begin_suppress_tokens);
  show(to.forced_bos_token_id, from.forced_bos_token_id);
  show_ids(to.forced_eos_token_ids, to.forced_eos_token_ids_count, from.forced_eos_token_ids);
  show(to.max_new_tokens, from.max_new_tokens);
  show(to.max_length, from.max_length);
  show(to.min_new_tokens, from.min_new_tokens);
  show(to.min_length, from.min_length);
  show(to.length_penalty_from, from.length_penalty_from);
  show(to.length_penalty_factor, from.length_penalty_factor);
  show(to.max_time, from.max_time);
  for (const std::string& each : from.stop_strings) stop_strings_.push_back(each.c_str());
  to.stop_strings = stop_strings_.data();
  to.stop_strings_count = stop_strings_.size();
  to.remove_invalid_values = from.remove_invalid_values;
}

OwnedModelInfo::OwnedModelInfo(const LoadedModel& model)
    : minerva_model_info{},
      description_(model.description()),
      backend_(model.backend()),
      backend_reason_(model.backend_reason()),
      numeric_mode_(model.numeric_mode()),
      fallbacks_(model.fallbacks()) {
  struct_size = sizeof(minerva_model_info);
  has_chat_template = model.has_chat_template();
  description = &description_;
  backend = backend_.c_str();
  backend_reason = backend_reason_.c_str();
  numeric_mode = numeric_mode_.c_str();
  for (const Fallback& each : fallbacks_)
    views_.push_back({.backend = each.backend.c_str(), .reason = each.reason.c_str()});
  fallbacks = views_.data();
  fallbacks_count = views_.size();
}

OwnedResidentModels::OwnedResidentModels(std::vector<ResidentModelInfo> given)
    : minerva_resident_models{}, models_(std::move(given)) {
  views_.reserve(models_.size());
  for (const ResidentModelInfo& each : models_) {
    minerva_resident_model_info& view = views_.emplace_back();
    view.struct_size = sizeof view;
    view.path = each.path.c_str();
    view.backend = each.backend.c_str();
    view.backend_reason = each.backend_reason.c_str();
    view.weights_bytes = each.weights_bytes;
    view.context_bytes = each.context_bytes;
    view.active_requests = each.active_requests;
    view.waiting_requests = each.waiting_requests;
    view.pinned = each.pinned;
    view.loading = each.loading;
    view.last_use_ms = milliseconds_of(each.last_use);
    show(view.expires_ms, each.expires.transform(milliseconds_of));
    pointers_.push_back(&view);
  }
  struct_size = sizeof(minerva_resident_models);
  models = pointers_.data();
  count = pointers_.size();
}

OwnedBackends::OwnedBackends(std::vector<BackendInfo> given)
    : minerva_backends{}, backends_(std::move(given)) {
  for (const BackendInfo& each : backends_)
    views_.push_back({.name = each.name.c_str(), .version = each.version.c_str()});
  struct_size = sizeof(minerva_backends);
  backends = views_.data();
  count = views_.size();
}

OwnedGeneration::OwnedGeneration(Generation given) : minerva_generation{}, generation_(std::move(given)) {
  struct_size = sizeof(minerva_generation);
  prompt_tokens = generation_.prompt_tokens.data();
  prompt_tokens_count = generation_.prompt_tokens.size();
  text = generation_.text.c_str();
  text_size = generation_.text.size();
  finish_reason = static_cast<minerva_finish_reason>(generation_.finish_reason);
  seed = generation_.seed;
  show_tokens();
  show_figures();
}

void OwnedGeneration::show_tokens() {
  for (const GeneratedToken& token : generation_.tokens)
    for (const TopLogprob& other : token.top) tops_.push_back({.id = other.id, .logprob = other.logprob});
  const minerva_top_logprob* top = tops_.data();
  tokens_.reserve(generation_.tokens.size());
  for (const GeneratedToken& token : generation_.tokens) {
    minerva_generated_token& view = tokens_.emplace_back();
    view.struct_size = sizeof view;
    view.id = token.id;
    view.logprob = token.logprob;
    view.text = token.text.c_str();
    view.text_size = token.text.size();
    view.top = top;
    view.top_count = token.top.size();
    top += token.top.size();
    pointers_.push_back(&view);
  }
  tokens = pointers_.data();
  tokens_count = pointers_.size();
}

void OwnedGeneration::show_figures() {
  const Timings& t = generation_.timings;
  timings_.struct_size = sizeof timings_;
  timings_.detect_us = t.detect_us;
  timings_.load_ms = t.load_ms;
  timings_.queue_ms = t.queue_ms;
  timings_.ttft_ms = t.ttft_ms;
  timings_.prefill_tokens = t.prefill_tokens;
  timings_.cached_tokens = t.cached_tokens;
  timings_.prefill_tps = t.prefill_tps;
  timings_.decode_tokens = t.decode_tokens;
  timings_.decode_tps = t.decode_tps;
  timings = &timings_;
  memory_.struct_size = sizeof memory_;
  memory_.weights_bytes = generation_.memory.weights_bytes;
  memory_.kv_bytes = generation_.memory.kv_bytes;
  memory_.peak_rss_bytes = generation_.memory.peak_rss_bytes;
  memory = &memory_;
  for (const ConstraintNote& note : generation_.constraint_notes)
    notes_.push_back(
        {.pointer = note.pointer.c_str(), .keyword = note.keyword.c_str(), .message = note.message.c_str()});
  constraint_notes = notes_.data();
  constraint_notes_count = notes_.size();
}

}  // namespace minerva::capi
