// Amounts as people write them, read strictly.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace minerva {

/// Bytes: "1000000", "512M", "1.5G", "2GiB". K, M, G and T are powers of 1,024. `what` names the flag or key
/// in the error. Errors: InvalidRequest.
Result<std::uint64_t> parse_bytes(std::string_view what, std::string_view text);

/// A time: "300ms", "30s", "5m", "1.5h", or a number of seconds: "300". Negative: for ever (-1 ms). Errors:
/// InvalidRequest.
Result<std::chrono::milliseconds> parse_duration(std::string_view what, std::string_view text);

}  // namespace minerva
