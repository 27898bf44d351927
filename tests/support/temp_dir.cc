#include "support/temp_dir.h"

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>

#include "support/paths.h"

namespace minerva::testing {

TempDir::TempDir() {
  std::string pattern = (std::filesystem::temp_directory_path() / "minerva-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed: " + pattern);
  path_ = pattern;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path TempDir::write(std::string_view name, std::string_view content) const {
  const auto file = path_ / name;
  std::filesystem::create_directories(file.parent_path());
  std::ofstream out(file, std::ios::binary);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  if (!out) throw std::runtime_error("cannot write " + file.string());
  return file;
}

std::filesystem::path smollm2_gguf() {
  return assets() / "SmolLM2-135M-Instruct.Q4_1.gguf";
}
std::filesystem::path gemma3_gguf() {
  return assets() / "gemma-3-270m-q4_k_m.gguf";
}
std::filesystem::path minilm_dir() {
  return assets() / "all-MiniLM-L6-v2";
}

}  // namespace minerva::testing
