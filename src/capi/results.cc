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
  sampling_.struct_size = sizeof sampling_;
  show(sampling_.temperature, d.sampling.temperature);
  show(sampling_.top_k, d.sampling.top_k);
  show(sampling_.top_p, d.sampling.top_p);
  show(sampling_.min_p, d.sampling.min_p);
  show(sampling_.repetition_penalty, d.sampling.repetition_penalty);
  sampling = &sampling_;
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
