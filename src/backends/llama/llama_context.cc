#include "backends/llama/llama_context.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "backends/llama/memory_need.h"
#include "text/llama_library.h"

namespace minerva {
namespace {

DecodeResult failure(DecodeStatus status, Error error) {
  return {status, std::move(error)};
}

DecodeResult fatal(std::unexpected<Error> error) {
  return failure(DecodeStatus::Fatal, std::move(error).error());
}

llama_context_params make_params(const ContextOptions& options, std::uint32_t tokens,
                                 std::uint32_t outputs_max, int threads) {
  llama_context_params params = llama_context_default_params();
  params.n_ctx = tokens;
  params.n_batch = options.batch_tokens;
  params.n_ubatch = std::min(options.batch_tokens, kMicroBatchRows);
  params.n_seq_max = options.sequences_max;
  params.n_outputs_max = outputs_max;
  params.n_threads = threads;
  params.n_threads_batch = threads;
  // One pool of cells for all sequences. Without it, copying a prefix aborts the process.
  params.kv_unified = true;
  params.pooling_type = LLAMA_POOLING_TYPE_NONE;  // the file's may be nonsense, and is for encoders
  // Layers with a sliding window keep the window only, as llama.cpp's own programs do: less memory, less to
  // compute. What that forgets, `reusable_prefix` answers for.
  params.swa_full = false;
  return params;
}

}  // namespace

Result<std::unique_ptr<Context>> LlamaContext::make(std::shared_ptr<LlamaModel> model,
                                                    const ContextOptions& options) {
  if (options.sequences_max < 1 || options.sequences_max > llama_max_parallel_sequences()) {
    return invalid_request(fmt::format("a context for {} sequences was asked for", options.sequences_max),
                           fmt::format("Ask for a number in [1, {}].", llama_max_parallel_sequences()));
  }
  if (options.batch_tokens < 1)
    return invalid_request("a batch of 0 tokens was asked for", "Ask for at least 1.");
  const std::uint32_t tokens =
      options.context_tokens > 0 ? options.context_tokens : model->info().context_length;
  MINERVA_ASSIGN(auto pool, GgmlThreadPool::shared(choose_threads(options.threads)));

  std::unique_ptr<LlamaContext> context(new LlamaContext(std::move(model), std::move(pool)));
  context->outputs_max_ = logits_rows_at_once(options, context->model_->info().vocabulary_size);
  MINERVA_TRY(guard_llama(fmt::format("make a context of {} tokens", tokens), [&] {
    llama_context_params params =
        make_params(options, tokens, context->outputs_max_, context->pool_->threads());
    params.abort_callback = [](void* self) {
      return static_cast<LlamaContext*>(self)->stop_.stop_requested();
    };
    params.abort_callback_data = context.get();
    context->context_.reset(llama_init_from_model(context->model_->get(), params));
    return context->context_ != nullptr;
  }));
  llama_context* const raw = context->context_.get();
  context->memory_ = llama_get_memory(raw);
  if (context->memory_ == nullptr) {
    return model_loading("the model has no memory of earlier tokens: it is an encoder, not a generator",
                         "Use a model that generates text.");
  }
  if (context->model_->preflight().needs_trial) MINERVA_TRY(context->try_out());
  llama_attach_threadpool(raw, context->pool_->get(), context->pool_->get());
  context->context_tokens_ = tokens;
  // Attention that looks ahead must see its whole batch at once.
  context->batch_tokens_ = llama_get_causal_attn(raw) ? llama_n_batch(raw) : llama_n_ubatch(raw);
  context->lengths_.assign(options.sequences_max, 0);
  context->kv_bytes_ = cache_bytes(context->model_->preflight(), llama_n_ctx(raw), options);
  return context;
}

// A token alone and two together, on this thread alone, where guard_llama can answer for an operation that
// llama.cpp cannot do with the types and shapes of this file.
Result<void> LlamaContext::try_out() {
  const int threads = pool_->threads();
  llama_set_n_threads(context_.get(), 1, 1);
  const std::array<BatchRow, 2> rows = {BatchRow{.input = TokenId{0}, .sequence = 0, .position = 0},
                                        BatchRow{.input = TokenId{0}, .sequence = 0, .position = 1}};
  for (const std::size_t count : {1U, 2U}) {
    if (count > llama_n_batch(context_.get())) break;
    auto tried = guard_llama("compute with this model", [&] {
      batch_.assign(std::span(rows).first(count));
      batch_.wants_logits.back() = 1;
      return llama_decode(context_.get(), batch_.view()) == 0 &&
             llama_get_logits_ith(context_.get(), static_cast<std::int32_t>(count) - 1) != nullptr;
    });
    if (!tried) {
      [[maybe_unused]] const auto* lost = context_.release();  // in an unknown state: not even to be freed
      return tried;
    }
    llama_memory_seq_rm(memory_, 0, -1, -1);
  }
  llama_set_n_threads(context_.get(), threads, threads);
  return {};
}

LlamaContext::LlamaContext(std::shared_ptr<LlamaModel> model, std::shared_ptr<GgmlThreadPool> pool)
    : model_(std::move(model)), pool_(std::move(pool)) {}

LlamaContext::~LlamaContext() {
  if (context_ == nullptr) return;
  if (broken_) {
    [[maybe_unused]] const auto* lost = context_.release();  // in an unknown state: not even to be freed
    return;
  }
  llama_detach_threadpool(context_.get());
}

void LlamaContext::Batch::assign(std::span<const BatchRow> rows) {
  const std::size_t count = rows.size();
  tokens.resize(count);
  positions.resize(count);
  sequence_counts.assign(count, 1);
  sequences.resize(count);
  sequence_pointers.resize(count);
  wants_logits.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    tokens[i] = std::get<TokenId>(rows[i].input);
    positions[i] = rows[i].position;
    sequences[i] = rows[i].sequence;
    sequence_pointers[i] = &sequences[i];
    wants_logits[i] = rows[i].output == RowOutput::Logits ? 1 : 0;
  }
}

