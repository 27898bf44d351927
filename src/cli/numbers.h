// Numbers as people type them, read strictly: the whole text, no overflow, no NaN. `what` names the flag or
// key in the error message. Whether a number is in range is the engine's business, not decided here.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/quantity.h"
#include "minerva/types.h"

namespace minerva::cli {

Result<int> parse_int(std::string_view what, std::string_view text);
Result<std::uint32_t> parse_uint32(std::string_view what, std::string_view text);
Result<std::uint64_t> parse_uint64(std::string_view what, std::string_view text);
Result<float> parse_float(std::string_view what, std::string_view text);

/// A count where -1 means "no limit", as llama.cpp's -n -1: kUnlimitedTokens then.
Result<std::uint32_t> parse_limit(std::string_view what, std::string_view text);

using minerva::parse_bytes;  // base/quantity.h

/// "1,2,3", spaces allowed after a comma; at least one.
Result<std::vector<TokenId>> parse_token_ids(std::string_view what, std::string_view text);

/// llama.cpp's "ID+BIAS" or "ID-BIAS": "15043+1.5", "15043-inf".
Result<std::pair<TokenId, float>> parse_logit_bias(std::string_view what, std::string_view text);

}  // namespace minerva::cli
