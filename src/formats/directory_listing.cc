#include <dirent.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/file.h"
#include "base/limits.h"
#include "formats/inspect.h"
#include "formats/quote.h"

namespace minerva {

Result<DirectoryListing> DirectoryListing::read(const std::filesystem::path& path) {
  struct Closer {
    void operator()(DIR* directory) const noexcept { ::closedir(directory); }
  };
  // readdir, because std::filesystem's iterator makes a path of every name.
  const std::unique_ptr<DIR, Closer> directory(::opendir(path.c_str()));
  if (!directory) {
    return invalid_request(fmt::format("the directory {} cannot be read: {}", quoted(display_name(path)),
                                       std::generic_category().message(errno)),
                           "Check that this user may read it (ls -ld).");
  }
  DirectoryListing listing;
  listing.path_ = path;
  while (listing.names_.size() < limits::kDirectoryEntryCountMax) {
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") listing.names_.emplace_back(name);
  }
  std::ranges::sort(listing.names_);
  return listing;
}

bool DirectoryListing::contains(std::string_view name) const {
  if (std::ranges::binary_search(names_, name)) return true;
  if (names_.size() < limits::kDirectoryEntryCountMax) return false;
  // It may be among those that were not listed.
  return path_exists(path_ / name);
}

std::vector<std::string> DirectoryListing::ending_in(std::string_view suffix) const {
  std::vector<std::string> found;
  for (const std::string& name : names_) {
    if (name.size() > suffix.size() && name.ends_with(suffix)) found.push_back(name);
  }
  return found;
}

}  // namespace minerva
