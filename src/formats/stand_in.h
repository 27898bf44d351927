// What stands in place of a model's file where a download or a checkout went wrong, named for what it is.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace minerva {

/// The ModelLoading error when `head`, the first bytes (limits::kDetectBytes, or all) of the file `name` of
/// `file_bytes` bytes, are a Git LFS pointer or a web page. Nothing for anything else, sound or not.
std::optional<Error> stand_in_error(std::string_view head, std::uint64_t file_bytes, std::string_view name);

/// read_file, for files in which neither of these can be meant. Errors: also those of stand_in_error.
Result<std::string> read_model_file(const std::filesystem::path& path, std::uint64_t bytes_max,
                                    std::size_t padding = 0);

/// The ModelLoading error for `text`, the whole file `name`, which is no JSON: a Git LFS pointer, a web page,
/// nothing, a message in place of the file, JSON that ends in the middle, or else what the parser says
/// (`reason`).
std::unexpected<Error> not_json(std::string_view text, std::string_view name, std::string_view reason);

}  // namespace minerva
