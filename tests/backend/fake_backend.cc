#include "backend/fake_backend.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <set>
#include <thread>

namespace minerva::testing {
namespace {

constexpr std::size_t kVocabulary = 258;
constexpr std::chrono::microseconds kNap{500};

// The token that follows `tokens`.
TokenId next_token(const FakeBehaviour& behaviour, const std::vector<TokenId>& tokens) {
  const auto prompt_end = std::find(tokens.rbegin(), tokens.rend(), TokenId{'>'});
  const auto said = static_cast<std::size_t>(prompt_end - tokens.rbegin());
  if (said >= behaviour.script.size()) return FakeTokenizer::kEnd;
  return static_cast<unsigned char>(behaviour.script[said]);
}

class FakeContext : public Context {
 public:
  FakeContext(std::shared_ptr<FakeBehaviour> behaviour, ContextOptions options)
      : behaviour_(std::move(behaviour)), options_(options) {
    ++behaviour_->contexts;
  }
  Result<void> begin(SequenceId sequence, Position planned_length) override {
    sequences_[sequence].clear();
    plans_[sequence] = planned_length;
    return {};
  }
  DecodeResult decode(std::span<const BatchRow> batch, std::stop_token stop) override {
    const int call = behaviour_->decodes++;
    if (stop.stop_requested()) return failed(DecodeStatus::Aborted, "aborted");
    if (call == behaviour_->fail_decode_at) return failed(DecodeStatus::Fatal, "the fake model broke");
    for (auto left = behaviour_->decode_time + behaviour_->row_time * static_cast<std::int64_t>(batch.size());
         left.count() > 0; left -= kNap) {
      std::this_thread::sleep_for(kNap);
      if (stop.stop_requested()) return failed(DecodeStatus::Aborted, "aborted");
    }
    std::set<SequenceId> sequences;
    for (const BatchRow& row : batch) {
      sequences.insert(row.sequence);
      if (std::get<TokenId>(row.input) == behaviour_->poison_token)
        return failed(DecodeStatus::Fatal, "the token is poison");
    }
    behaviour_->sequences_at_once = std::max(behaviour_->sequences_at_once.load(), sequences.size());
    if (behaviour_->throws) throw std::bad_alloc();
    std::size_t held = batch.size();
    for (const auto& [sequence, tokens] : sequences_) held += tokens.size();
    if (behaviour_->cells_max > 0 && held > behaviour_->cells_max)
      return failed(DecodeStatus::NoSlot, "no cell");
    if (call == behaviour_->no_slot_at) return failed(DecodeStatus::NoSlot, "no slot");
    outputs_.assign(batch.size(), {});
    for (std::size_t row = 0; row < batch.size(); ++row) {
      auto& tokens = sequences_[batch[row].sequence];
      if (batch[row].position != static_cast<Position>(tokens.size())) {
        return failed(DecodeStatus::Fatal, "positions do not go on");
      }
      if (batch[row].position >= plan(batch[row].sequence))
        return failed(DecodeStatus::Fatal, "beyond the plan");
      tokens.push_back(std::get<TokenId>(batch[row].input));
      ++behaviour_->rows;
      if (batch[row].output != RowOutput::Logits) continue;
      outputs_[row].assign(kVocabulary, 0.0F);
      outputs_[row][static_cast<std::size_t>(next_token(*behaviour_, tokens))] = 10.0F;
    }
    return {};
  }
  std::span<const float> outputs(std::size_t row) const override { return outputs_.at(row); }
  Position length(SequenceId sequence) const override {
    const auto found = sequences_.find(sequence);
    return found == sequences_.end() ? 0 : static_cast<Position>(found->second.size());
  }
  Position reusable_prefix(SequenceId sequence, Position position, Position planned_length) const override {
    if (is_long(planned_length) != is_long(plan(sequence))) return 0;
    const Position held = length(sequence);
    const Position wanted = std::min(position, held);
    if (behaviour_->reuse_window >= 0 && held - wanted > behaviour_->reuse_window) return 0;
    return wanted;
  }
  Result<void> truncate(SequenceId sequence, Position position, Position planned_length) override {
    if (reusable_prefix(sequence, position, planned_length) != position)
      return invalid_request("can't go back there", "Start again.");
    plans_[sequence] = planned_length;
    sequences_[sequence].resize(static_cast<std::size_t>(position));
    return {};
  }
  Result<void> copy(SequenceId from, SequenceId to, Position length, Position planned_length) override {
    plans_[to] = planned_length;
    auto tokens = sequences_[from];
    tokens.resize(static_cast<std::size_t>(length));
    sequences_[to] = std::move(tokens);
    return {};
  }
  Result<SequenceSnapshot> snapshot(SequenceId sequence) const override {
    if (!behaviour_->snapshots) return invalid_request("no snapshots", "None.");
    const auto found = sequences_.find(sequence);
    SequenceSnapshot snapshot{.bytes = {}, .length = length(sequence)};
    if (found == sequences_.end()) return snapshot;
    const auto bytes = std::as_bytes(std::span(found->second));
    snapshot.bytes.assign(bytes.begin(), bytes.end());
    return snapshot;
  }
  Result<void> restore(SequenceId sequence, const SequenceSnapshot& snapshot) override {
    if (!behaviour_->snapshots) return invalid_request("no snapshots", "None.");
    auto& tokens = sequences_[sequence];
    tokens.resize(snapshot.bytes.size() / sizeof(TokenId));
    std::memcpy(tokens.data(), snapshot.bytes.data(), snapshot.bytes.size());
    plans_[sequence] = static_cast<Position>(options_.context_tokens);
    return {};
  }
  std::uint64_t state_bytes(SequenceId sequence) const override {
    return static_cast<std::uint64_t>(length(sequence)) * behaviour_->kv_bytes_per_token;
  }
  void release(SequenceId sequence) override { sequences_.erase(sequence); }
  std::uint32_t context_tokens() const noexcept override { return options_.context_tokens; }
  std::uint32_t sequences_max() const noexcept override { return options_.sequences_max; }
  std::uint32_t batch_tokens() const noexcept override { return options_.batch_tokens; }
  std::uint64_t kv_bytes() const noexcept override {
    return options_.context_tokens * behaviour_->kv_bytes_per_token;
  }