llama_batch LlamaContext::Batch::view() {
  return {.n_tokens = static_cast<std::int32_t>(tokens.size()),
          .token = tokens.data(),
          .embd = nullptr,
          .pos = positions.data(),
          .n_seq_id = sequence_counts.data(),
          .seq_id = sequence_pointers.data(),
          .logits = wants_logits.data()};
}

bool LlamaContext::is_valid(SequenceId sequence) const noexcept {
  return sequence >= 0 && static_cast<std::size_t>(sequence) < lengths_.size();
}

Result<void> LlamaContext::check_sequence(SequenceId sequence) const {
  if (is_valid(sequence)) return {};
  return invalid_request(fmt::format("sequence {} is not one of the context's {}", sequence, lengths_.size()),
                         fmt::format("Use a sequence in [0, {}].", lengths_.size() - 1));
}

Result<void> LlamaContext::begin(SequenceId sequence, Position planned_length) {
  MINERVA_TRY(check_sequence(sequence));
  if (planned_length < 0 || static_cast<std::uint32_t>(planned_length) > context_tokens_) {
    return fail(ErrorCode::ContextOverflow,
                fmt::format("{} tokens do not fit into a context of {}", planned_length, context_tokens_),
                "Use a larger context (-c N), a shorter prompt or fewer new tokens.");
  }
  release(sequence);
  return {};
}

// Why a batch cannot be computed, found out before anything is changed.
std::optional<DecodeResult> LlamaContext::refuse(std::span<const BatchRow> batch) const {
  if (batch.size() > batch_tokens_) {
    return fatal(
        invalid_request(fmt::format("a batch of {} rows exceeds the {} this context computes at once",
                                    batch.size(), batch_tokens_),
                        "Split the batch."));
  }
  std::vector<Position> next = lengths_;
  for (const BatchRow& row : batch) {
    const TokenId* const id = std::get_if<TokenId>(&row.input);
    if (id == nullptr || row.output == RowOutput::HiddenState) {
      return fatal(
          invalid_request("the llama backend takes tokens and gives logits; this batch asks for more",
                          "Use another backend."));
    }
    if (*id < 0 || static_cast<std::size_t>(*id) >= model_->info().vocabulary_size) {
      return fatal(invalid_request(fmt::format("token {} is outside of the vocabulary, which has {} tokens",
                                               *id, model_->info().vocabulary_size),
                                   "Give ids that this model's tokenizer gives."));
    }
    if (auto valid = check_sequence(row.sequence); !valid)
      return fatal(std::unexpected(std::move(valid).error()));
    Position& expected = next[static_cast<std::size_t>(row.sequence)];
    if (row.position != expected) {
      return fatal(invalid_request(fmt::format("sequence {} goes on at position {}, but the batch gives {}",
                                               row.sequence, expected, row.position),
                                   "Give the positions of a sequence without gaps."));
    }
    if (static_cast<std::uint32_t>(row.position) >= context_tokens_) {
      return failure(DecodeStatus::NoSlot, {ErrorCode::ContextOverflow,
                                            fmt::format("position {} is beyond the context of {} tokens",
                                                        row.position, context_tokens_),
                                            "Use a larger context (-c N)."});
    }
    ++expected;
  }
  return std::nullopt;
}

// As many rows as ask for no more logits than llama.cpp gives in one call.
std::size_t LlamaContext::rows_of_next_part(std::span<const BatchRow> rest) const noexcept {
  std::uint32_t wanted = 0;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    wanted += rest[i].output == RowOutput::Logits ? 1 : 0;
    if (wanted > outputs_max_) return i;
  }
  return rest.size();
}

