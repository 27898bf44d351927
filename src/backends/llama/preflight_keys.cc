#include "backends/llama/preflight_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "backends/llama/architectures.h"
#include "base/limits.h"
#include "formats/quote.h"

namespace minerva {
namespace {

constexpr std::uint32_t kLengthMax = 1U << 20U;       // of one vector
constexpr std::uint32_t kFeedForwardMax = 1U << 22U;  // the widest published is some 100,000
constexpr std::uint32_t kHeadsMax = 1U << 14U;
constexpr std::uint32_t kHeadLengthMax = 1U << 16U;
constexpr std::uint32_t kExpertsMax = 1024;  // LLAMA_MAX_EXPERTS
constexpr std::uint32_t kContextMax = 1U << 30U;
constexpr std::uint32_t kCountMax = 0x7fffffff;  // libllama keeps many of them in an int

/// One number of every architecture that has it: "<architecture>.<name>", a u32.
struct CountRule {
  std::string_view name;
  std::uint32_t min;
  std::uint32_t max;
};
constexpr auto kCounts = std::to_array<CountRule>({
    {"context_length", 1, kContextMax},
    {"embedding_length", 1, kLengthMax},
    {"embedding_length_out", 0, kLengthMax},
    {"embedding_length_per_layer_input", 0, kLengthMax},
    {"vocab_size", 0, static_cast<std::uint32_t>(limits::kVocabularySizeMax)},
    {"attention.key_length", 1, kHeadLengthMax},
    {"attention.value_length", 1, kHeadLengthMax},
    {"attention.key_length_swa", 1, kHeadLengthMax},
    {"attention.value_length_swa", 1, kHeadLengthMax},
    {"attention.key_length_mla", 1, kHeadLengthMax},
    {"attention.value_length_mla", 1, kHeadLengthMax},
    {"attention.q_lora_rank", 0, kLengthMax},
    {"attention.kv_lora_rank", 0, kLengthMax},
    {"attention.group_norm_groups", 1, kLengthMax},
    {"attention.temperature_length", 1, kContextMax},
    {"rope.dimension_count", 0, kHeadLengthMax},
    {"rope.dimension_count_swa", 0, kHeadLengthMax},
    {"rope.scaling.original_context_length", 0, kContextMax},
    {"expert_count", 0, kExpertsMax},
    {"expert_shared_count", 0, kExpertsMax},
    {"expert_group_count", 0, kExpertsMax},
    {"expert_group_used_count", 0, kExpertsMax},
    {"expert_shared_feed_forward_length", 0, kFeedForwardMax},
    {"full_attention_interval", 1, limits::kLayerCountMax},
    {"pooling_type", 0, 4},
    {"ssm.conv_kernel", 1, 1024},
    {"ssm.inner_size", 1, kLengthMax},
    {"ssm.state_size", 1, kHeadLengthMax},
    {"ssm.time_step_rank", 1, kLengthMax},
    {"ssm.group_count", 0, kHeadLengthMax},
    {"wkv.head_size", 1, kHeadLengthMax},
    {"shortconv.l_cache", 1, 1024},
    {"token_shift_count", 1, 2},
});

class Checker {
 public:
  Checker(const gguf::Metadata& metadata, std::string_view architecture)
      : metadata_(metadata), architecture_(architecture) {}

  Result<HyperParameters> run() {
    MINERVA_TRY(all_numbers());
    MINERVA_TRY(counts());
    MINERVA_TRY(layers());
    MINERVA_TRY(heads());
    MINERVA_TRY(experts());
    MINERVA_TRY(rope());
    MINERVA_TRY(window());
    MINERVA_TRY(state());
    MINERVA_TRY(vocabulary());
    return std::move(out_);
  }

 private:
  std::string key(std::string_view name) const { return fmt::format("{}.{}", architecture_, name); }

