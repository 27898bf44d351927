// Shared by the tests of conversion: converted models, and what llama.cpp makes of them.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "convert/convert.h"
#include "minerva/types.h"
#include "support/temp_dir.h"

namespace minerva::testing {

/// A model of tests/data by its name: in models/, formats/ or conversions/.
std::filesystem::path test_model(const std::string& name);

/// SmolLM2 in BF16, written from the default model once for the program; empty where that is missing.
std::filesystem::path smollm2_directory();

ModelDescription describe_directory(const std::filesystem::path& directory);

/// Converts into `folder` and fails the test on an error. The path of the file.
std::filesystem::path convert_into(const TempDir& folder, const std::filesystem::path& directory,
                                   convert::ConversionOptions options);

nlohmann::json read_json(const std::filesystem::path& path);

/// A copy of a test model whose files a test may change.
class ModelCopy {
 public:
  explicit ModelCopy(const std::string& name);
  const std::filesystem::path& path() const { return folder_.path(); }
  /// Changes config.json (or another JSON file) by a merge patch; null removes a field.
  void patch(const nlohmann::json& change, const char* file = "config.json") const;

 private:
  TempDir folder_;
};

std::string sha256_of(std::span<const std::byte> bytes);

}  // namespace minerva::testing