DecodeResult LlamaContext::decode(std::span<const BatchRow> batch, std::stop_token stop) {
  outputs_.assign(batch.size(), {});
  if (batch.empty()) return {};
  if (const Error* error = model_->poisoned()) return failure(DecodeStatus::Fatal, *error);
  if (broken_) return failure(DecodeStatus::Fatal, *broken_);
  if (auto refused = refuse(batch)) return *std::move(refused);

  stop_ = std::move(stop);
  DecodeResult result;
  std::size_t done = 0;
  while (done < batch.size() && result.status == DecodeStatus::Ok) {
    const auto rows = batch.subspan(done, rows_of_next_part(batch.subspan(done)));
    result = decode_part(rows);
    if (result.status == DecodeStatus::Ok) take_outputs(rows, done, rows.size() == batch.size());
    // With an earlier part done, "nothing was changed" would not be true.
    if (result.status == DecodeStatus::NoSlot && done > 0) {
      for (const BatchRow& row : batch) release(row.sequence);
    }
    done += rows.size();
  }
  stop_ = {};
  // Weights that were lost or overwritten meanwhile made nonsense of it.
  if (const Error* error = model_->poisoned()) return failure(DecodeStatus::Fatal, *error);
  return result;
}

DecodeResult LlamaContext::decode_part(std::span<const BatchRow> rows) {
  batch_.assign(rows);
  std::optional<std::int32_t> code;
  auto decoded = [&] {
    const std::lock_guard lock(pool_->mutex());
    return guard_llama("compute", [&] {
      code = llama_decode(context_.get(), batch_.view());
      if (*code == 0) llama_synchronize(context_.get());
      return *code >= 0;
    });
  }();
  if (!decoded && !code) {  // an assertion or a fault
    broken_ = decoded.error();
    return failure(DecodeStatus::Fatal, *broken_);
  }
  if (!decoded) {
    believe_memory(rows);
    return failure(DecodeStatus::Fatal, std::move(decoded).error());
  }
  switch (*code) {
    case 0:
      for (const BatchRow& row : rows) lengths_[static_cast<std::size_t>(row.sequence)] = row.position + 1;
      return {};
    case 1:
      return failure(DecodeStatus::NoSlot, {ErrorCode::ContextOverflow,
                                            fmt::format("the context of {} tokens has no room for {} more",
                                                        context_tokens_, rows.size()),
                                            "Use a larger context (-c N), or fewer sequences at a time."});
    default:
      believe_memory(rows);
      return failure(DecodeStatus::Aborted,
                     {ErrorCode::Cancelled, "the computation was cancelled", "Ask again."});
  }
}

// After a computation that ended early, a sequence holds what llama.cpp says it holds; of a recurrent state
// nobody knows which rows it has seen.
void LlamaContext::believe_memory(std::span<const BatchRow> rows) {
  for (const BatchRow& row : rows) {
    if (model_->memory_traits().recurrent) {
      release(row.sequence);
    } else {
      lengths_[static_cast<std::size_t>(row.sequence)] = llama_memory_seq_pos_max(memory_, row.sequence) + 1;
    }
  }
}

void LlamaContext::take_outputs(std::span<const BatchRow> rows, std::size_t first_row, bool only_part) {
  const std::size_t width = model_->info().vocabulary_size;
  if (!only_part && first_row == 0) {
    kept_outputs_.clear();
    // All at once: the spans point into it.
    kept_outputs_.reserve(width * outputs_.size());
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].output != RowOutput::Logits) continue;
    const float* const logits = llama_get_logits_ith(context_.get(), static_cast<std::int32_t>(i));
    if (logits == nullptr) continue;
    if (only_part) {
      outputs_[first_row + i] = {logits, width};
    } else {
      kept_outputs_.insert(kept_outputs_.end(), logits, logits + width);
      outputs_[first_row + i] = std::span(kept_outputs_).last(width);
    }
  }
}

std::span<const float> LlamaContext::outputs(std::size_t row) const {
  return row < outputs_.size() ? outputs_[row] : std::span<const float>{};
}

Position LlamaContext::length(SequenceId sequence) const {
  return is_valid(sequence) ? lengths_[static_cast<std::size_t>(sequence)] : 0;
}

// llama.cpp chooses rotary factors by the context's size: no plan of a sequence changes what was computed.
Position LlamaContext::reusable_prefix(SequenceId sequence, Position position,
                                       Position /*planned_length*/) const {
  const Position end = length(sequence);
  const Position wanted = std::min(position, end);
  if (wanted <= 0) return 0;
  if (wanted == end) return end;
  if (broken_) return 0;
  const MemoryTraits& traits = model_->memory_traits();
  if (traits.recurrent || !traits.partial_removal) return 0;
  // A row at `wanted` looks back over the window, itself included; what is older may be gone.
  const auto window = static_cast<Position>(traits.sliding_window);
  const Position oldest_needed = window > 0 ? std::max(wanted - window + 1, 0) : 0;
  return llama_memory_seq_pos_min(memory_, sequence) <= oldest_needed ? wanted : 0;
}

