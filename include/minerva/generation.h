/// @file
/// What a generation is asked to do and what it gives back.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "minerva/export.h"
#include "minerva/types.h"

namespace minerva {

/// How the next token is chosen from the logits. An absent field takes the model's own recommendation
/// (SamplingDefaults), and where there is none the default given here. Order of application: logit bias,
/// penalties, bans, top-k, typical, top-p, min-p, temperature, draw. Where the model's files are written for
/// transformers (`SamplingDefaults::temperature_first`), its order: temperature, top-k, top-p, min-p,
/// typical.
struct SamplingOptions {
  std::optional<float> temperature;         ///< [0, 100]; 0 = greedy. Default 0.8
  std::optional<int> top_k;                 ///< keep the k best; 0 = off. Default 40
  std::optional<float> top_p;               ///< (0, 1]; nucleus; 1 = off. Default 0.95
  std::optional<float> min_p;               ///< [0, 1]; relative to the best; 0 = off. Default 0.05
  std::optional<float> typical_p;           ///< (0, 1]; locally typical; 1 = off. Default 1
  std::optional<float> repetition_penalty;  ///< (0, 100]; divides (multiplies negative) logits; 1 = off
  std::optional<float> presence_penalty;    ///< [-100, 100]; subtracted once from tokens seen. Default 0
  std::optional<float> frequency_penalty;   ///< [-100, 100]; subtracted per occurrence. Default 0
  std::optional<int> penalty_last_n;        ///< tokens the penalties look back on; -1 = all. Default 64
  std::optional<int> no_repeat_ngram_size;  ///< [0, 256]; so many tokens in a row come once only; 0 = off
  std::optional<std::uint64_t> seed;        ///< absent = a random one
  std::vector<std::pair<TokenId, float>> logit_bias;  ///< added to logits; -infinity bans, infinity demands
};

/// A token and how likely it was.
struct TopLogprob {
  TokenId id = 0;     ///< the token
  float logprob = 0;  ///< natural logarithm
};

/// One generated token.
struct GeneratedToken {
  TokenId id = 0;  ///< index into the vocabulary
  /// The text this token completed: whole UTF-8 characters only, so it may be empty, or hold the end of a
  /// character that earlier tokens began.
  std::string text;
  /// log softmax of the model's own logits, before bias, penalties and temperature; 0 unless asked for.
  float logprob = 0;
  std::vector<TopLogprob> top;  ///< the `top_logprobs` best, best first
};

/// Why a generation ended.
enum class FinishReason : std::uint8_t {
  Stop,       ///< an end-of-generation token or a stop string
  Length,     ///< max_tokens, or the context was full
  Cancelled,  ///< the caller asked to stop
};
/// "stop", "length" or "cancelled".
MINERVA_API std::string_view finish_reason_name(FinishReason reason) noexcept;

/// Text, or token ids that bypass the tokenizer.
using Prompt = std::variant<std::string, std::vector<TokenId>>;

/// What the answer must look like, byte for byte. A part of a schema or expression that cannot be honoured is
/// an InvalidRequest error, never ignored.
struct OutputConstraint {
  /// What kind of rule.
  enum class Kind : std::uint8_t {
    None,        ///< any answer
    JsonObject,  ///< any JSON object; `text` is empty
    JsonSchema,  ///< `text`: a JSON schema
    Regex,       ///< `text`: a regular expression that the whole answer matches
    Grammar,     ///< `text`: a grammar in EBNF (GBNF's spelling too) with the rule `root`
    Choice,      ///< one of `choices`
  };
  Kind kind = Kind::None;                 ///< which of them
  std::string text = {};                  ///< schema, expression or grammar; otherwise empty
  std::vector<std::string> choices = {};  ///< for Kind::Choice; otherwise empty

  /// Whether they agree in every field.
  friend bool operator==(const OutputConstraint&, const OutputConstraint&) = default;
};

/// A part of a JSON schema that asks for nothing, so that no answer is held to it: a keyword that JSON Schema
/// does not know, or a format that is not checked.
struct ConstraintNote {
  std::string pointer = {};  ///< JSON pointer of the schema that has it; empty for the root
  std::string keyword = {};  ///< the keyword
  std::string message = {};  ///< one sentence, without a stop at its end