 private:
  static DecodeResult failed(DecodeStatus status, const char* message) {
    return {status, {ErrorCode::Internal, message, "None."}};
  }
  Position plan(SequenceId sequence) const {
    const auto found = plans_.find(sequence);
    return found == plans_.end() ? 0 : found->second;
  }
  bool is_long(Position planned_length) const {
    return behaviour_->plan_border >= 0 && planned_length > behaviour_->plan_border;
  }
  std::shared_ptr<FakeBehaviour> behaviour_;
  ContextOptions options_;
  std::map<SequenceId, std::vector<TokenId>> sequences_;
  std::map<SequenceId, Position> plans_;
  std::vector<std::vector<float>> outputs_;
};

class FakeModel : public Model {
 public:
  FakeModel(std::shared_ptr<FakeBehaviour> behaviour, const ModelDescription& description)
      : behaviour_(std::move(behaviour)) {
    info_.vocabulary_size = kVocabulary;
    info_.context_length = description.context_length;
    info_.weights_bytes = behaviour_->weights_bytes;
    info_.numeric_mode = "fake";
    ++behaviour_->models;
  }
  ~FakeModel() override { --behaviour_->models; }
  FakeModel(const FakeModel&) = delete;
  FakeModel& operator=(const FakeModel&) = delete;
  const ModelInfo& info() const noexcept override { return info_; }
  Result<std::unique_ptr<Context>> new_context(const ContextOptions& options) override {
    return std::make_unique<FakeContext>(behaviour_, options);
  }
  MemoryNeed memory_needed(const ContextOptions& context) const noexcept override {
    return behaviour_->memory_needed(context);
  }
  std::shared_ptr<const Tokenizer> vocabulary() const override { return std::make_shared<FakeTokenizer>(); }
  const Error* poisoned() const noexcept override { return behaviour_->poisoned ? &poison_ : nullptr; }

 private:
  std::shared_ptr<FakeBehaviour> behaviour_;
  ModelInfo info_;
  Error poison_{ErrorCode::ModelLoading, "the file changed", "Load it again."};
};

class FakeBackend : public InferenceBackend {
 public:
  explicit FakeBackend(std::shared_ptr<FakeBehaviour> behaviour) : behaviour_(std::move(behaviour)) {}
  std::string_view name() const noexcept override { return behaviour_->name; }
  std::string version() const override { return "fake"; }
  BackendCapabilities capabilities() const noexcept override {
    return {.numeric_modes = behaviour_->numeric_modes, .snapshots = behaviour_->snapshots};
  }
  SupportAnswer supports(const ModelDescription&) const override { return behaviour_->support; }
  Result<MemoryNeed> memory_needed(const ModelDescription&, const LoadOptions&,
                                   const ContextOptions& context) const override {
    return behaviour_->memory_needed(context);
  }
  Result<std::shared_ptr<Model>> load(const ModelDescription& description, const LoadOptions&,
                                      const LoadProgress& progress) override {
    const int call = behaviour_->loads++;
    if (behaviour_->on_load) behaviour_->on_load(progress, call);
    if (behaviour_->throws) throw std::bad_alloc();
    if (behaviour_->fail_load) return model_loading("the fake file is broken", kDownloadAgain);
    if (progress && !progress(0.5F))
      return fail(ErrorCode::Cancelled, "loading was cancelled", "Load it again.");
    return std::make_shared<FakeModel>(behaviour_, description);
  }

 private:
  std::shared_ptr<FakeBehaviour> behaviour_;
};

}  // namespace

Result<std::vector<TokenId>> FakeTokenizer::encode(std::string_view text, EncodeOptions options) const {
  std::vector<TokenId> ids;
  if (options.add_special) ids.push_back(kBos);
  for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
  return ids;
}

Result<std::string> FakeTokenizer::decode(std::span<const TokenId> ids, bool skip_special) const {
  std::string text;
  for (const TokenId id : ids) text += token_bytes(id, !skip_special);
  return text;
}

std::string FakeTokenizer::token_bytes(TokenId id, bool render_special) const {
  if (id == kBos) return render_special ? bos_text() : "";
  if (id == kEnd) return render_special ? eos_text() : "";
  return {static_cast<char>(id)};
}

std::shared_ptr<InferenceBackend> make_fake_backend(std::shared_ptr<FakeBehaviour> behaviour) {
  return std::make_shared<FakeBackend>(std::move(behaviour));
}

}  // namespace minerva::testing
