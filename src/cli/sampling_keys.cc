#include "cli/sampling_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "cli/numbers.h"

namespace minerva::cli {
namespace {

template <class T>
std::string shown(const std::optional<T>& value) {
  return value ? fmt::format("{}", *value) : "default";
}

template <auto Field, auto Parse>
constexpr SamplingKey key(std::string_view flags, std::string_view placeholder, std::string_view help,
                          Listed listed = Listed::InFull) {
  return {.flags = flags,
          .placeholder = placeholder,
          .help = help,
          .listed = listed,
          .set = [](SamplingOptions& options, std::string_view what, std::string_view value) -> Result<void> {
            MINERVA_ASSIGN(options.*Field, Parse(what, value));
            return {};
          },
          .reset = [](SamplingOptions& options) { (options.*Field).reset(); },
          .show = [](const SamplingOptions& options) { return shown(options.*Field); }};
}

// A seed, or -1 for a random one.
Result<std::optional<std::uint64_t>> parse_seed(std::string_view what, std::string_view text) {
  if (text == "-1") return std::nullopt;
  return parse_uint64(what, text);
}

using S = SamplingOptions;
constexpr auto kKeys = std::to_array<SamplingKey>({
    key<&S::temperature, parse_float>("--temp,--temperature", "F",
                                      "randomness; 0 = always the likeliest token (0.8)", Listed::InShort),
    key<&S::top_k, parse_int>("--top-k", "N", "draw from the N likeliest tokens; 0 = off (40)"),
    key<&S::top_p, parse_float>("--top-p", "F", "draw from the likeliest F of probability (0.95)"),
    key<&S::min_p, parse_float>("--min-p", "F", "drop tokens below F times the best; 0 = off (0.05)"),
    key<&S::typical_p, parse_float>("--typical,--typical-p", "F", "locally typical sampling; 1 = off (1)"),
    key<&S::repetition_penalty, parse_float>("--repeat-penalty,--repetition-penalty", "F",
                                             "divide logits of tokens seen by F; 1 = off (1)"),
    key<&S::penalty_last_n, parse_int>("--repeat-last-n", "N",
                                       "tokens the penalties look back on; -1 = all (64)"),
    key<&S::presence_penalty, parse_float>("--presence-penalty", "F",
                                           "subtract F from logits of tokens seen (0)"),
    key<&S::frequency_penalty, parse_float>("--frequency-penalty", "F",
                                            "subtract F for each time a token was seen (0)"),
    key<&S::no_repeat_ngram_size, parse_int>("--no-repeat-ngram-size", "N",
                                             "N tokens in a row come once only; 0 = off (0)"),
    key<&S::seed, parse_seed>("-s,--seed", "N", "make the draw repeatable; -1 = random (-1)",
                              Listed::InShort),
});

std::string normal(std::string_view typed) {
  typed.remove_prefix(std::min(typed.find_first_not_of('-'), typed.size()));
  std::string name(typed);
  std::ranges::replace(name, '-', '_');
  return name;
}

}  // namespace

std::string SamplingKey::name() const {
  std::string_view rest = flags;
  if (!rest.starts_with("--")) rest.remove_prefix(rest.find("--"));
  return normal(rest.substr(0, rest.find(',')));
}

std::span<const SamplingKey> sampling_keys() {
  return kKeys;
}

const SamplingKey* find_sampling_key(std::string_view typed) {
  const std::string wanted = normal(typed);
  for (const SamplingKey& key : kKeys) {
    for (std::string_view rest = key.flags; !rest.empty();) {
      const auto comma = std::min(rest.find(','), rest.size());
      if (normal(rest.substr(0, comma)) == wanted) return &key;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return nullptr;
}

}  // namespace minerva::cli
