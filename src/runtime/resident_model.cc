#include "runtime/resident_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/memory.h"
#include "runtime/context_size.h"
#include "runtime/memory_check.h"
#include "runtime/sampling_settings.h"

namespace minerva {
namespace {

constexpr std::size_t kStopStringsMax = 64;
constexpr std::size_t kStopBytesMax = 4096;

const NamedTemplate* default_template(const ModelDescription& description) {
  const auto& templates = description.chat_templates;
  const auto found = std::ranges::find(templates, "default", &NamedTemplate::name);
  if (found != templates.end()) return &*found;
  return templates.empty() ? nullptr : &templates.front();
}

Result<std::shared_ptr<const ChatTemplate>> parse_template(const ResidentModel::Parts& parts) {
  const NamedTemplate* source = default_template(parts.description);
  if (source == nullptr) {
    return invalid_request(fmt::format("'{}' has no chat template", parts.description.path.string()),
                           "Use --raw to give the prompt to the model as it is.");
  }
  return ChatTemplate::parse(source->source, parts.tokenizer->bos_text(), parts.tokenizer->eos_text());
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

}  // namespace

ResidentModel::ResidentModel(Parts parts) : parts_(std::move(parts)), template_(nullptr) {}

Result<std::shared_ptr<const ChatTemplate>> ResidentModel::chat_template() const {
  std::call_once(template_once_, [this] { template_ = parse_template(parts_); });
  return template_;
}

Result<Generation> ResidentModel::generate(const GenerationRequest& request, const TextCallback& on_text) {
  MINERVA_TRY(check_request(request));
  MINERVA_ASSIGN(auto prompt, prompt_ids(request));
  MINERVA_ASSIGN(auto sampling, resolve_sampling(request.sampling, parts_.description.sampling,
                                                 parts_.model->info().vocabulary_size));
  std::optional<Counted> waits(waiting_);
  const std::lock_guard lock(mutex_);
  waits.reset();
  const Counted computes(active_);
  if (const Error* error = parts_.model->poisoned()) return std::unexpected(*error);
  MINERVA_ASSIGN(const std::uint32_t max_tokens, make_room(prompt.size(), request));
  Generator generator(*parts_.model, *parts_.tokenizer, sequence_, request, std::move(prompt), max_tokens,
                      std::move(sampling), on_text);
  auto result = generator.run();
  if (!result) return result;
  result->timings.detect_us = parts_.open_timings.detect_us;
  if (std::exchange(first_generation_, false)) result->timings.load_ms = parts_.open_timings.load_ms;
  result->memory = {.weights_bytes = parts_.model->info().weights_bytes,
                    .kv_bytes = sequence_.context->kv_bytes(),
                    .peak_rss_bytes = peak_resident_bytes()};
  return result;
}

Result<void> ResidentModel::check_request(const GenerationRequest& request) const {
  if (request.stop.size() > kStopStringsMax) {
    return invalid_request(fmt::format("{} stop strings were given", request.stop.size()),
                           fmt::format("Give at most {}.", kStopStringsMax));
  }
  for (const std::string& stop : request.stop) {
    if (stop.size() > kStopBytesMax) {
      return invalid_request(fmt::format("a stop string has {} bytes", stop.size()),
                             fmt::format("Give at most {} bytes.", kStopBytesMax));
    }
  }
  if (request.constraint.kind != OutputConstraint::Kind::None)
    return invalid_request("the answer cannot be constrained", "Leave the constraint out.");
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

// Makes sure of a context that holds the request; returns how many tokens may be generated in it.
Result<std::uint32_t> ResidentModel::make_room(std::size_t prompt_tokens, const GenerationRequest& request) {
  MINERVA_ASSIGN(const std::uint32_t wanted,
                 choose_context_tokens(parts_.options, parts_.model->info().context_length, prompt_tokens,
                                       request.max_tokens));
  if (sequence_.context == nullptr || sequence_.context->context_tokens() < wanted) {
    MINERVA_TRY(replace_context(wanted));
  }
  const auto room = static_cast<std::uint32_t>(sequence_.context->context_tokens() - prompt_tokens);
  return request.max_tokens ? std::min(*request.max_tokens, room) : room;
}

Result<void> ResidentModel::replace_context(std::uint32_t context_tokens) {
  const ContextOptions context{.context_tokens = context_tokens,
                               .sequences_max = 1,
                               .batch_tokens = parts_.options.batch_tokens,
                               .threads = parts_.options.threads};
  sequence_.tokens.clear();
  sequence_.context.reset();
  MINERVA_ASSIGN(
      const MemoryNeed need,
      parts_.backend->memory_needed(
          parts_.description,
          {.use_mmap = parts_.options.use_mmap, .numeric_mode = parts_.options.numeric_mode}, context));
  context_bytes_ = 0;
  if (parts_.grant != nullptr) MINERVA_TRY(parts_.grant->resize(need.total()));
  const std::uint64_t available = available_memory_bytes(parts_.memory_limit_bytes);
  if (need.kv_bytes + need.compute_bytes > available) {
    return fail(ErrorCode::OutOfMemory,
                fmt::format("a context of {} tokens requires {:.1f} MB more but only {:.1f} MB is available",
                            context_tokens, static_cast<double>(need.kv_bytes + need.compute_bytes) / 1e6,
                            static_cast<double>(available) / 1e6),
                "Use a smaller context: -c N.");
  }
  MINERVA_ASSIGN(sequence_.context, parts_.model->new_context(context));
  context_bytes_ = need.kv_bytes + need.compute_bytes;
  return {};
}

}  // namespace minerva
