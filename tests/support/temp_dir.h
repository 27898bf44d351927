// A folder that lives as long as a test.
#pragma once

#include <filesystem>
#include <span>
#include <string_view>

namespace minerva::testing {

class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::filesystem::path& path() const { return path_; }
  /// Writes a file (folders are made as needed) and returns its path.
  std::filesystem::path write(std::string_view name, std::string_view content) const;

 private:
  std::filesystem::path path_;
};

/// Model files that tools/setup fetched; the test is skipped with a reason where one is missing (CI counts
/// such a skip as a failure).
std::filesystem::path smollm2_gguf();
std::filesystem::path gemma3_gguf();
std::filesystem::path minilm_dir();

}  // namespace minerva::testing

/// Skips the test when `path` does not exist.
#define MINERVA_NEEDS_MODEL(path) \
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "model missing: " << (path) << " (run tools/setup)"
