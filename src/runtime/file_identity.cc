#include "runtime/file_identity.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>

namespace minerva {
namespace {

// What a Hugging Face directory's meaning depends on beside its weights.
constexpr std::array kDirectoryFiles = {"config.json",
                                        "generation_config.json",
                                        "tokenizer.json",
                                        "tokenizer_config.json",
                                        "tokenizer.model",
                                        "special_tokens_map.json",
                                        "added_tokens.json",
                                        "vocab.json",
                                        "merges.txt",
                                        "chat_template.json",
                                        "chat_template.jinja",
                                        "additional_chat_templates",
                                        "model.safetensors.index.json",
                                        "pytorch_model.bin.index.json"};

FileStamp stamp(const std::filesystem::path& path) {
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  FileStamp out{.path = path};
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return out;
  out.exists = true;
  out.device = status.st_dev;
  out.inode = status.st_ino;
  // A directory's own size says nothing.
  out.size = S_ISDIR(status.st_mode) ? 0 : static_cast<std::uint64_t>(status.st_size);
  // Entries that come and go change a directory's time: a cache that other programs write there would too.
  out.modified_ns = S_ISDIR(status.st_mode)
                        ? 0
                        : std::int64_t{status.st_mtim.tv_sec} * kNanoseconds + status.st_mtim.tv_nsec;
  return out;
}

}  // namespace

FileIdentity identity_of(const ModelDescription& description) {
  FileIdentity identity;
  for (const auto& file : description.weight_files) identity.files.push_back(stamp(file));
  std::error_code ignored;
  if (description.format != Format::Gguf && std::filesystem::is_directory(description.path, ignored)) {
    for (const char* name : kDirectoryFiles) identity.files.push_back(stamp(description.path / name));
  }
  return identity;
}

FileIdentity look_again(const FileIdentity& identity) {
  FileIdentity now;
  now.files.reserve(identity.files.size());
  for (const FileStamp& file : identity.files) now.files.push_back(stamp(file.path));
  return now;
}

std::filesystem::path first_difference(const FileIdentity& before, const FileIdentity& after) {
  const auto [a, b] = std::ranges::mismatch(before.files, after.files);
  if (a != before.files.end()) return a->path;
  return b != after.files.end() ? b->path : std::filesystem::path{};
}

}  // namespace minerva
