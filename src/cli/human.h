// Quantities as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace minerva::cli {

/// "8,192".
std::string with_commas(std::uint64_t number);

/// Decimal units, as shops and downloads have them: "98.0 MB", "1.6 GB", "512 bytes".
std::string human_bytes(std::uint64_t bytes);

/// "134.5 M", "8.03 B": three digits that mean something.
std::string human_count(std::uint64_t count);

/// `text` in double quotes with what can't be seen written out: "\n", "\t", bytes that are no character as
/// \xNN.
std::string visible(std::string_view text);

}  // namespace minerva::cli
