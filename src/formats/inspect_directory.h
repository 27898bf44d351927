// What a directory is, from the names in it.
#pragma once

#include "formats/inspect.h"

namespace minerva {

/// Fills kind and gguf_files of `out`, whose path is a directory.
Result<void> inspect_directory(Inspection& out);

/// The names of `files` (sorted, all ending in .gguf) that each stand for a model: the first shard of a split
/// set, and no image encoders or importance matrices where there is something else.
std::vector<std::string> gguf_models(const std::vector<std::string>& files);

}  // namespace minerva