  template <class... Arguments>
  std::unexpected<Error> bad(fmt::format_string<Arguments...> format, Arguments&&... arguments) const {
    return model_loading(fmt::format("'{}': {}", metadata_.file_name(),
                                     fmt::format(format, std::forward<Arguments>(arguments)...)),
                         kDownloadAgain);
  }

  Result<std::optional<std::uint32_t>> count(std::string_view name, std::uint32_t min,
                                             std::uint32_t max) const {
    MINERVA_ASSIGN(const auto value, metadata_.get<std::uint32_t>(key(name)));
    if (value && (*value < min || *value > max))
      return bad("key '{}' is {}, expected {} to {}", key(name), *value, min, max);
    return value;
  }
  Result<std::uint32_t> required_count(std::string_view name, std::uint32_t min, std::uint32_t max) const {
    MINERVA_ASSIGN(const auto value, count(name, min, max));
    if (!value) return metadata_.missing(key(name), "u32");
    return *value;
  }

  // Whatever the architecture reads it for: a whole number fits an int, a real one is finite. libllama casts
  // and computes without asking.
  Result<void> all_numbers() const {
    const std::string prefix = key("");
    for (const gguf::KeyValue& entry : metadata_.entries()) {
      if (!entry.key.starts_with(prefix)) continue;
      if (const auto* real = std::get_if<double>(&entry.value); real != nullptr && !std::isfinite(*real))
        return bad("key {} is {}, expected a finite number", quoted(entry.key), *real);
      if (entry.key.ends_with("epsilon") && std::holds_alternative<double>(entry.value)) {
        const double epsilon = std::get<double>(entry.value);
        if (epsilon < 0 || epsilon > 1)
          return bad("key {} is {}, expected 0 to 1", quoted(entry.key), epsilon);
      }
      const auto* whole = std::get_if<std::uint64_t>(&entry.value);
      if (whole != nullptr && *whole > kCountMax)
        return bad("key {} is {}, expected at most {}", quoted(entry.key), *whole, kCountMax);
    }
    return {};
  }

  Result<void> counts() {
    for (const CountRule& rule : kCounts) MINERVA_TRY(count(rule.name, rule.min, rule.max));
    MINERVA_ASSIGN(out_.block_count, required_count("block_count", 1, limits::kLayerCountMax));
    MINERVA_ASSIGN(out_.context_length, required_count("context_length", 1, kContextMax));
    MINERVA_ASSIGN(out_.embedding_length, required_count("embedding_length", 1, kLengthMax));
    for (const std::string_view name :
         {"nextn_predict_layers", "leading_dense_block_count", "shared_kv_layers"})
      MINERVA_TRY(count(name, 0, out_.block_count));
    MINERVA_TRY(count("attention.shared_kv_layers", 0, out_.block_count));
    return {};
  }

  // One number for all layers or one for each; empty when the key is absent.
  Result<std::vector<std::uint32_t>> per_layer(std::string_view name, std::uint32_t max) const {
    const gguf::KeyValue* const entry = metadata_.find(key(name));
    if (entry == nullptr) return std::vector<std::uint32_t>();
    if (entry->type != gguf::ValueType::Array) {
      MINERVA_ASSIGN(const auto value, count(name, 0, max));
      return std::vector<std::uint32_t>(out_.block_count, *value);
    }
    const auto& array = std::get<gguf::ArrayInfo>(entry->value);
    if (array.count != out_.block_count) {
      return bad("key '{}' has {} elements, expected {} as in '{}'", key(name), array.count, out_.block_count,
                 key("block_count"));
    }
    std::vector<std::uint32_t> values;
    if (array.element == gguf::ValueType::I32) {
      MINERVA_ASSIGN(const auto numbers, metadata_.get_numbers<std::int32_t>(key(name)));
      values.assign(numbers.begin(), numbers.end());  // a negative one becomes too large
    } else {
      MINERVA_ASSIGN(values, metadata_.get_numbers<std::uint32_t>(key(name)));
    }
    for (std::size_t layer = 0; layer < values.size(); ++layer) {
      if (values[layer] > max)
        return bad("key '{}' is {} in layer {}, expected 0 to {}", key(name), values[layer], layer, max);
    }
    return values;
  }

