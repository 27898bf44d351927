#include "runtime/resident_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/limits.h"
#include "base/memory.h"
#include "runtime/context_size.h"
#include "runtime/generator.h"
#include "runtime/logit_rules.h"
#include "runtime/sampling_settings.h"
#include "text/grammar/constraint.h"

namespace minerva {
namespace {

const NamedTemplate* find_template(const ModelDescription& description, std::string_view name) {
  const auto& templates = description.chat_templates;
  const auto found = std::ranges::find(templates, name, &NamedTemplate::name);
  return found == templates.end() ? nullptr : &*found;
}

const NamedTemplate* choose_template(const ModelDescription& description, bool for_tools) {
  const NamedTemplate* chosen = for_tools ? find_template(description, "tool_use") : nullptr;
  if (chosen == nullptr) chosen = find_template(description, "default");
  const auto& templates = description.chat_templates;
  return chosen == nullptr && !templates.empty() ? &templates.front() : chosen;
}

// What needs no computation.
Result<Generation> nothing_asked_for(const Job& job) {
  Generation generation;
  generation.prompt_tokens = job.tokens;
  generation.seed = job.answer.seed();
  generation.finish_reason = FinishReason::Length;
  return generation;
}

// New tokens for a request that does not say how many: at most what the files recommend, else as many as
// there is room for. A recommended length that the prompt has used up is no help.
std::uint32_t unasked_tokens(const SamplingDefaults& recommended, std::size_t prompt, std::uint32_t room) {
  if (recommended.max_new_tokens) return std::min(*recommended.max_new_tokens, room);
  const std::size_t length = recommended.max_length.value_or(0);
  return length > prompt ? std::min(static_cast<std::uint32_t>(length - prompt), room) : room;
}

std::optional<std::chrono::steady_clock::time_point> end_of(const SamplingDefaults& recommended) {
  constexpr float kLongest = 1e9F;  // seconds
  if (!recommended.max_time || *recommended.max_time > kLongest) return std::nullopt;
  return std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                                std::chrono::duration<float>(*recommended.max_time));
}

// Counts for as long as it lives.
class Counted {
 public:
  explicit Counted(std::atomic<std::uint32_t>& count) : count_(count) { ++count_; }
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  std::atomic<std::uint32_t>& count_;
};

ResidentModel::Parts completed(ResidentModel::Parts parts) {
  if (parts.arbiter == nullptr) parts.arbiter = std::make_shared<ComputeArbiter>();
  return parts;
}

}  // namespace

ResidentModel::ResidentModel(Parts parts)
    : parts_(completed(std::move(parts))),
      contexts_(parts_),
      scheduler_(*parts_.model, contexts_, *parts_.arbiter,
                 {.queue_max = parts_.queue_max, .prefix_cache_bytes = parts_.prefix_cache_bytes}) {}

Result<std::shared_ptr<const ChatTemplate>> ResidentModel::chat_template(bool for_tools) const {
  const NamedTemplate* chosen = choose_template(parts_.description, for_tools);
  if (chosen == nullptr) {
    return invalid_request(fmt::format("'{}' has no chat template", parts_.description.path.string()),
                           "Use --raw to give the prompt to the model as it is.");
  }
  const std::lock_guard lock(template_mutex_);
  auto& parsed = templates_[chosen];
  if (parsed == nullptr) {
    MINERVA_ASSIGN(parsed, ChatTemplate::parse(chosen->source, parts_.tokenizer->named_tokens()));
  }
  return parsed;
}

