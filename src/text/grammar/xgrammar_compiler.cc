// The adapter to XGrammar: the only file that includes its headers.
#include <fmt/format.h>
#include <time.h>
#include <xgrammar/xgrammar.h>

#include <algorithm>
#include <exception>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/log.h"
#include "text/grammar/constraint.h"
#include "text/grammar/grammar.h"

namespace minerva {
namespace {

// Calls into XGrammar; its exceptions (all derive from std::exception) become errors.
template <class Call>
auto guarded(const char* what, Call call) -> Result<decltype(call())> {
  try {
    return call();
  } catch (const std::exception& e) {
    return internal_error(std::string(what) + ": " + e.what());
  }
}

// Processor time of this thread: others must not make a grammar seem slow.
double thread_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// XGrammar follows every way in which a text can be read. Where there are too many, a mask takes minutes, and
// all requests of the model would wait for it.
constexpr double kMaskSecondsMax = 2;

std::unexpected<Error> too_slow(double seconds) {
  return invalid_request(
      fmt::format("the constraint can be read in too many ways: to choose one token takes {:.1f} s", seconds),
      "Simplify it: no repetition of what may be empty, no two repetitions that can take the same text.");
}

class Matcher : public GrammarMatcher {
 public:
  Matcher(const xgrammar::CompiledGrammar& compiled, std::vector<std::int32_t> stops, std::size_t words)
      : matcher_(compiled), stops_(std::move(stops)), mask_(words) {}

  void fill_mask(std::span<std::uint32_t> mask) override {
    compute_mask();
    std::ranges::copy(std::span(mask_).first(std::min(mask.size(), mask_.size())), mask.begin());
    std::ranges::fill(mask.subspan(std::min(mask.size(), mask_.size())), 0U);
  }

  Result<void> accept(TokenId id) override {
    if (mask_seconds_ > kMaskSecondsMax) return too_slow(mask_seconds_);
    fresh_ = false;
    const auto accepted = guarded("advancing a grammar", [&] { return matcher_.AcceptToken(id); });
    if (!accepted) return std::unexpected(accepted.error());
    if (!*accepted) return internal_error("a token that the grammar does not allow was chosen");
    return {};
  }

  /// What the mask of the present state takes.
  double mask_seconds() const {
    compute_mask();
    return mask_seconds_;
  }

  bool may_end() const override { return matcher_.IsTerminated() || matcher_.IsCompleted(); }

  bool must_end() const override {
    if (!may_end()) return false;
    compute_mask();
    std::vector<std::uint32_t> rest = mask_;
    for (const std::int32_t id : stops_)
      rest[static_cast<std::size_t>(id) / 32] &= ~(1U << (static_cast<std::uint32_t>(id) % 32));
    return std::ranges::all_of(rest, [](std::uint32_t word) { return word == 0; });
  }

 private:
  // When XGrammar fails, nothing is allowed, which the sampler reports.
  void compute_mask() const {
    if (fresh_) return;
    std::ranges::fill(mask_, 0U);
    fresh_ = true;
    if (matcher_.IsTerminated()) return;
    auto shape = static_cast<std::int64_t>(mask_.size());
    DLTensor tensor{.data = mask_.data(),
                    .device = {.device_type = kDLCPU, .device_id = 0},
                    .ndim = 1,
                    .dtype = xgrammar::GetBitmaskDLType(),
                    .shape = &shape,
                    .strides = nullptr,
                    .byte_offset = 0};
    const double start = thread_seconds();
    // It reports false when every token is allowed; the mask is filled either way.
    const auto filled =
        guarded("filling a grammar's mask", [&] { return matcher_.FillNextTokenBitmask(&tensor); });
    mask_seconds_ = thread_seconds() - start;
    if (filled) return;
    std::ranges::fill(mask_, 0U);
    log().error("{}", filled.error().message);
  }

  mutable xgrammar::GrammarMatcher matcher_;
  std::vector<std::int32_t> stops_;
  mutable std::vector<std::uint32_t> mask_;
  mutable bool fresh_ = false;  // mask_ is for the present state
  mutable double mask_seconds_ = 0;
};

class Compiled : public CompiledGrammar {
 public:
  Compiled(xgrammar::CompiledGrammar compiled, std::vector<std::int32_t> stops, std::size_t words)
      : compiled_(std::move(compiled)), stops_(std::move(stops)), words_(words) {}

