#include "capi/requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "capi/guard.h"
#include "capi/handles.h"

namespace minerva::capi {
namespace {

// The fields' own rules are the engine's: this side only makes sure that they can be read.
Result<std::vector<std::string>> to_strings(const char* const* list, std::size_t count, const char* name) {
  if (count > 0) MINERVA_TRY(need(list, name));
  std::vector<std::string> strings;
  for (std::size_t i = 0; i < count; ++i) {
    if (list[i] == nullptr) return is_null(fmt::format("{}[{}]", name, i));
    strings.emplace_back(list[i]);
  }
  return strings;
}

template <class Enum>
Result<Enum> to_enum(std::int32_t number, Enum last, const char* name) {
  if (number < 0 || number > static_cast<std::int32_t>(last)) {
    return invalid_request(fmt::format("{} is {}, which is none", name, number),
                           fmt::format("Give a number in [0, {}].", static_cast<int>(last)));
  }
  return static_cast<Enum>(number);
}

template <class Optional>
auto to_optional(const Optional& from) -> std::optional<decltype(from.value)> {
  return from.set ? std::optional(from.value) : std::nullopt;
}

std::string text_or_empty(const char* text) {
  return text == nullptr ? std::string() : std::string(text);
}

Result<Prompt> to_prompt(const minerva_generation_request& request) {
  if (request.prompt != nullptr && request.prompt_ids != nullptr) {
    return invalid_request("both prompt and prompt_ids are set", "Give the prompt as text or as token ids.");
  }
  if (request.prompt_ids != nullptr) {
    return std::vector<TokenId>(request.prompt_ids, request.prompt_ids + request.prompt_ids_count);
  }
  if (request.prompt == nullptr) {
    return invalid_request("the request has no prompt", "Set prompt or prompt_ids.");
  }
  return to_text(request.prompt, request.prompt_size, "prompt");
}

}  // namespace

minerva_engine_options StructTraits<minerva_engine_options>::defaults() noexcept {
  const EngineOptions given;
  minerva_engine_options options = {};
  options.struct_size = sizeof options;
  options.memory_limit_bytes = given.memory_limit_bytes;
  options.keep_alive_ms = given.keep_alive.count();
  options.queue_max = given.queue_max;
  options.prefix_cache_bytes = given.prefix_cache_bytes;
  options.conversion_cache_bytes = given.conversion_cache_bytes;
  return options;
}

minerva_model_options StructTraits<minerva_model_options>::defaults() noexcept {
  const ModelOptions given;
  minerva_model_options options = {};
  options.struct_size = sizeof options;
  options.numeric_mode = static_cast<std::int32_t>(given.numeric_mode);
  options.context_tokens = given.context_tokens;
  options.batch_tokens = given.batch_tokens;
  options.threads = given.threads;
  options.use_mmap = given.use_mmap;
  options.parallel = given.parallel;
  return options;
}

minerva_sampling_options StructTraits<minerva_sampling_options>::defaults() noexcept {
  minerva_sampling_options options = {};
  options.struct_size = sizeof options;
  return options;
}

minerva_output_constraint StructTraits<minerva_output_constraint>::defaults() noexcept {
  minerva_output_constraint constraint = {};
  constraint.struct_size = sizeof constraint;
  return constraint;
}

minerva_chat_options StructTraits<minerva_chat_options>::defaults() noexcept {
  minerva_chat_options options = {};
  options.struct_size = sizeof options;
  options.add_generation_prompt = true;
  return options;
}

minerva_generation_request StructTraits<minerva_generation_request>::defaults() noexcept {
  const GenerationRequest given;
  minerva_generation_request request = {};
  request.struct_size = sizeof request;
  request.prompt_size = MINERVA_NUL_TERMINATED;
  request.add_special = given.add_special;
  request.parse_special = given.parse_special;
  request.ignore_eos = given.ignore_eos;
  request.logprobs = given.logprobs;
  request.top_logprobs = given.top_logprobs;
  request.priority = static_cast<std::int32_t>(given.priority);
  return request;
}

Result<EngineOptions> to_engine_options(const minerva_engine_options* options) {
  MINERVA_ASSIGN(const auto from, read_struct(options));
  EngineOptions to;
  to.memory_limit_bytes = from.memory_limit_bytes;
  MINERVA_ASSIGN(to.backends, to_strings(from.backends, from.backends_count, "backends"));
  to.keep_alive = to_duration(from.keep_alive_ms);
  to.queue_max = from.queue_max;
  to.prefix_cache_bytes = from.prefix_cache_bytes;
  to.cache_folder = text_or_empty(from.cache_folder);
  to.conversion_cache_bytes = from.conversion_cache_bytes;
  return to;
}

Result<ModelOptions> to_model_options(const minerva_model_options& from) {
  ModelOptions to;
  MINERVA_ASSIGN(to.backends, to_strings(from.backends, from.backends_count, "backends"));
  MINERVA_ASSIGN(to.numeric_mode, to_enum(from.numeric_mode, NumericMode::Fast, "numeric_mode"));
  to.context_tokens = from.context_tokens;
  to.batch_tokens = from.batch_tokens;
  to.threads = from.threads;
  to.use_mmap = from.use_mmap;
  to.parallel = from.parallel;
  return to;
}

Result<SamplingOptions> to_sampling_options(const minerva_sampling_options* options) {
  MINERVA_ASSIGN(const auto from, read_struct(options));
  SamplingOptions to;
  to.temperature = to_optional(from.temperature);
  to.top_k = to_optional(from.top_k);
  to.top_p = to_optional(from.top_p);
  to.min_p = to_optional(from.min_p);
  to.typical_p = to_optional(from.typical_p);
  to.repetition_penalty = to_optional(from.repetition_penalty);
  to.presence_penalty = to_optional(from.presence_penalty);
  to.frequency_penalty = to_optional(from.frequency_penalty);
  to.penalty_last_n = to_optional(from.penalty_last_n);
  to.seed = to_optional(from.seed);
  if (from.logit_bias_count > 0) MINERVA_TRY(need(from.logit_bias, "logit_bias"));
  for (std::size_t i = 0; i < from.logit_bias_count; ++i)
    to.logit_bias.emplace_back(from.logit_bias[i].id, from.logit_bias[i].bias);
  to.no_repeat_ngram_size = to_optional(from.no_repeat_ngram_size);
  return to;
}

Result<OutputConstraint> to_output_constraint(const minerva_output_constraint* constraint) {
  MINERVA_ASSIGN(const auto from, read_struct(constraint));
  OutputConstraint to;
  MINERVA_ASSIGN(to.kind, to_enum(from.kind, OutputConstraint::Kind::Choice, "the constraint's kind"));
  to.text = text_or_empty(from.text);
  MINERVA_ASSIGN(to.choices, to_strings(from.choices, from.choices_count, "choices"));
  return to;
}

Result<ChatOptions> to_chat_options(const minerva_chat_options* options) {
  MINERVA_ASSIGN(const auto from, read_struct(options));
  return ChatOptions{.tools = text_or_empty(from.tools),
                     .documents = text_or_empty(from.documents),
                     .variables = text_or_empty(from.variables),
                     .add_generation_prompt = from.add_generation_prompt,
                     .continue_final_message = text_or_empty(from.continue_final_message)};
}

Result<GenerationRequest> to_generation_request(const minerva_generation_request& request) {
  MINERVA_ASSIGN(const auto from, read_struct(&request));
  GenerationRequest to;
  MINERVA_ASSIGN(to.prompt, to_prompt(from));
  to.add_special = from.add_special;
  to.parse_special = from.parse_special;
  to.max_tokens = to_optional(from.max_tokens);
  MINERVA_ASSIGN(to.sampling, to_sampling_options(from.sampling));
  MINERVA_ASSIGN(to.stop, to_strings(from.stop, from.stop_count, "stop"));
  to.ignore_eos = from.ignore_eos;
  to.logprobs = from.logprobs;
  to.top_logprobs = from.top_logprobs;
  MINERVA_ASSIGN(to.constraint, to_output_constraint(from.constraint));
  MINERVA_ASSIGN(to.priority, to_enum(from.priority, Priority::High, "priority"));
  to.client = text_or_empty(from.client);
  if (from.deadline_ms.set) to.deadline = to_duration(from.deadline_ms.value);
  to.cancel = to_stop_token(from.cancel);
  to.ignore_recommendations = from.ignore_recommendations;
  return to;
}

Result<std::filesystem::path> to_path(const char* path) {
  MINERVA_TRY(need(path, "path"));
  return std::filesystem::path(path);
}

Result<std::string> to_text(const char* text, std::size_t size, const char* name) {
  if (text == nullptr && size == 0) return std::string();
  MINERVA_TRY(need(text, name));
  return size == MINERVA_NUL_TERMINATED ? std::string(text) : std::string(text, size);
}

std::stop_token to_stop_token(const minerva_cancel_source* source) {
  return source == nullptr ? std::stop_token() : source->source.get_token();
}

std::chrono::milliseconds to_duration(std::int64_t milliseconds) noexcept {
  constexpr std::chrono::milliseconds kLongest = std::chrono::years(100);
  return std::clamp(std::chrono::milliseconds(milliseconds), -kLongest, kLongest);
}

}  // namespace minerva::capi

void minerva_engine_options_init(minerva_engine_options* options, size_t struct_size) {
  minerva::capi::set_up(options, struct_size);
}
void minerva_model_options_init(minerva_model_options* options, size_t struct_size) {
  minerva::capi::set_up(options, struct_size);
}
void minerva_sampling_options_init(minerva_sampling_options* options, size_t struct_size) {
  minerva::capi::set_up(options, struct_size);
}
void minerva_output_constraint_init(minerva_output_constraint* constraint, size_t struct_size) {
  minerva::capi::set_up(constraint, struct_size);
}
void minerva_chat_options_init(minerva_chat_options* options, size_t struct_size) {
  minerva::capi::set_up(options, struct_size);
}
void minerva_generation_request_init(minerva_generation_request* request, size_t struct_size) {
  minerva::capi::set_up(request, struct_size);
}