Result<Generation> ResidentModel::generate(const GenerationRequest& request, const TextCallback& on_text,
                                           std::chrono::steady_clock::time_point start) {
  const Counted call(calls_);
  MINERVA_TRY(check_request(request));
  MINERVA_ASSIGN(const auto until, deadline_of(request, start));
  const auto made = make_job(request, {.stop = request.cancel, .deadline = until});
  if (!made && made.error().code == ErrorCode::Cancelled) return cancelled_generation(start);
  MINERVA_ASSIGN(const auto job, made);
  if (const Error* error = parts_.model->poisoned()) return std::unexpected(*error);
  auto result = job->max_tokens == 0 ? nothing_asked_for(*job)
                                     : minerva::generate(scheduler_, job, request, on_text, start);
  if (!result) return result;
  result->timings.detect_us = parts_.open_timings.detect_us;
  if (first_generation_.exchange(false)) result->timings.load_ms = parts_.open_timings.load_ms;
  result->memory = {.weights_bytes = parts_.model->info().weights_bytes,
                    .kv_bytes = scheduler_.kv_bytes(),
                    .peak_rss_bytes = peak_resident_bytes()};
  result->constraint_notes = grammar::constraint_notes(request.constraint);
  return result;
}

std::uint32_t ResidentModel::active_requests() const noexcept {
  const std::uint32_t calls = calls_;
  const std::uint32_t waiting = scheduler_.waiting();
  return std::max(scheduler_.running(), calls > waiting ? calls - waiting : 0);
}

const SamplingDefaults& ResidentModel::recommended_to(const GenerationRequest& request) const noexcept {
  static const SamplingDefaults nothing;
  return request.ignore_recommendations ? nothing : parts_.description.sampling;
}

std::shared_ptr<const LogitRules> ResidentModel::rules_of(const GenerationRequest& request) const {
  if (request.ignore_recommendations || !LogitRules::asked_for(parts_.description.sampling)) return nullptr;
  std::call_once(rules_once_, [this] {
    std::vector<TokenId> ends;
    const std::size_t size =
        std::min(parts_.tokenizer->vocabulary_size(), parts_.model->info().vocabulary_size);
    for (TokenId id = 0; static_cast<std::size_t>(id) < size; ++id)
      if (parts_.tokenizer->is_end_of_generation(id)) ends.push_back(id);
    rules_ = std::make_shared<LogitRules>(parts_.description.sampling, std::move(ends));
  });
  return rules_;
}

Result<std::shared_ptr<Job>> ResidentModel::make_job(const GenerationRequest& request,
                                                     const GrammarCompiler::Wait& wait) const {
  const SamplingDefaults& recommended = recommended_to(request);
  MINERVA_ASSIGN(auto prompt, prompt_ids(request));
  MINERVA_ASSIGN(auto sampling,
                 resolve_sampling(request.sampling, recommended, parts_.model->info().vocabulary_size));
  sampling.rules = rules_of(request);
  const auto asked_tokens = request.max_tokens == kUnlimitedTokens ? std::nullopt : request.max_tokens;
  MINERVA_ASSIGN(const std::uint32_t context_tokens,
                 choose_context_tokens(parts_.options, parts_.model->info().context_length, prompt.size(),
                                       asked_tokens));
  MINERVA_ASSIGN(auto matcher, make_matcher(request.constraint, wait));
  const auto room = static_cast<std::uint32_t>(context_tokens - prompt.size());
  const std::uint32_t max_tokens = request.max_tokens ? std::min(*request.max_tokens, room)
                                                      : unasked_tokens(recommended, prompt.size(), room);
  auto job = std::make_shared<Job>(
      std::move(prompt), max_tokens, *parts_.tokenizer,
      Answer::Options{.sampling = std::move(sampling),
                      .stop = request.stop.empty() ? recommended.stop_strings : request.stop,
                      .max_tokens = max_tokens,
                      .until = end_of(recommended),
                      .ignore_eos = request.ignore_eos,
                      .logprobs = request.logprobs,
                      .top_logprobs = request.top_logprobs,
                      .matcher = std::move(matcher)});
  job->context_tokens = context_tokens;
  job->priority = request.priority;
  job->client = request.client;
  return job;
}

Result<std::unique_ptr<GrammarMatcher>> ResidentModel::make_matcher(const OutputConstraint& constraint,
                                                                    const GrammarCompiler::Wait& wait) const {
  if (constraint.kind == OutputConstraint::Kind::None) return nullptr;
  std::call_once(grammar_once_, [this] {
    grammar_compiler_ = make_grammar_compiler(parts_.tokenizer, parts_.model->info().vocabulary_size);
  });
  MINERVA_ASSIGN(const auto grammar, grammar_compiler_->compile(constraint, wait));
  return grammar->matcher();
}

