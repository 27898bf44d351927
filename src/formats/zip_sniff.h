// Which program wrote a zip archive, from the names of its first entries.
#pragma once

#include <string_view>

#include "formats/kind.h"

namespace minerva {

/// `head` starts with a local file header. A PyTorch file, a Keras model, NumPy arrays, or just a zip.
Kind sniff_zip(std::string_view head, std::string_view file_name);

}  // namespace minerva