  /// Whether they agree in every field.
  friend bool operator==(const ConstraintNote&, const ConstraintNote&) = default;
};

/// Who goes first when there is not room for all.
enum class Priority : std::uint8_t {
  Low,     ///< after the others
  Normal,  ///< the default
  High,    ///< before the others
};

/// For `GenerationRequest::max_tokens`.
inline constexpr std::uint32_t kUnlimitedTokens = std::numeric_limits<std::uint32_t>::max();

/// What is asked for.
struct GenerationRequest {
  Prompt prompt = {};  ///< what the model goes on from
  /// For a text prompt: let the tokenizer add what it puts around a text (BOS). A prompt from `render_chat`
  /// has `false`: the template wrote it.
  bool add_special = true;
  /// For a text prompt: recognise special tokens written out in the text.
  bool parse_special = true;
  /// New tokens at the most. Absent: as many as the model's files recommend; where they say nothing, and with
  /// kUnlimitedTokens, until the model stops or the context is full. With a number, prompt + max_tokens
  /// beyond the context is a ContextOverflow error before anything is computed.
  std::optional<std::uint32_t> max_tokens = {};
  SamplingOptions sampling = {};       ///< how tokens are chosen
  std::vector<std::string> stop = {};  ///< the answer ends before the first of these
  bool ignore_eos = false;             ///< end-of-generation tokens do not stop
  /// What the model's files recommend (`ModelDescription::sampling`) does not count.
  bool ignore_recommendations = false;
  bool logprobs = false;           ///< compute GeneratedToken::logprob (costs a pass over the vocabulary)
  std::uint32_t top_logprobs = 0;  ///< alternatives to report, [0, vocabulary]; more than 0 implies logprobs
  OutputConstraint constraint = {};      ///< what the answer must look like
  Priority priority = Priority::Normal;  ///< among the requests of all clients
  /// Whose request it is: clients with equal priority get equal shares of a model. Any text.
  std::string client = {};
  /// From the call of `generate`; when it has passed, the request ends as if it were cancelled.
  std::optional<std::chrono::milliseconds> deadline = {};
  std::stop_token cancel = {};  ///< ends the request with FinishReason::Cancelled
};

/// Where the time went.
struct Timings {
  double detect_us = 0;  ///< finding out the format, microseconds
  double load_ms = 0;    ///< path to ready; 0 when the model was loaded before
  /// From the call of `generate` until the request was computed, or had ended: waiting for the model (loading
  /// it again included), compiling the constraint, waiting for a place among the running requests.
  double queue_ms = 0;
  double ttft_ms = 0;                ///< from the call of `generate` to the first token, `queue_ms` included
  std::uint32_t prefill_tokens = 0;  ///< prompt tokens computed
  std::uint32_t cached_tokens = 0;   ///< prompt tokens taken from the cache
  double prefill_tps = 0;            ///< tokens per second
  std::uint32_t decode_tokens = 0;   ///< tokens generated after the first
  double decode_tps = 0;             ///< tokens per second
};

/// Memory that a generation took.
struct MemoryUse {
  std::uint64_t weights_bytes = 0;   ///< the model's weights
  std::uint64_t kv_bytes = 0;        ///< KV cache or recurrent state
  std::uint64_t peak_rss_bytes = 0;  ///< of this process so far
};

/// What came out.
struct Generation {
  std::vector<TokenId> prompt_tokens;               ///< ids of the prompt as the model was given it
  std::vector<GeneratedToken> tokens;               ///< in order, without the end token that stops
  std::string text;                                 ///< the answer
  FinishReason finish_reason = FinishReason::Stop;  ///< why it ended
  std::uint64_t seed = 0;                           ///< the seed that was used
  Timings timings;                                  ///< where the time went
  MemoryUse memory;                                 ///< what it took
  /// Parts of the request's JSON schema that ask for nothing; the first 256.
  std::vector<ConstraintNote> constraint_notes;
};

/// Called in order, on the thread that called `generate`, with each piece of text as it becomes certain:
/// whole UTF-8 characters that no stop string will take back. Return false to cancel.
using TextCallback = std::function<bool(std::string_view text)>;

}  // namespace minerva
