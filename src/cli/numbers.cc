#include "cli/numbers.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <string>

#include "base/terminal.h"
#include "minerva/generation.h"

namespace minerva::cli {
namespace {

std::string quoted(std::string_view text) {
  return fmt::format("'{}'", printable(text));
}

std::string_view without_plus(std::string_view text) {
  const bool plus = text.size() > 1 && text[0] == '+' && text[1] != '-';
  return plus ? text.substr(1) : text;
}

template <class T>
Result<T> parse_integer(std::string_view what, std::string_view text) {
  const std::string_view digits = without_plus(text);
  T value{};
  const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = !digits.empty() && end == digits.data() + digits.size();
  if (status == std::errc{} && whole) return value;
  if (status == std::errc::result_out_of_range && whole) {
    return invalid_request(fmt::format("{}: {} is too large", what, quoted(text)),
                           fmt::format("Give a whole number in [{}, {}].", std::numeric_limits<T>::min(),
                                       std::numeric_limits<T>::max()));
  }
  const std::string example = fmt::format("for example {} 64", what);
  if (std::is_unsigned_v<T> && digits.starts_with('-')) {
    return invalid_request(fmt::format("{}: {} is negative", what, quoted(text)),
                           fmt::format("Give a whole number of 0 or more, {}.", example));
  }
  return invalid_request(fmt::format("{}: {} is not a whole number", what, quoted(text)),
                         fmt::format("Give a whole number in digits, {}.", example));
}

Result<double> parse_double(std::string_view what, std::string_view text, bool may_be_infinite) {
  const std::string_view digits = without_plus(text);
  double value = 0;
  const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = !digits.empty() && end == digits.data() + digits.size();
  if (status == std::errc{} && whole && (std::isfinite(value) || (may_be_infinite && std::isinf(value))))
    return value;
  if (status == std::errc::result_out_of_range && whole) {
    return invalid_request(fmt::format("{}: {} is too large or too small", what, quoted(text)),
                           fmt::format("Give a number such as {} 0.7.", what));
  }
  return invalid_request(fmt::format("{}: {} is not a number", what, quoted(text)),
                         fmt::format("Give a number with a point for decimals, for example {} 0.7.", what));
}

Result<float> narrow(std::string_view what, std::string_view text, double value) {
  if (std::isfinite(value) && std::abs(value) > static_cast<double>(std::numeric_limits<float>::max())) {
    return invalid_request(fmt::format("{}: {} is too large", what, quoted(text)),
                           fmt::format("Give a number such as {} 0.7.", what));
  }
  return static_cast<float>(value);
}

}  // namespace

Result<int> parse_int(std::string_view what, std::string_view text) {
  return parse_integer<int>(what, text);
}
Result<std::uint32_t> parse_uint32(std::string_view what, std::string_view text) {
  return parse_integer<std::uint32_t>(what, text);
}
Result<std::uint64_t> parse_uint64(std::string_view what, std::string_view text) {
  return parse_integer<std::uint64_t>(what, text);
}

Result<float> parse_float(std::string_view what, std::string_view text) {
  MINERVA_ASSIGN(const double value, parse_double(what, text, false));
  return narrow(what, text, value);
}

Result<std::uint32_t> parse_limit(std::string_view what, std::string_view text) {
  if (text == "-1") return kUnlimitedTokens;
  if (text.starts_with('-')) {
    MINERVA_TRY(parse_integer<std::int64_t>(what, text));
    return invalid_request(fmt::format("{}: {} is negative", what, quoted(text)),
                           "Give the most tokens that the answer may have, or -1 for no limit.");
  }
  return parse_uint32(what, text);
}

Result<std::vector<TokenId>> parse_token_ids(std::string_view what, std::string_view text) {
  std::vector<TokenId> ids;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto comma = std::min(text.find(',', begin), text.size());
    std::string_view item = text.substr(begin, comma - begin);
    item.remove_prefix(std::min(item.find_first_not_of(" \n\t"), item.size()));
    item = item.substr(0, item.find_last_not_of(" \n\t") + 1);
    const auto id = parse_integer<TokenId>(what, item);
    if (!id) {
      return invalid_request(
          fmt::format("{}: {} is not a token id", what, quoted(item)),
          fmt::format("Give token ids with commas between them, for example {} 1,450,22172; "
                      "`minerva tokenize` prints the ids of a text.",
                      what));
    }
    ids.push_back(*id);
    begin = comma + 1;
  }
  return ids;
}

Result<std::pair<TokenId, float>> parse_logit_bias(std::string_view what, std::string_view text) {
  const auto sign = text.find_first_of("+-", 1);
  const auto wrong = [&] {
    return invalid_request(
        fmt::format("{}: {} is not of the form ID+BIAS or ID-BIAS", what, quoted(text)),
        fmt::format("Write the token id, the sign and the bias, for example {0} 15043+1.5, or "
                    "{0} 15043-inf to ban a token.",
                    what));
  };
  if (sign == std::string_view::npos) return wrong();
  const auto id = parse_integer<TokenId>(what, text.substr(0, sign));
  const auto bias = parse_double(what, text.substr(sign), true);
  if (!id || !bias) return wrong();
  MINERVA_ASSIGN(const float narrowed, narrow(what, text, *bias));
  return std::pair{*id, narrowed};
}

}  // namespace minerva::cli
