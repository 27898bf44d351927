#include "convert/model_identity.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "base/file_identity.h"

namespace minerva::convert {
namespace {

/// Raised when the same directory gives another file.
constexpr int kConverterVersion = 2;

constexpr std::size_t kNameBytesMax = 40;

std::uint64_t fnv1a(std::string_view text, std::uint64_t hash) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

}  // namespace

Result<std::string> model_identity(const ModelDescription& description) {
  std::set<std::filesystem::path> files(description.weight_files.begin(), description.weight_files.end());
  for (const char* name : {"config.json", "generation_config.json", "tokenizer.json", "tokenizer.model",
                           "vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json",
                           "added_tokens.json", "chat_template.jinja", "chat_template.json"}) {
    files.insert(description.path / name);
  }
  std::string identity = fmt::format("converter {}\n{}\n", kConverterVersion, description.path.string());
  for (const auto& file : files) {
    const auto state = file_identity(file);
    if (!state && std::ranges::find(description.weight_files, file) != description.weight_files.end()) {
      return model_loading(fmt::format("'{}' is gone", file.filename().string()), kDownloadAgain);
    }
    identity += fmt::format("{} {}\n", file.filename().string(), state.value_or("-"));
  }
  return identity;
}

std::string identity_key(const std::string& name, const std::string& identity) {
  std::string key;
  for (const char c : name.substr(0, kNameBytesMax)) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
    key += plain ? c : '_';
  }
  constexpr std::uint64_t kStart = 0xcbf29ce484222325ULL;
  return fmt::format("{}-{:016x}{:016x}", key, fnv1a(identity, kStart), fnv1a(identity, ~kStart));
}

}  // namespace minerva::convert
