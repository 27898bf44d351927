// What a file is, from its first bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "formats/kind.h"

namespace minerva {

/// `bytes`: the first limits::kDetectBytes bytes of a file of `file_bytes` bytes (all of it when shorter).
/// `name`, the file's, decides only between formats that begin alike. Reads nothing else; any bytes will do.
Kind sniff(std::span<const std::byte> bytes, std::uint64_t file_bytes, std::string_view name);

}  // namespace minerva
