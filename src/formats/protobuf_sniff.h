// Which of the model formats that are protocol buffers a file may be. They have no magic number: what tells
// them apart is which fields come first and what they hold.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "formats/kind.h"

namespace minerva {

/// ONNX, Core ML, TensorFlow SavedModel or graph; nothing when `head` is none of them.
std::optional<Kind> sniff_protobuf(std::string_view head, std::uint64_t file_bytes, std::string_view name);

}  // namespace minerva
