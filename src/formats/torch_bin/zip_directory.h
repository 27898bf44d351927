// Where the entries of a zip archive lie in its file. For archives whose entries are stored, not compressed,
// so that they can be mapped in place; that offset is what general zip libraries keep to themselves.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace minerva::torch_bin {

struct ZipEntry {
  std::string name;
  std::uint64_t header_offset = 0;  ///< of the local header, from the start of the file
  std::uint64_t data_offset = 0;
  std::uint64_t bytes = 0;
};

/// The entries of one archive. What `read` returns is sound: all data lies inside the file, before the
/// directory, without overlap; names are unique. Names are only ever compared, never used as paths. Checksums
/// are not looked at: torch can be told not to compute them. Immutable, thread-safe.
class ZipDirectory {
 public:
  /// Reads the directory and every local header. Errors: ModelLoading for a damaged archive (trailing bytes
  /// and comments included: PyTorch writes none), one in several parts, or with a compressed or encrypted
  /// entry.
  static Result<ZipDirectory> read(const ByteSource& source);

  ~ZipDirectory() = default;
  ZipDirectory(ZipDirectory&&) = default;
  ZipDirectory& operator=(ZipDirectory&&) = default;
  ZipDirectory(const ZipDirectory&) = delete;  // the index points into the entries
  ZipDirectory& operator=(const ZipDirectory&) = delete;

  /// In the order of the directory.
  std::span<const ZipEntry> entries() const noexcept { return entries_; }
  /// Null when there is none.
  const ZipEntry* find(std::string_view name) const noexcept;

 private:
  ZipDirectory() = default;

  std::vector<ZipEntry> entries_;
  std::unordered_map<std::string_view, std::size_t> index_;  // into the names of entries_
};

}  // namespace minerva::torch_bin
