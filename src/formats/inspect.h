// What lies at a path: the common first step of `detect` and `describe`.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "formats/kind.h"

namespace minerva {

/// The names in a directory, sorted; at most limits::kDirectoryEntryCountMax of them.
class DirectoryListing {
 public:
  /// Errors: InvalidRequest when it cannot be read.
  static Result<DirectoryListing> read(const std::filesystem::path& path);

  const std::filesystem::path& path() const noexcept { return path_; }
  const std::vector<std::string>& names() const noexcept { return names_; }
  bool contains(std::string_view name) const;
  /// The names that end in `suffix`.
  std::vector<std::string> ending_in(std::string_view suffix) const;

 private:
  std::filesystem::path path_;
  std::vector<std::string> names_;
};

struct Inspection {
  std::filesystem::path path;  ///< canonical but for the last part: a link keeps the name the user knows
  Kind kind = Kind::UnknownFile;
  bool is_directory = false;
  bool holds = false;  ///< a directory that is not a model of this kind but holds one
  /// For Kind::Gguf: the file; or, when a directory holds several models, all of them.
  std::vector<std::filesystem::path> gguf_files;
};

/// Errors: InvalidRequest when nothing is there or it cannot be read. Thread-safe.
Result<Inspection> inspect(const std::filesystem::path& path);

/// The name of `path`'s last part, for messages; "." and "/" keep some name.
std::string display_name(const std::filesystem::path& path);

}  // namespace minerva
