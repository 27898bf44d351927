// From constraints to grammars for a vocabulary, on threads of their own.
#include <fmt/format.h>
#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "base/limits.h"
#include "text/grammar/constraint.h"
#include "text/grammar/grammar.h"
#include "text/grammar/matcher.h"
#include "text/grammar/network.h"
#include "text/grammar/token_trie.h"

namespace minerva {
namespace {

using Clock = std::chrono::steady_clock;
using Outcome = Result<std::shared_ptr<const CompiledGrammar>>;

// What a thread that is not joined has taken so far.
std::chrono::nanoseconds processor_time(std::jthread& thread) {
  clockid_t clock{};
  timespec time{};
  if (::pthread_getcpuclockid(thread.native_handle(), &clock) != 0 || ::clock_gettime(clock, &time) != 0)
    return {};
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

class Compiler final : public GrammarCompiler {
 public:
  Compiler(std::shared_ptr<const Tokenizer> tokenizer, std::size_t vocabulary_size,
           std::chrono::milliseconds processor_time_max)
      : tokenizer_(std::move(tokenizer)),
        vocabulary_size_(vocabulary_size),
        processor_time_max_(processor_time_max) {}

  ~Compiler() override {
    for (const auto& flight : flights_) flight->thread.request_stop();
  }

  Outcome compile(const OutputConstraint& constraint, const Wait& wait) override {
    std::unique_lock lock(mutex_);
    join_landed();
    if (auto kept = find(constraint)) return kept;
    MINERVA_ASSIGN(const auto flight, flight_for(constraint));
    ++flight->waiting;
    const bool in_time = wait_for(*flight, wait, lock);
    if (--flight->waiting == 0) flight->thread.request_stop();  // for nobody any more
    if (flight->outcome) return *flight->outcome;
    if (!in_time)
      return fail(ErrorCode::Cancelled, "the request ended while its constraint was compiled", "Ask again.");
    return invalid_request(
        fmt::format("the constraint takes more than {} ms to compile", processor_time_max_.count()),
        "Simplify it: fewer alternatives, smaller bounds of repetition, less nesting.");
  }

 private:
  // One constraint on its way, for all who wait for it.
  struct Flight {
    OutputConstraint constraint;
    std::size_t waiting = 0;
    std::optional<Outcome> outcome = {};
    std::jthread thread = {};
  };
  struct Kept {
    OutputConstraint constraint;
    std::shared_ptr<const CompiledGrammar> compiled;
  };

  // These need the lock.

  // Until it has landed or has taken all the time there is; false when the caller's was over before.
  bool wait_for(Flight& flight, const Wait& wait, std::unique_lock<std::mutex>& lock) {
    const auto landed = [&] { return flight.outcome.has_value(); };
    while (!landed()) {
      const auto left = processor_time_max_ - processor_time(flight.thread);
      if (left.count() <= 0) break;
      const auto until = Clock::now() + left;  // at the earliest: it does not have a processor all the time
      landed_.wait_until(lock, wait.stop, std::min(until, wait.deadline.value_or(until)), landed);
      if (!landed() && (wait.stop.stop_requested() || (wait.deadline && Clock::now() >= *wait.deadline)))
        return false;
    }
    return true;
  }

  Result<std::shared_ptr<Flight>> flight_for(const OutputConstraint& constraint) {
    const auto under_way = std::ranges::find_if(flights_, [&](const auto& flight) {
      return !flight->outcome && !flight->thread.get_stop_token().stop_requested() &&
             flight->constraint == constraint;
    });
    if (under_way != flights_.end()) return *under_way;
    auto flight = flights_.emplace_back(std::make_shared<Flight>(Flight{.constraint = constraint}));
    try {
      flight->thread =
          std::jthread([this, flight = flight.get()](const std::stop_token& stop) { fly(*flight, stop); });
    } catch (const std::system_error& error) {
      flights_.pop_back();
      return no_thread(error);
    } catch (...) {
      flights_.pop_back();
      throw;
    }
    return flight;
  }

  // Their threads have nothing left to do but to end.
  void join_landed() {
    std::erase_if(flights_, [](const auto& flight) { return flight->outcome && flight->waiting == 0; });
  }

  std::shared_ptr<const CompiledGrammar> find(const OutputConstraint& constraint) {
    const auto found = std::ranges::find(kept_, constraint, &Kept::constraint);
    if (found == kept_.end()) return nullptr;
    kept_.splice(kept_.begin(), kept_, found);  // the most recently used first
    return kept_.front().compiled;
  }

  // On the flight's thread, without the lock.
  void fly(Flight& flight, const std::stop_token& stop) {
    Outcome outcome = make(flight.constraint, stop);
    const std::scoped_lock lock(mutex_);
    try {
      if (outcome) kept_.push_front({flight.constraint, *outcome});
      if (kept_.size() > limits::kCompiledGrammarCountMax) kept_.pop_back();
    } catch (const std::exception&) {
      outcome = std::unexpected(error_of_exception());
    }
    flight.outcome = std::move(outcome);
    landed_.notify_all();
  }

  Outcome make(const OutputConstraint& constraint, const std::stop_token& stop) {
    try {
      grammar::GrammarBuilder builder(stop);
      MINERVA_ASSIGN(const auto root, grammar::constraint_grammar(constraint, builder));
      MINERVA_ASSIGN(auto network, grammar::make_network(builder, root));
      std::call_once(trie_once_, [this] {
        trie_ = std::make_shared<const grammar::TokenTrie>(*tokenizer_, vocabulary_size_);
      });
      return grammar::make_compiled(std::move(network), trie_, tokenizer_);
    } catch (const std::exception&) {
      return std::unexpected(error_of_exception());
    }
  }

  const std::shared_ptr<const Tokenizer> tokenizer_;
  const std::size_t vocabulary_size_;
  const std::chrono::milliseconds processor_time_max_;
  std::once_flag trie_once_;
  std::shared_ptr<const grammar::TokenTrie> trie_;  // once a constraint is asked for

  std::mutex mutex_;
  std::condition_variable_any landed_;
  std::list<Kept> kept_;
  std::list<std::shared_ptr<Flight>> flights_;  // last: their threads use the rest
};

}  // namespace

std::unique_ptr<GrammarCompiler> make_grammar_compiler(std::shared_ptr<const Tokenizer> tokenizer,
                                                       std::size_t vocabulary_size,
                                                       std::chrono::milliseconds processor_time_max) {
  return std::make_unique<Compiler>(std::move(tokenizer), vocabulary_size, processor_time_max);
}

}  // namespace minerva
