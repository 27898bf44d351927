// What tells one state of a file from another.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace minerva {

/// Device, inode, size and times of the last change, as text; nothing when there is no such file.
std::optional<std::string> file_identity(const std::filesystem::path& path);

}  // namespace minerva
