#include "formats/hf/generation_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/limits.h"
#include "formats/quote.h"
#include "formats/sampling_fields.h"

namespace minerva::hf {
namespace {

using Json = nlohmann::json;
using Ids = std::vector<std::int32_t>;

constexpr std::int64_t kIdMax = std::numeric_limits<std::int32_t>::max();

/// What only some answers of transformers need, and no engine with one sequence and one pass a token can do.
struct Unsupported {
  std::string_view name;
  bool (*asks)(const Json& value);
  std::string_view instead;
};

bool above_one(const Json& value) {
  return !value.is_number() || value.get<double>() > 1;
}
bool not_one(const Json& value) {
  return !value.is_number() || value.get<double>() != 1;
}
bool above_zero(const Json& value) {
  return !value.is_number() || value.get<double>() > 0;
}
bool is_true(const Json& value) {
  return value != Json(false);
}
bool is_given(const Json& /*value*/) {
  return true;
}

constexpr std::string_view kOneSequence = "one sequence is generated, without a search among beams";
constexpr std::string_view kNotApplied = "it is not applied";
constexpr auto kUnsupported = std::to_array<Unsupported>({
    {"num_beams", above_one, kOneSequence},
    {"num_return_sequences", above_one, "one answer is given"},
    {"constraints", is_given, kOneSequence},
    {"force_words_ids", is_given, kOneSequence},
    {"penalty_alpha", above_zero, "contrastive search is not done"},
    {"dola_layers", is_given, "layers are not contrasted"},
    {"guidance_scale", not_one, "classifier-free guidance is not done"},
    {"watermarking_config", is_given, "the answer has no watermark"},
    {"token_healing", is_true, "the end of the prompt stays as it is"},
    {"is_assistant", is_true, kNotApplied},
});

class Reader {
 public:
  Reader(const HfConfig& config, std::uint32_t vocabulary_size, GenerationConfig& out)
      : config_(config), end_(vocabulary_size == 0 ? kIdMax : std::int64_t{vocabulary_size} - 1), out_(out) {}

  void special_tokens() {
    // Below 0 (-1 in many files) is none, and takes back what config.json says.
    const auto no_ends = config_.int_list("eos_token_id", -kIdMax, -1);
    if (no_ends && !no_ends->empty())
      out_.eos_token_ids.clear();
    else if (auto ends = ids("eos_token_id", limits::kEosTokenCountMax); !ends.empty())
      out_.eos_token_ids = std::move(ends);
    const auto no_bos = config_.optional_int("bos_token_id", -kIdMax, -1);
    out_.no_bos_token = no_bos && no_bos->has_value();
    if (out_.no_bos_token) return;
    if (const auto bos = keep(config_.optional_int("bos_token_id", 0, end_), {}))
      out_.bos_token_id = static_cast<std::int32_t>(*bos);
  }

  void recommendations() {
    numbers();
    strategy();
    tokens();
    biases();
    length_penalty();
    stop_strings();
    for (const Unsupported& field : kUnsupported) {
      const Json* value = config_.value(field.name);
      if (value != nullptr && field.asks(*value)) {
        note(fmt::format("'{}': field '{}' cannot be followed: {}", config_.file(), field.name,
                         field.instead));
      }
    }
  }

 private:
  void note(std::string text) { out_.notes.push_back(std::move(text)); }
  void note(std::string_view field, std::string_view what) {
    note(config_.error(field, what).error().message + "; it is left out");
  }

  // The value, or `fallback` and a note.
  template <class T>
  T keep(Result<T> value, T fallback) {
    if (value) return *std::move(value);
    note(value.error().message + "; it is left out");
    return fallback;
  }

  void numbers() {
    for (const SamplingField& field : sampling_fields()) {
      if (field.hf_name.empty()) continue;
      const auto value =
          keep(config_.optional_float(field.hf_name, -HfConfig::kFloatMax, HfConfig::kFloatMax), {});
      if (value && !field.set(*value, out_.sampling))
        note(field.hf_name, fmt::format("is {}, expected {}", *value, field.range));
    }
    // transformers looks back on all tokens.
    if (out_.sampling.repetition_penalty) out_.sampling.penalty_last_n = -1;
  }

  void strategy() {
    const Json* sample = config_.value("do_sample");
    out_.sampling.temperature_first = keep(config_.bool_or("do_sample", false), false);
    if (sample != nullptr && *sample == Json(false)) out_.sampling.temperature = 0;  // greedy
    out_.sampling.remove_invalid_values = keep(config_.bool_or("remove_invalid_values", false), false);
  }

  // An id or a list of ids; those outside the vocabulary are left out.
  Ids ids(std::string_view field, std::size_t count_max = limits::kRecommendedIdCountMax) {
    const Json* value = config_.value(field);
    if (value == nullptr || !fits(field, value->is_array() ? value->size() : 1, count_max)) return {};
    const auto all = keep(config_.int_list(field, 0, kIdMax), {});
    Ids inside;
    for (const std::int64_t id : all)
      if (id <= end_) inside.push_back(static_cast<std::int32_t>(id));
    note_outside(field, all.size() - inside.size());
    return inside;
  }

  bool fits(std::string_view field, std::size_t count, std::size_t count_max) {
    if (count <= count_max) return true;
    note(field, fmt::format("holds {} token ids; at most {} are allowed", count, count_max));
    return false;
  }

  void note_outside(std::string_view field, std::size_t count) {
    if (count == 0) return;
    note(config_.error(field, fmt::format("names tokens that the vocabulary of {} does not have", end_ + 1))
             .error()
             .message +
         "; they are left out");
  }

