#include "text/grammar/matcher.h"

#include <algorithm>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "text/grammar/recognizer.h"
#include "text/grammar/token_masks.h"

namespace minerva::grammar {
namespace {

std::unexpected<Error> too_slow() {
  return invalid_request(
      "the constraint can be read in too many ways to choose the next token in time",
      "Simplify it: no repetition of what may be empty, no two repetitions that can take the "
      "same text.");
}

// What was found out about a grammar so far.
struct Memo {
  Memo(const TokenTrie& trie, const Network& network)
      : recognizer(network), masks(trie, network, recognizer) {}
  std::size_t bytes() const noexcept { return recognizer.bytes() + masks.bytes(); }

  Recognizer recognizer;
  TokenMasks masks;
};

struct Shared {
  Network network;
  std::shared_ptr<const TokenTrie> trie;
  std::shared_ptr<const Tokenizer> tokenizer;
  std::mutex mutex;            // guards what follows, and every memo
  std::shared_ptr<Memo> memo;  // another one when it has grown too large
};

class Matcher final : public GrammarMatcher {
 public:
  explicit Matcher(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), mask_(shared_->trie->mask_words()) {
    const std::scoped_lock lock(shared_->mutex);
    memo_ = shared_->memo;
    config_ = memo_->recognizer.start();
    Budget budget{.work = limits::kGrammarStepWorkMax};
    may_end_ = memo_->recognizer.accepts(config_, budget);
  }

  Result<void> fill_mask(std::span<std::uint32_t> mask) override {
    MINERVA_TRY(find_mask());
    const std::size_t words = std::min(mask.size(), mask_.size());
    std::ranges::copy(std::span(mask_).first(words), mask.begin());
    std::ranges::fill(mask.subspan(words), 0U);
    return {};
  }

  Result<void> accept(TokenId id) override {
    const std::scoped_lock lock(shared_->mutex);
    MINERVA_TRY(renew_memo());
    const Tokenizer& tokenizer = *shared_->tokenizer;
    const bool known = id >= 0 && static_cast<std::size_t>(id) <
                                      std::min(shared_->trie->vocabulary_size(), tokenizer.vocabulary_size());
    const bool is_end = known && tokenizer.is_end_of_generation(id);
    if (is_end && may_end_ && !ended_) {
      ended_ = true;
      is_fresh_ = false;
      return {};
    }
    const bool is_text = known && !is_end && !ended_ && !tokenizer.is_special(id);
    const std::string bytes = is_text ? tokenizer.token_bytes(id) : "";
    Budget budget{.work = limits::kGrammarStepWorkMax};
    ConfigId next = bytes.empty() ? Recognizer::kDead : config_;
    for (const char byte : bytes)
      next = memo_->recognizer.step(next, static_cast<std::uint8_t>(byte), budget);
    const bool may_end = memo_->recognizer.accepts(next, budget);
    if (budget.exhausted()) return too_slow();
    if (next == Recognizer::kDead)
      return internal_error("a token that the grammar does not allow was chosen");
    config_ = next;
    may_end_ = may_end;
    is_fresh_ = false;
    return {};
  }

  bool may_end() const override { return may_end_; }

  bool must_end() override {
    if (!may_end_ || ended_) return ended_;
    return find_mask().has_value() && !goes_on_;
  }

 private:
  // The mask of the present place.
  Result<void> find_mask() {
    if (is_fresh_) return {};
    std::ranges::fill(mask_, 0U);
    goes_on_ = false;
    if (!ended_) {
      const std::scoped_lock lock(shared_->mutex);
      MINERVA_TRY(renew_memo());
      Budget budget{.work = limits::kGrammarStepWorkMax};
      if (!memo_->masks.fill(config_, mask_, budget)) return too_slow();
      goes_on_ = std::ranges::any_of(mask_, [](std::uint32_t word) { return word != 0; });
      if (may_end_) {
        for (const TokenId id : shared_->trie->ends_of_generation())
          mask_[static_cast<std::size_t>(id) / 32] |= 1U << (static_cast<std::uint32_t>(id) % 32);
      }
    }
    is_fresh_ = true;
    return {};
  }

  // Goes over to a new memo when the old one has become too large. Needs the lock.
  Result<void> renew_memo() {
    const auto make = [this] { return std::make_shared<Memo>(*shared_->trie, shared_->network); };
    if (shared_->memo->bytes() > limits::kGrammarMemoBytesMax) shared_->memo = make();
    if (memo_ == shared_->memo) return {};
    const std::size_t before = shared_->memo->bytes();
    config_ = shared_->memo->recognizer.adopt(memo_->recognizer, config_);
    memo_ = shared_->memo;
    // What this one answer needs must leave room, or the next token would need another memo.
    if (memo_->bytes() - before <= limits::kGrammarMemoBytesMax / 2) return {};
    shared_->memo = make();
    return invalid_request(
        "following the answer takes too much memory: it is nested too deeply, or can be read in "
        "too many ways",
        "Bound the depth and the repetitions of what the constraint allows.");
  }

  std::shared_ptr<Shared> shared_;
  std::shared_ptr<Memo> memo_;
  ConfigId config_ = Recognizer::kDead;
  bool may_end_ = false;
  bool ended_ = false;  // an end-of-generation token was accepted
  std::vector<std::uint32_t> mask_;
  bool is_fresh_ = false;  // mask_ and goes_on_ are of the present place
  bool goes_on_ = false;
};

class Compiled final : public CompiledGrammar {
 public:
  explicit Compiled(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  std::unique_ptr<GrammarMatcher> matcher() const override { return std::make_unique<Matcher>(shared_); }

 private:
  std::shared_ptr<Shared> shared_;
};

}  // namespace

Result<std::shared_ptr<const CompiledGrammar>> make_compiled(Network network,
                                                             std::shared_ptr<const TokenTrie> trie,
                                                             std::shared_ptr<const Tokenizer> tokenizer) {
  auto shared = std::make_shared<Shared>();
  shared->network = std::move(network);
  shared->trie = std::move(trie);
  shared->tokenizer = std::move(tokenizer);
  shared->memo = std::make_shared<Memo>(*shared->trie, shared->network);
  std::vector<std::uint32_t> mask(shared->trie->mask_words());
  MINERVA_TRY(Matcher(shared).fill_mask(mask));
  return std::make_shared<const Compiled>(std::move(shared));
}

}  // namespace minerva::grammar
