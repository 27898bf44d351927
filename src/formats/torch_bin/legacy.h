// What torch.save wrote before PyTorch 1.6: five pickles, one after the other, and then the storages' bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "formats/torch_bin/pickle_machine.h"

namespace minerva::torch_bin {

/// Whether a file that begins with `head` is one.
bool is_legacy(std::string_view head) noexcept;

struct LegacyFile {
  std::vector<std::byte> bytes;  ///< what `pickled` points into
  Pickled pickled;
  std::vector<std::uint64_t>
      storage_offsets;  ///< for each storage of the heap, in bytes from the file's start
};

/// Reads the pickles of a file that is_legacy; each storage lies in the file. Errors: ModelLoading.
Result<LegacyFile> read_legacy(const ByteSource& source);

}  // namespace minerva::torch_bin
