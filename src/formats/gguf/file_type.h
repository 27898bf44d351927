// The label of a GGUF file's quantisation ("Q4_K_M"), as far as its tensors bear it out.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "formats/gguf/file.h"

namespace minerva::gguf {

/// The name of a general.file_type number ("Q4_K_M" for 15), or empty when unknown.
std::string_view file_type_name(std::uint64_t file_type) noexcept;

/// The label for files with these tensors: general.file_type's name when a weight of that type (or of the
/// type that llama.cpp falls back on where rows don't fit its blocks) is there, else the type that most
/// elements have. Empty without tensors.
std::string quantisation_label(std::optional<std::uint64_t> file_type, std::span<const File> files);

}  // namespace minerva::gguf