Result<void> ResidentModel::check_request(const GenerationRequest& request) const {
  if (request.stop.size() > limits::kStopStringCountMax) {
    return invalid_request(fmt::format("{} stop strings were given", request.stop.size()),
                           fmt::format("Give at most {}.", limits::kStopStringCountMax));
  }
  for (const std::string& stop : request.stop) {
    if (stop.size() > limits::kStopStringBytesMax) {
      return invalid_request(fmt::format("a stop string has {} bytes", stop.size()),
                             fmt::format("Give at most {} bytes.", limits::kStopStringBytesMax));
    }
  }
  if (request.constraint.kind != OutputConstraint::Kind::None && request.ignore_eos) {
    return invalid_request("a constrained answer ends where its grammar ends: ignore_eos contradicts it",
                           "Leave out ignore_eos, or the constraint.");
  }
  if (request.top_logprobs > parts_.model->info().vocabulary_size) {
    return invalid_request(fmt::format("top_logprobs is {}, but the vocabulary has {} tokens",
                                       request.top_logprobs, parts_.model->info().vocabulary_size),
                           "Ask for at most the size of the vocabulary.");
  }
  return {};
}

Result<std::vector<TokenId>> ResidentModel::prompt_ids(const GenerationRequest& request) const {
  std::vector<TokenId> ids;
  if (const auto* given = std::get_if<std::vector<TokenId>>(&request.prompt)) {
    ids = *given;
    const auto size = parts_.model->info().vocabulary_size;
    for (const TokenId id : ids) {
      if (id < 0 || static_cast<std::size_t>(id) >= size) {
        return invalid_request(
            fmt::format("the prompt holds token {}, but the vocabulary has {} tokens", id, size),
            "Give ids that `minerva tokenize` with this model gives.");
      }
    }
  } else {
    MINERVA_ASSIGN(ids, parts_.tokenizer->encode(
                            std::get<std::string>(request.prompt),
                            {.add_special = request.add_special, .parse_special = request.parse_special}));
  }
  if (ids.empty())
    return invalid_request("the prompt is empty", "Give a prompt: -p TEXT, -f FILE or standard input.");
  return ids;
}

ResidentModel::Contexts::Contexts(const Parts& parts)
    : parts_(parts), needed_(parts.grant == nullptr ? 0 : parts.grant->bytes()) {}

ContextOptions ResidentModel::Contexts::options(const Size& size) const {
  return {.context_tokens = size.tokens,
          .sequences_max = size.sequences,
          .batch_tokens = parts_.options.batch_tokens,
          .threads = parts_.options.threads};
}

ContextMaker::Size ResidentModel::Contexts::limit() const {
  constexpr std::uint64_t kCellsMax = 1U << 24U;
  const std::uint64_t each = longest_context_tokens(parts_.options, parts_.model->info().context_length);
  return {.tokens =
              static_cast<std::uint32_t>(std::min(each * parts_.options.parallel, std::max(kCellsMax, each))),
          .sequences = parts_.options.parallel};
}

Result<void> ResidentModel::Contexts::reserve(const Size& size, const std::stop_token& stop,
                                              const MemoryGrant::KeepWaiting& waits) {
  if (parts_.grant == nullptr) return {};
  const MemoryNeed need = parts_.model->memory_needed(options(size));
  MINERVA_TRY(parts_.grant->resize(need.total() + kept_, stop, waits));
  needed_ = need.total();
  return {};
}

bool ResidentModel::Contexts::may_keep(std::uint64_t bytes) {
  if (parts_.grant != nullptr && !parts_.grant->try_resize(needed_ + bytes)) return false;
  kept_ = bytes;
  return true;
}

Result<std::unique_ptr<Context>> ResidentModel::Contexts::make(const Size& size) {
  return parts_.model->new_context(options(size));
}

}  // namespace minerva