  Result<void> layers() {
    MINERVA_ASSIGN(out_.feed_forward_length, per_layer("feed_forward_length", kFeedForwardMax));
    MINERVA_ASSIGN(const auto expert_lengths, per_layer("expert_feed_forward_length", kFeedForwardMax));
    if (!expert_lengths.empty()) out_.expert_feed_forward_length = std::ranges::max(expert_lengths);
    MINERVA_ASSIGN(out_.head_count, per_layer("attention.head_count", kHeadsMax));
    if (out_.head_count.empty()) out_.head_count.assign(out_.block_count, 0);
    MINERVA_ASSIGN(out_.head_count_kv, per_layer("attention.head_count_kv", kHeadsMax));
    if (out_.head_count_kv.empty()) out_.head_count_kv = out_.head_count;
    for (std::size_t layer = 0; layer < out_.head_count.size(); ++layer) {
      const std::uint32_t heads = out_.head_count[layer];
      const std::uint32_t kv = out_.head_count_kv[layer];
      if (kv > 0 && (heads == 0 || heads % kv != 0)) {
        return bad("layer {} has {} heads ('{}') and {} key-value heads ('{}'): expected a multiple", layer,
                   heads, key("attention.head_count"), kv, key("attention.head_count_kv"));
      }
    }
    return {};
  }

  Result<void> heads() {
    const std::uint32_t heads = out_.head_count.front();
    MINERVA_ASSIGN(const auto keys, count("attention.key_length", 1, kHeadLengthMax));
    MINERVA_ASSIGN(const auto values, count("attention.value_length", 1, kHeadLengthMax));
    if (heads > 0) {
      if ((!keys || !values) && out_.embedding_length % heads != 0) {
        return bad("'{}' is {}, which {} heads ('{}') do not divide", key("embedding_length"),
                   out_.embedding_length, heads, key("attention.head_count"));
      }
      out_.key_length = keys.value_or(out_.embedding_length / heads);
      out_.value_length = values.value_or(out_.embedding_length / heads);
    }
    MINERVA_ASSIGN(const auto keys_swa, count("attention.key_length_swa", 1, kHeadLengthMax));
    MINERVA_ASSIGN(const auto values_swa, count("attention.value_length_swa", 1, kHeadLengthMax));
    out_.key_length_swa = keys_swa.value_or(out_.key_length);
    out_.value_length_swa = values_swa.value_or(out_.value_length);
    const std::uint64_t widest =
        std::uint64_t{std::ranges::max(out_.head_count)} *
        std::max({out_.key_length, out_.value_length, out_.key_length_swa, out_.value_length_swa});
    if (widest > kFeedForwardMax) {
      return bad("{} heads of {} make {} elements, at most {} are supported",
                 std::ranges::max(out_.head_count), std::max(out_.key_length, out_.value_length), widest,
                 kFeedForwardMax);
    }
    return {};
  }

  Result<void> experts() {
    MINERVA_ASSIGN(const auto stated, count("expert_count", 0, kExpertsMax));
    out_.expert_count = stated.value_or(0);
    MINERVA_ASSIGN(const auto used, per_layer("expert_used_count", kExpertsMax));
    out_.expert_used = used.empty() ? 0 : std::ranges::max(used);
    if (out_.expert_used > out_.expert_count || (out_.expert_count > 0) != (out_.expert_used > 0)) {
      return bad("'{}' is {} of '{}' {}: expected at least one and at most all", key("expert_used_count"),
                 out_.expert_used, key("expert_count"), out_.expert_count);
    }
    MINERVA_ASSIGN(const auto groups_stated, count("expert_group_count", 0, kExpertsMax));
    MINERVA_ASSIGN(const auto groups_used, count("expert_group_used_count", 0, kExpertsMax));
    const std::uint32_t groups = groups_stated.value_or(0);
    if (groups == 0) return {};
    const bool divides = groups < out_.expert_count && out_.expert_count % groups == 0;
    const std::uint32_t chosen = groups_used.value_or(0);
    if (!divides || (groups > 1 && (chosen == 0 || chosen >= groups))) {
      return bad("'{}' is {} ({} used, '{}') for {} experts: expected groups of equal size",
                 key("expert_group_count"), groups, chosen, key("expert_group_used_count"),
                 out_.expert_count);
    }
    return {};
  }