Result<void> LlamaContext::truncate(SequenceId sequence, Position position, Position planned_length) {
  MINERVA_TRY(check_sequence(sequence));
  if (position < 0 || position > length(sequence) ||
      reusable_prefix(sequence, position, planned_length) != position) {
    return invalid_request(
        fmt::format("sequence {} of {} tokens cannot go back to {}", sequence, length(sequence), position),
        "Go back to what reusable_prefix allows.");
  }
  if (position == 0) {
    release(sequence);
    return {};
  }
  if (position == length(sequence)) return {};
  if (!llama_memory_seq_rm(memory_, sequence, position, -1)) {
    release(sequence);
    return internal_error(fmt::format("llama.cpp refused to truncate a sequence to {}", position));
  }
  lengths_[static_cast<std::size_t>(sequence)] = position;
  return {};
}

Result<void> LlamaContext::copy(SequenceId from, SequenceId to, Position length_wanted,
                                Position planned_length) {
  MINERVA_TRY(check_sequence(from));
  MINERVA_TRY(check_sequence(to));
  if (broken_) return std::unexpected(*broken_);
  if (from == to) return truncate(from, length_wanted, planned_length);
  if (length_wanted < 0 || length_wanted > length(from) ||
      reusable_prefix(from, length_wanted, planned_length) != length_wanted) {
    return invalid_request(fmt::format("{} tokens cannot be copied from sequence {}, which has {}",
                                       length_wanted, from, length(from)),
                           "Copy what reusable_prefix allows.");
  }
  release(to);
  if (length_wanted == 0) return {};
  // A recurrent state is copied whole: -1, -1.
  const bool whole = length_wanted == length(from);
  llama_memory_seq_cp(memory_, from, to, whole ? -1 : 0, whole ? -1 : length_wanted);
  lengths_[static_cast<std::size_t>(to)] = length_wanted;
  return {};
}

Result<SequenceSnapshot> LlamaContext::snapshot(SequenceId sequence) const {
  MINERVA_TRY(check_sequence(sequence));
  if (broken_) return std::unexpected(*broken_);
  SequenceSnapshot snapshot{.bytes = {}, .length = length(sequence)};
  if (snapshot.length == 0) return snapshot;
  MINERVA_TRY(guard_llama("save a sequence", [&] {
    snapshot.bytes.resize(llama_state_seq_get_size(context_.get(), sequence));
    const std::size_t written =
        llama_state_seq_get_data(context_.get(), reinterpret_cast<std::uint8_t*>(snapshot.bytes.data()),
                                 snapshot.bytes.size(), sequence);
    if (written == 0) return false;
    snapshot.bytes.resize(written);
    return true;
  }));
  return snapshot;
}

Result<void> LlamaContext::restore(SequenceId sequence, const SequenceSnapshot& snapshot) {
  MINERVA_TRY(check_sequence(sequence));
  if (snapshot.length < 0 || static_cast<std::uint32_t>(snapshot.length) > context_tokens_) {
    return fail(ErrorCode::ContextOverflow,
                fmt::format("a saved sequence of {} tokens does not fit into a context of {}",
                            snapshot.length, context_tokens_),
                "Use a larger context (-c N).");
  }
  if (broken_) return std::unexpected(*broken_);
  release(sequence);
  if (snapshot.length == 0) return {};
  auto restored = guard_llama("restore a sequence", [&] {
    return llama_state_seq_set_data(context_.get(),
                                    reinterpret_cast<const std::uint8_t*>(snapshot.bytes.data()),
                                    snapshot.bytes.size(), sequence) > 0;
  });
  const bool whole = restored && llama_memory_seq_pos_max(memory_, sequence) + 1 == snapshot.length;
  if (!whole) {
    release(sequence);
    return fail(
        ErrorCode::ContextOverflow,
        fmt::format("a saved sequence of {} tokens cannot be restored: the context has no room for it, or "
                    "it was saved by another kind of context",
                    snapshot.length),
        "Compute the sequence again.");
  }
  lengths_[static_cast<std::size_t>(sequence)] = snapshot.length;
  return {};
}

std::uint64_t LlamaContext::state_bytes(SequenceId sequence) const {
  if (length(sequence) == 0 || broken_) return 0;
  return llama_state_seq_get_size(context_.get(), sequence);
}

void LlamaContext::release(SequenceId sequence) {
  if (!is_valid(sequence)) return;
  if (!broken_) llama_memory_seq_rm(memory_, sequence, -1, -1);
  lengths_[static_cast<std::size_t>(sequence)] = 0;
}

}  // namespace minerva
