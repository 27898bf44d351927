// A backend whose model says a script: tests of the layers above the waist need no weights.
//
// Tokens are bytes, 256 is BOS, 257 ends a generation. After the last '>' of its context the model says the
// script, byte by byte, and then ends.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backends/backend.h"

namespace minerva::testing {

struct FakeBehaviour {
  std::string script = "hello";
  Position reuse_window = -1;  ///< how far back a sequence can go; -1 = anywhere
  Position plan_border = -1;   ///< what was planned above it is no prefix of what is not; -1 = no border
  int fail_decode_at = -1;     ///< the n-th decode call is Fatal
  int no_slot_at = -1;         ///< the n-th decode call finds no slot
  TokenId poison_token = -1;   ///< a batch with this token is Fatal
  std::size_t cells_max = 0;   ///< what all sequences may hold, whatever the context's size; 0: no such bound
  bool throws = false;         ///< `decode` and `load` throw std::bad_alloc
  bool fail_load = false;
  bool snapshots = false;
  std::chrono::microseconds decode_time{0};
  std::chrono::microseconds row_time{0};  ///< for each row of a batch, beside decode_time
  std::function<void(const LoadProgress&, int call)> on_load =
      {};  ///< called in `load`, before it looks at anything
  std::function<void(const ContextOptions&)> on_memory_needed = {};
  bool numeric_modes = false;
  SupportAnswer support{Support::Yes, ""};
  std::uint64_t weights_bytes = 1000;
  std::uint64_t kv_bytes_per_token = 10;
  std::string name = "llama";

  // What the tests look at.
  std::atomic<int> decodes = 0;
  std::atomic<int> rows = 0;  ///< rows computed
  std::atomic<int> contexts = 0;
  std::atomic<std::size_t> sequences_at_once = 0;  ///< in one batch, at the most
  std::atomic<int> loads = 0;                      ///< loads begun
  std::atomic<int> models = 0;                     ///< models alive
  std::atomic<bool> poisoned = false;

  MemoryNeed memory_needed(const ContextOptions& context) const {
    if (on_memory_needed) on_memory_needed(context);
    return {.weights_bytes = weights_bytes, .kv_bytes = context.context_tokens * kv_bytes_per_token};
  }
};

class FakeTokenizer : public Tokenizer {
 public:
  static constexpr TokenId kBos = 256;
  static constexpr TokenId kEnd = 257;
  Result<std::vector<TokenId>> encode(std::string_view text, EncodeOptions options) const override;
  Result<std::string> decode(std::span<const TokenId> ids, bool skip_special) const override;
  std::string token_bytes(TokenId id, bool render_special) const override;
  std::size_t vocabulary_size() const noexcept override { return 258; }
  bool is_special(TokenId id) const override { return id >= kBos; }
  bool is_end_of_generation(TokenId id) const override { return id == kEnd; }
  std::optional<TokenId> bos() const override { return kBos; }
  std::optional<TokenId> eos() const override { return kEnd; }
  std::string bos_text() const override { return "<s>"; }
  std::string eos_text() const override { return "</s>"; }
};

std::shared_ptr<InferenceBackend> make_fake_backend(std::shared_ptr<FakeBehaviour> behaviour);

}  // namespace minerva::testing
