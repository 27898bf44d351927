#include "convert/cache_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <system_error>
#include <utility>

#include "base/checked.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/output_file.h"

namespace minerva::convert {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLockEnding = ".lock";

std::uint64_t file_bytes(const fs::path& path) noexcept {
  std::error_code error;
  const auto bytes = fs::file_size(path, error);
  return error ? 0 : bytes;
}

/// What a lock file begins with.
std::uint64_t announced_bytes(std::string_view text) noexcept {
  std::uint64_t bytes = 0;
  std::from_chars(text.data(), text.data() + text.size(), bytes);
  return bytes;
}

std::uint64_t sum(std::uint64_t a, std::uint64_t b) noexcept {
  return checked_add(a, b).value_or(std::numeric_limits<std::uint64_t>::max());
}

}  // namespace

CacheEntry::CacheEntry(fs::path folder, std::string key)
    : folder_(std::move(folder)),
      key_(std::move(key)),
      model_(folder_ / (key_ + ".gguf")),
      lock_(folder_ / (key_ + std::string(kLockEnding))) {}

bool CacheEntry::holds(const std::string& identity) const {
  if (!path_exists(model_)) return false;
  const auto text = read_file(lock_, limits::kConfigBytesMax);
  if (!text) return false;
  const std::size_t line = text->find('\n');
  if (line == std::string::npos || std::string_view(*text).substr(line + 1) != identity) return false;
  return announced_bytes(*text) == file_bytes(model_);  // else it was damaged: it is made again
}

Result<void> CacheEntry::announce(std::uint64_t bytes, const std::string& identity) const {
  // Into the locked file itself: another one would have another lock.
  return overwrite_file(lock_, fmt::format("{}\n{}", bytes, identity));
}

void CacheEntry::touch() const noexcept {
  std::error_code ignored;
  fs::last_write_time(lock_, fs::file_time_type::clock::now(), ignored);
}

fs::file_time_type CacheEntry::last_use() const noexcept {
  std::error_code error;
  const auto time = fs::last_write_time(lock_, error);
  return error ? fs::file_time_type::min() : time;
}

std::uint64_t CacheEntry::bytes() const noexcept {
  if (path_exists(model_)) return file_bytes(model_);
  const auto text = read_file(lock_, limits::kConfigBytesMax);
  return text ? announced_bytes(*text) : 0;
}

void CacheEntry::remove_partial() const noexcept {
  for (const auto& [partial, owner] : partial_files(model_)) {
    std::error_code ignored;
    fs::remove(partial, ignored);
  }
}

void CacheEntry::remove() const noexcept {
  std::error_code ignored;
  fs::remove(model_, ignored);
  remove_partial();
  fs::remove(lock_, ignored);
}

std::vector<CacheEntry> cache_entries(const fs::path& folder) {
  std::vector<std::pair<fs::file_time_type, CacheEntry>> found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.ends_with(kLockEnding) || name.size() == kLockEnding.size()) continue;
    CacheEntry one(folder, name.substr(0, name.size() - kLockEnding.size()));
    const auto time = one.last_use();
    found.emplace_back(time, std::move(one));
  }
  std::ranges::sort(found, {}, [](const auto& entry) { return entry.first; });
  std::vector<CacheEntry> entries;
  entries.reserve(found.size());
  for (auto& entry : found) entries.push_back(std::move(entry.second));
  return entries;
}

Result<void> make_room(const fs::path& folder, const std::string& keep, std::uint64_t bytes,
                       std::uint64_t bytes_max) {
  if (bytes > bytes_max) {
    return invalid_request(
        fmt::format("the converted model needs {} bytes, and the folder of converted models may have {}",
                    bytes, bytes_max),
        "Raise that limit, or convert the model to a file of its own with 'minerva convert'.");
  }
  const auto entries = cache_entries(folder);
  std::uint64_t total = bytes;
  for (const CacheEntry& entry : entries) {
    if (entry.key() == keep) continue;
    const auto lock = FileLock::attempt(entry.lock(), FileLock::Kind::Exclusive);
    if (lock && !path_exists(entry.model())) entry.remove();  // its conversion broke off
    if (!lock || path_exists(entry.model())) total = sum(total, entry.bytes());
  }
  for (const CacheEntry& entry : entries) {
    if (total <= bytes_max) return {};
    if (entry.key() == keep) continue;
    const auto lock = FileLock::attempt(entry.lock(), FileLock::Kind::Exclusive);
    if (!lock) continue;
    total -= std::min(total, entry.bytes());
    entry.remove();
  }
  if (total <= bytes_max) return {};
  return fail(
      ErrorCode::Busy,
      fmt::format("the converted model needs {} bytes, and those in use leave less than that of the {} that "
                  "the folder of converted models may have",
                  bytes, bytes_max),
      "Close other models, or raise that limit.");
}

}  // namespace minerva::convert