  Result<void> rope() const {
    const Architecture* const architecture = find_architecture(architecture_);
    const bool rotates = architecture == nullptr || architecture->rotates;
    for (const auto& [name, limit] : {std::pair{"rope.dimension_count", out_.key_length},
                                      std::pair{"rope.dimension_count_swa", out_.key_length_swa}}) {
      MINERVA_ASSIGN(const auto rotated, count(name, 0, kHeadLengthMax));
      MINERVA_ASSIGN(const auto mla, count("attention.key_length_mla", 1, kHeadLengthMax));
      const std::uint32_t most = std::max(limit, mla.value_or(0));
      const bool is_none = rotated && *rotated == 0 && rotates;
      if (rotated && (is_none || *rotated % 2 != 0 || (most > 0 && *rotated > most))) {
        return bad("key '{}' is {}, expected an even number{} of at most {} (the key's length)", key(name),
                   *rotated, rotates ? " from 2" : "", most);
      }
    }
    if (out_.key_length % 2 != 0 && !metadata_.contains(key("rope.dimension_count")))
      return bad("heads have {} elements, expected an even number", out_.key_length);
    for (const char* name : {"rope.freq_base", "rope.freq_base_swa"}) {
      MINERVA_ASSIGN(const auto base, metadata_.get<float>(key(name)));
      if (base && *base <= 0) return bad("key '{}' is {}, expected a positive number", key(name), *base);
    }
    for (const char* name : {"rope.scaling.factor", "rope.scale_linear"}) {
      MINERVA_ASSIGN(const auto factor, metadata_.get<float>(key(name)));
      if (factor && *factor < 0)
        return bad("key '{}' is {}, expected no negative number", key(name), *factor);
    }
    MINERVA_ASSIGN(const auto type, metadata_.get_string(key("rope.scaling.type"), 64));
    constexpr auto kTypes = std::to_array<std::string_view>({"none", "linear", "yarn", "longrope"});
    if (type && std::ranges::find(kTypes, *type) == kTypes.end()) {
      return bad("key '{}' is {}, expected none, linear, yarn or longrope", key("rope.scaling.type"),
                 quoted(*type));
    }
    return sections();
  }

  // How a head's dimensions are split between time, height and width.
  Result<void> sections() const {
    MINERVA_ASSIGN(const gguf::ArrayInfo* array, metadata_.get_array(key("rope.dimension_sections")));
    if (array == nullptr) return {};
    std::int64_t sum = 0;
    std::int64_t least = 0;
    const auto add = [&](const auto& numbers) {
      for (const auto number : numbers) {
        sum += number;
        least = std::min<std::int64_t>(least, number);
      }
    };
    if (array->element == gguf::ValueType::U32) {
      MINERVA_ASSIGN(const auto numbers,
                     metadata_.get_numbers<std::uint32_t>(key("rope.dimension_sections")));
      add(numbers);
    } else {
      MINERVA_ASSIGN(const auto numbers, metadata_.get_numbers<std::int32_t>(key("rope.dimension_sections")));
      add(numbers);
    }
    if (array->count > 4 || least < 0 || sum <= 0 || sum > kHeadLengthMax) {
      return bad("key '{}' has {} elements with the sum {}, expected at most 4 with a positive sum",
                 key("rope.dimension_sections"), array->count, sum);
    }
    return {};
  }

