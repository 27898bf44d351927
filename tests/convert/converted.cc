#include "convert/converted.h"

#include <sha256.h>

#include <array>
#include <fstream>

#include "conversion/hf_directory.h"
#include "support/paths.h"

namespace minerva::testing {

namespace fs = std::filesystem;

fs::path test_model(const std::string& name) {
  if (name == "smollm2") return smollm2_directory();
  for (const char* group : {"models", "formats", "conversions"}) {
    const fs::path path = test_data() / group / name;
    if (fs::exists(path / "config.json")) return path;
  }
  ADD_FAILURE() << "no test model " << name;
  return {};
}

fs::path smollm2_directory() {
  if (!fs::exists(smollm2_gguf())) return {};
  static const TempDir folder;
  static const Result<void> written = write_hf_directory(smollm2_gguf(), folder.path());
  EXPECT_TRUE(written) << written.error().message;
  return folder.path();
}

ModelDescription describe_directory(const fs::path& directory) {
  auto description = describe(directory);
  EXPECT_TRUE(description) << description.error().message;
  return description.value_or(ModelDescription{});
}

fs::path convert_into(const TempDir& folder, const fs::path& directory, convert::ConversionOptions options) {
  const fs::path out = folder.path() / "model.gguf";
  const auto report = convert::convert_to_gguf(describe_directory(directory), out, options, {});
  EXPECT_TRUE(report) << directory << ": " << report.error().message;
  return out;
}

nlohmann::json read_json(const fs::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  return nlohmann::json::parse(file, nullptr, false);
}

ModelCopy::ModelCopy(const std::string& name) {
  fs::copy(test_model(name), folder_.path(), fs::copy_options::recursive);
}

void ModelCopy::patch(const nlohmann::json& change, const char* file) const {
  nlohmann::json content = read_json(path() / file);
  content.merge_patch(change);
  folder_.write(file, content.dump());
}

std::string sha256_of(std::span<const std::byte> bytes) {
  std::array<char, SHA256_DIGEST_STRING_LENGTH> text{};
  SHA256Data(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), text.data());
  return text.data();
}

}  // namespace minerva::testing
