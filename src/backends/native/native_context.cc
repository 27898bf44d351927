#include "backends/native/native_context.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

namespace minerva {
namespace {

std::uint32_t plan(Position planned_length) {
  return static_cast<std::uint32_t>(std::max(planned_length, Position{0}));
}

DecodeResult refused(DecodeStatus status, Error error) {
  return {status, std::move(error)};
}

}  // namespace

NativeContext::NativeContext(std::shared_ptr<NativeModel> model, const ContextOptions& options)
    : model_(std::move(model)),
      options_(options),
      compute_(NativeCompute::shared(options.threads)),
      forward_(model_->spec(), model_->weights(), compute_->kernels(), model_->mode()),
      sequences_(options.sequences_max) {
  if (options_.context_tokens == 0) options_.context_tokens = model_->info().context_length;
}

native::SequenceState* NativeContext::find(SequenceId sequence) const noexcept {
  if (sequence < 0 || static_cast<std::size_t>(sequence) >= sequences_.size()) return nullptr;
  return sequences_[static_cast<std::size_t>(sequence)].get();
}

Result<void> NativeContext::check_sequence(SequenceId sequence) const {
  if (sequence >= 0 && static_cast<std::size_t>(sequence) < sequences_.size()) return {};
  return invalid_request(
      fmt::format("sequence {} is outside of the context's {}", sequence, sequences_.size()),
      "Open the context for more sequences.");
}

Result<void> NativeContext::begin(SequenceId sequence, Position planned_length) {
  MINERVA_TRY(check_sequence(sequence));
  sequences_[static_cast<std::size_t>(sequence)] =
      std::make_unique<native::SequenceState>(model_->spec(), model_->kv_type(), plan(planned_length));
  return {};
}

bool NativeContext::has_room(std::size_t rows) const noexcept {
  std::uint64_t used = rows;
  for (const auto& sequence : sequences_) {
    if (sequence != nullptr) used += static_cast<std::uint64_t>(sequence->cache.length());
  }
  return used <= options_.context_tokens;
}

Result<std::vector<native::ForwardRow>> NativeContext::prepare(std::span<const BatchRow> batch) {
  std::vector<native::ForwardRow> rows;
  std::map<native::SequenceState*, std::int64_t> added;
  const auto& spec = model_->spec();
  for (const BatchRow& row : batch) {
    MINERVA_TRY(check_sequence(row.sequence));
    if (find(row.sequence) == nullptr)
      MINERVA_TRY(begin(row.sequence, static_cast<Position>(options_.context_tokens)));
    native::SequenceState* sequence = find(row.sequence);
    const std::int64_t expected = sequence->cache.length() + added[sequence];
    if (row.position != expected) {
      return internal_error(fmt::format("sequence {} goes on at position {}, but a row has {}", row.sequence,
                                        expected, row.position));
    }
    if (spec.positions == native::PositionKind::Learned &&
        row.position >= std::int64_t{spec.context_length}) {
      return fail(ErrorCode::ContextOverflow,
                  fmt::format("position {} lies beyond the {} that the model has learned", row.position,
                              spec.context_length),
                  "Use a shorter conversation, or another model: this one can't be given a larger context.");
    }
    native::ForwardRow prepared{.sequence = sequence,
                                .position = row.position,
                                .wants_logits = row.output == RowOutput::Logits,
                                .wants_hidden = row.output == RowOutput::HiddenState};
    if (const auto* token = std::get_if<TokenId>(&row.input)) {
      if (*token < 0 || *token >= spec.vocabulary) {
        return invalid_request(
            fmt::format("token {} is outside of the vocabulary of {}", *token, spec.vocabulary),
            "Give ids that `minerva tokenize` with this model gives.");
      }
      prepared.token = *token;
    } else {
      const auto embedding = std::get<std::span<const float>>(row.input);
      if (embedding.size() != static_cast<std::size_t>(spec.hidden)) {
        return invalid_request(
            fmt::format("an embedding has {} elements where the model has {}", embedding.size(), spec.hidden),
            "Give vectors of the model's hidden size.");
      }
      prepared.embedding = embedding.data();
    }
    ++added[sequence];
    rows.push_back(prepared);
  }
  for (const auto& [sequence, count] : added) MINERVA_TRY(sequence->cache.reserve(count));
  return rows;
}

DecodeResult NativeContext::decode(std::span<const BatchRow> batch, std::stop_token stop) {
  if (batch.empty()) return {};
  if (batch.size() > options_.batch_tokens) {
    return refused(DecodeStatus::Fatal,
                   internal_error(fmt::format("a batch of {} rows, but the context was opened for {}",
                                              batch.size(), options_.batch_tokens))
                       .error());
  }
  if (!has_room(batch.size())) {
    return refused(
        DecodeStatus::NoSlot,
        {ErrorCode::ContextOverflow, fmt::format("the context of {} tokens is full", options_.context_tokens),
         "Use a larger context (-c N), or a shorter conversation."});
  }
  auto rows = prepare(batch);
  if (!rows) return refused(DecodeStatus::Fatal, std::move(rows).error());
  const auto lock = compute_->acquire();
  if (!forward_.run(*rows, stop)) {
    return refused(DecodeStatus::Aborted,
                   {ErrorCode::Cancelled, "the computation was cancelled", "Ask again."});
  }
  return {};
}

Position NativeContext::length(SequenceId sequence) const {
  const auto* state = find(sequence);
  return state == nullptr ? 0 : static_cast<Position>(state->cache.length());
}

Position NativeContext::reusable_prefix(SequenceId sequence, Position position,
                                        Position planned_length) const {
  const auto* state = find(sequence);
  if (state == nullptr || !state->same_rotation(model_->spec(), plan(planned_length))) return 0;
  return static_cast<Position>(state->cache.reusable_prefix(position));
}

Result<void> NativeContext::truncate(SequenceId sequence, Position position, Position planned_length) {
  MINERVA_TRY(check_sequence(sequence));
  if (position < 0 || reusable_prefix(sequence, position, planned_length) != position) {
    return invalid_request(fmt::format("sequence {} can't go back to position {} to become {} long", sequence,
                                       position, planned_length),
                           "Ask reusable_prefix, or begin again.");
  }
  if (position == 0) return begin(sequence, planned_length);
  auto* state = find(sequence);
  state->cache.truncate(position);
  state->planned_length = plan(planned_length);  // of the same rotation: its tables stay
  return {};
}

Result<void> NativeContext::copy(SequenceId from, SequenceId to, Position length, Position planned_length) {
  MINERVA_TRY(check_sequence(from));
  MINERVA_TRY(check_sequence(to));
  if (from == to || length < 0 || reusable_prefix(from, length, planned_length) != length) {
    return invalid_request(
        fmt::format("sequence {} can't give its first {} positions to {}, to become {} long", from, length,
                    to, planned_length),
        "Ask reusable_prefix, or begin again.");
  }
  release(to);
  if (!has_room(static_cast<std::size_t>(length))) {
    return fail(ErrorCode::ContextOverflow,
                fmt::format("the context of {} tokens is full", options_.context_tokens),
                "Use a larger context (-c N).");
  }
  MINERVA_TRY(begin(to, planned_length));
  return length == 0 ? Result<void>{} : find(to)->cache.copy_from(find(from)->cache, length);
}

Result<SequenceSnapshot> NativeContext::snapshot(SequenceId sequence) const {
  MINERVA_TRY(check_sequence(sequence));
  const auto* state = find(sequence);
  if (state == nullptr) return SequenceSnapshot{};
  SequenceSnapshot snapshot{.bytes = state->cache.save(),
                            .length = static_cast<Position>(state->cache.length())};
  const auto* planned = reinterpret_cast<const std::byte*>(&state->planned_length);
  snapshot.bytes.insert(snapshot.bytes.end(), planned, planned + sizeof state->planned_length);
  return snapshot;
}

Result<void> NativeContext::restore(SequenceId sequence, const SequenceSnapshot& snapshot) {
  MINERVA_TRY(check_sequence(sequence));
  release(sequence);
  if (snapshot.bytes.empty()) return {};
  std::uint32_t planned = 0;
  if (snapshot.bytes.size() < sizeof planned) {
    return invalid_request("the snapshot is damaged", "Take a new snapshot.");
  }
  std::vector<std::byte> saved(snapshot.bytes.begin(), snapshot.bytes.end() - sizeof planned);
  std::memcpy(&planned, snapshot.bytes.data() + saved.size(), sizeof planned);
  MINERVA_TRY(begin(sequence, static_cast<Position>(planned)));
  return find(sequence)->cache.load(saved);
}

std::uint64_t NativeContext::state_bytes(SequenceId sequence) const {
  const auto* state = find(sequence);
  return state == nullptr ? 0 : state->cache.bytes();
}

void NativeContext::release(SequenceId sequence) {
  if (find(sequence) != nullptr) sequences_[static_cast<std::size_t>(sequence)].reset();
}

std::uint64_t NativeContext::kv_bytes() const noexcept {
  std::uint64_t total = 0;
  for (const auto& sequence : sequences_) {
    if (sequence != nullptr) total += sequence->cache.bytes();
  }
  return total;
}

}  // namespace minerva