  Result<void> window() {
    const gguf::KeyValue* const entry = metadata_.find(key("attention.sliding_window"));
    if (entry != nullptr && entry->type != gguf::ValueType::Array) {
      MINERVA_ASSIGN(const auto window, count("attention.sliding_window", 0, kContextMax));
      out_.sliding_window = window;
    }
    const Architecture* const architecture = find_architecture(architecture_);
    if (architecture != nullptr && architecture->needs_window && out_.sliding_window.value_or(0) == 0)
      return bad("key '{}' is missing or 0, expected the tokens of a window",
                 key("attention.sliding_window"));
    const gguf::KeyValue* const pattern = metadata_.find(key("attention.sliding_window_pattern"));
    if (pattern == nullptr) return {};
    if (pattern->type != gguf::ValueType::Array) {
      MINERVA_ASSIGN(const auto every, count("attention.sliding_window_pattern", 0, limits::kLayerCountMax));
      out_.window_pattern = every.value_or(0);
      return {};
    }
    const auto& array = std::get<gguf::ArrayInfo>(pattern->value);
    if (array.count != out_.block_count) {
      return bad("key '{}' has {} elements, expected {} as in '{}'", key("attention.sliding_window_pattern"),
                 array.count, out_.block_count, key("block_count"));
    }
    return window_layers(array);
  }

  Result<void> window_layers(const gguf::ArrayInfo& array) {
    const std::string name = key("attention.sliding_window_pattern");
    const auto take = [&](const auto& numbers) {
      for (const auto number : numbers) out_.has_window.push_back(number != 0);
    };
    if (array.element == gguf::ValueType::U32) {
      MINERVA_ASSIGN(const auto numbers, metadata_.get_numbers<std::uint32_t>(name));
      take(numbers);
    } else if (array.element == gguf::ValueType::I32) {
      MINERVA_ASSIGN(const auto numbers, metadata_.get_numbers<std::int32_t>(name));
      take(numbers);
    } else {
      MINERVA_ASSIGN(const auto numbers, metadata_.get_numbers<std::uint8_t>(name));
      take(numbers);
    }
    return {};
  }

  // What the memory of earlier tokens is made of, where it is not keys and values.
  Result<void> state() {
    MINERVA_ASSIGN(const auto mla, count("attention.key_length_mla", 1, kHeadLengthMax));
    out_.latent_attention = mla.has_value();
    MINERVA_ASSIGN(const auto interval, count("full_attention_interval", 1, limits::kLayerCountMax));
    out_.full_attention_interval = interval.value_or(0);
    MINERVA_ASSIGN(const auto kernel, count("ssm.conv_kernel", 1, 1024));
    MINERVA_ASSIGN(const auto inner, count("ssm.inner_size", 1, kLengthMax));
    MINERVA_ASSIGN(const auto length, count("ssm.state_size", 1, kHeadLengthMax));
    MINERVA_ASSIGN(const auto groups, count("ssm.group_count", 0, kHeadLengthMax));
    if (!kernel || !inner || !length) return {};
    const std::uint64_t elements =
        std::uint64_t{*kernel} * (*inner + 2 * std::uint64_t{groups.value_or(0)} * *length) +
        std::uint64_t{*inner} * *length;
    if (elements > kCountMax)
      return bad("the recurrent state of a layer ('{}') is too large", key("ssm.inner_size"));
    out_.state_elements = static_cast<std::uint32_t>(elements);
    return {};
  }

  Result<void> vocabulary() {
    MINERVA_ASSIGN(const gguf::ArrayInfo* tokens, metadata_.get_array("tokenizer.ggml.tokens"));
    if (tokens != nullptr)
      out_.vocabulary_size = static_cast<std::uint32_t>(std::min(tokens->count, limits::kVocabularySizeMax));
    return {};
  }

  const gguf::Metadata& metadata_;
  std::string_view architecture_;
  HyperParameters out_;
};

}  // namespace

Result<HyperParameters> check_hyper_parameters(const gguf::Metadata& metadata,
                                               std::string_view architecture) {
  return Checker(metadata, architecture).run();
}

}  // namespace minerva