  void tokens() {
    SamplingDefaults& to = out_.sampling;
    to.suppress_tokens = ids("suppress_tokens");
    to.begin_suppress_tokens = ids("begin_suppress_tokens");
    to.forced_eos_token_ids = ids("forced_eos_token_id");
    if (const auto bos = keep(config_.optional_int("forced_bos_token_id", 0, end_), {}))
      to.forced_bos_token_id = static_cast<std::int32_t>(*bos);
  }

  void biases() {
    pairs("sequence_bias", [](const Json& entry) -> std::optional<SequenceBias> {
      if (!entry.is_array() || entry.size() != 2) return std::nullopt;
      const auto bias = number_of(entry[1]);
      auto ids = ids_of(entry[0]);
      if (!bias || !ids) return std::nullopt;
      return SequenceBias{.ids = *std::move(ids), .bias = *bias};
    });
    pairs("bad_words_ids", [](const Json& entry) -> std::optional<SequenceBias> {
      auto ids = ids_of(entry);
      if (!ids) return std::nullopt;
      return SequenceBias{.ids = *std::move(ids), .bias = -std::numeric_limits<float>::infinity()};
    });
  }

  static std::optional<float> number_of(const Json& value) {
    if (value == Json{{"__float__", "-Infinity"}}) return -std::numeric_limits<float>::infinity();
    if (!value.is_number()) return std::nullopt;
    const double number = value.get<double>();
    if (!(std::abs(number) <= static_cast<double>(std::numeric_limits<float>::max()))) return std::nullopt;
    return static_cast<float>(number);
  }

  static std::optional<Ids> ids_of(const Json& value) {
    if (!value.is_array() || value.empty()) return std::nullopt;
    Ids ids;
    for (const Json& element : value) {
      if (!element.is_number_unsigned() || element.get<std::uint64_t>() > std::uint64_t{kIdMax})
        return std::nullopt;
      ids.push_back(element.get<std::int32_t>());
    }
    return ids;
  }

  template <class Parse>
  void pairs(std::string_view field, Parse parse) {
    const Json* value = config_.value(field);
    if (value == nullptr) return;
    if (!value->is_array()) return note(field, "is no list");
    std::vector<SequenceBias> all;
    std::size_t count = 0;
    std::size_t outside = 0;
    for (const Json& entry : *value) {
      auto bias = parse(entry);
      if (!bias) return note(field, fmt::format("has an entry {} that makes no sense", all.size() + outside));
      count += bias->ids.size();
      if (count > limits::kRecommendedIdCountMax) break;
      if (std::ranges::any_of(bias->ids, [&](std::int32_t id) { return id > end_; }))
        ++outside;
      else if (std::isfinite(bias->bias) || !ends(bias->ids))
        all.push_back(*std::move(bias));
    }
    if (!fits(field, count, limits::kRecommendedIdCountMax)) return;
    note_outside(field, outside);
    auto& to = out_.sampling.sequence_bias;
    to.insert(to.end(), std::make_move_iterator(all.begin()), std::make_move_iterator(all.end()));
  }

  // transformers bans no token that ends an answer.
  bool ends(const Ids& ids) const {
    return ids.size() == 1 && std::ranges::find(out_.eos_token_ids, ids[0]) != out_.eos_token_ids.end();
  }

  void length_penalty() {
    constexpr std::string_view kName = "exponential_decay_length_penalty";
    const Json* value = config_.value(kName);
    if (value == nullptr) return;
    const auto factor = value->is_array() && value->size() == 2 ? number_of((*value)[1]) : std::nullopt;
    if (!factor || !std::isfinite(*factor) || *factor <= 0 || !(*value)[0].is_number_unsigned())
      return note(kName, "is not [number of tokens, factor]");
    const auto from = std::min((*value)[0].get<std::uint64_t>(), std::uint64_t{kIdMax});
    out_.sampling.length_penalty_from = static_cast<std::uint32_t>(from);
    out_.sampling.length_penalty_factor = factor;
  }

  void stop_strings() {
    auto texts = keep(config_.string_list("stop_strings"), {});
    const auto bad = [](const std::string& text) {
      return text.empty() || text.size() > limits::kStopStringBytesMax || !is_utf8(text);
    };
    if (texts.size() > limits::kStopStringCountMax || std::ranges::any_of(texts, bad)) {
      return note("stop_strings", fmt::format("is not a list of at most {} texts of 1 to {} bytes",
                                              limits::kStopStringCountMax, limits::kStopStringBytesMax));
    }
    out_.sampling.stop_strings = std::move(texts);
  }

  const HfConfig& config_;
  std::int64_t end_;  // the last id
  GenerationConfig& out_;
};

}  // namespace

GenerationConfig read_generation_config(const HfConfig& file, std::uint32_t vocabulary_size,
                                        std::vector<std::int32_t> eos_token_ids) {
  GenerationConfig out;
  out.eos_token_ids = std::move(eos_token_ids);
  Reader reader(file, vocabulary_size, out);
  reader.special_tokens();
  reader.recommendations();
  return out;
}

GenerationConfig read_generation_config(const std::filesystem::path& directory, const HfConfig& config,
                                        std::uint32_t vocabulary_size,
                                        std::vector<std::int32_t> eos_token_ids) {
  GenerationConfig out;
  if (const auto path = directory / "generation_config.json"; path_exists(path)) {
    const auto own = HfConfig::open(path);
    if (own) return read_generation_config(*own, vocabulary_size, std::move(eos_token_ids));
    out.notes.push_back(own.error().message + "; what it recommends is left out");
  }
  out.eos_token_ids = std::move(eos_token_ids);
  Reader(config, vocabulary_size, out).recommendations();
  return out;
}

}  // namespace minerva::hf
