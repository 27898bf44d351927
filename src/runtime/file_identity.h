// Which files a model was loaded from, exactly: a file that was changed or replaced is noticed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "minerva/model_description.h"

namespace minerva {

/// One file as it was when it was looked at.
struct FileStamp {
  std::filesystem::path path;
  bool exists = false;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;

  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

/// The files of a model: weights, and for a directory the directory itself, its configuration, tokenizer and
/// templates.
struct FileIdentity {
  std::vector<FileStamp> files;

  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

/// Looks at every file of the model (one system call each); a missing one is part of the identity.
FileIdentity identity_of(const ModelDescription& description);
/// The same files as they are now.
FileIdentity look_again(const FileIdentity& identity);
/// The first file that differs, for messages; empty when none does.
std::filesystem::path first_difference(const FileIdentity& before, const FileIdentity& after);

}  // namespace minerva
