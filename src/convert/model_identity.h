// What tells one state of a Hugging Face directory from another.
#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"
#include "minerva/model_description.h"

namespace minerva::convert {

/// Path, and size, times and inode of every file that a conversion reads: a line each. Errors: ModelLoading
/// when one is gone.
Result<std::string> model_identity(const ModelDescription& description);

/// A short name for a file, from an identity: letters and digits.
std::string identity_key(const std::string& name, const std::string& identity);

}  // namespace minerva::convert