  std::unique_ptr<GrammarMatcher> matcher() const override {
    return std::make_unique<Matcher>(compiled_, stops_, words_);
  }

 private:
  xgrammar::CompiledGrammar compiled_;
  std::vector<std::int32_t> stops_;
  std::size_t words_;
};

class Compiler : public GrammarCompiler {
 public:
  Compiler(std::shared_ptr<const Tokenizer> tokenizer, std::size_t vocabulary_size)
      : tokenizer_(std::move(tokenizer)), vocabulary_size_(vocabulary_size) {}

  Result<std::shared_ptr<const CompiledGrammar>> compile(const OutputConstraint& constraint) override {
    if (auto kept = find(constraint)) return kept;
    MINERVA_ASSIGN(const std::string text, grammar::constraint_grammar(constraint));
    // One at a time: each takes a core for as long as it takes, and the token table is made once.
    std::unique_lock lock(compiling_);
    if (auto kept = find(constraint)) return kept;
    MINERVA_ASSIGN(auto compiled, guarded("compiling a grammar", [&] {
                     if (!compiler_) make_token_table();
                     return compiler_->CompileGrammar(xgrammar::Grammar::FromEBNF(text));
                   }));
    lock.unlock();  // the trial may take long
    const std::size_t words = (vocabulary_size_ + 31) / 32;
    const double seconds = Matcher(compiled, stops_, words).mask_seconds();
    if (seconds > kMaskSecondsMax) return too_slow(seconds);
    auto result = std::make_shared<const Compiled>(std::move(compiled), stops_, words);
    keep(constraint, result);
    return result;
  }

 private:
  struct Kept {
    OutputConstraint constraint;
    std::shared_ptr<const CompiledGrammar> compiled;
  };

  std::shared_ptr<const CompiledGrammar> find(const OutputConstraint& constraint) {
    const std::scoped_lock lock(keeping_);
    const auto found = std::ranges::find(kept_, constraint, &Kept::constraint);
    if (found == kept_.end()) return nullptr;
    kept_.splice(kept_.begin(), kept_, found);  // the most recently used first
    return kept_.front().compiled;
  }

  void keep(const OutputConstraint& constraint, std::shared_ptr<const CompiledGrammar> compiled) {
    const std::scoped_lock lock(keeping_);
    kept_.push_front({constraint, std::move(compiled)});
    if (kept_.size() > limits::kCompiledGrammarCountMax) kept_.pop_back();
  }

  // XGrammar takes a token without bytes for a special one, which no grammar allows.
  void make_token_table() {
    const std::size_t count = std::min(vocabulary_size_, tokenizer_->vocabulary_size());
    std::vector<std::string> bytes(count);
    stops_.clear();
    for (std::size_t i = 0; i < count; ++i) {
      const auto id = static_cast<TokenId>(i);
      if (tokenizer_->is_end_of_generation(id))
        stops_.push_back(id);
      else if (!tokenizer_->is_special(id))
        bytes[i] = tokenizer_->token_bytes(id);
    }
    const xgrammar::TokenizerInfo table(bytes, xgrammar::VocabType::RAW, static_cast<int>(vocabulary_size_),
                                        stops_);
    constexpr int kThreads = 1;
    compiler_.emplace(table, kThreads, /*cache_enabled=*/false);
  }

  std::shared_ptr<const Tokenizer> tokenizer_;
  std::size_t vocabulary_size_;
  std::mutex compiling_;
  std::vector<std::int32_t> stops_;
  std::optional<xgrammar::GrammarCompiler> compiler_;  // once a constraint is asked for
  std::mutex keeping_;
  std::list<Kept> kept_;
};

}  // namespace

std::unique_ptr<GrammarCompiler> make_grammar_compiler(std::shared_ptr<const Tokenizer> tokenizer,
                                                       std::size_t vocabulary_size) {
  return std::make_unique<Compiler>(std::move(tokenizer), vocabulary_size);
}

}  // namespace minerva
