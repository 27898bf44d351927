#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include "convert/cache_folder.h"
#include "convert/conversion.h"
#include "convert/convert.h"
#include "convert/model_identity.h"

namespace minerva::convert {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kGivenMax = 8;
constexpr int kTries = 16;
constexpr auto kUsersWait = std::chrono::seconds(5);
constexpr const char* kFolderLock = ".lock";  // no entry has an empty key

Result<void> make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) return {};
  return invalid_request(fmt::format("the folder '{}' cannot be made: {}", folder.string(), error.message()),
                         "Check that this user may write there (ls -ld).");
}

/// Whether the caller wants to go on, told that nothing is done yet.
std::function<bool()> still_wanted(const LoadProgress& progress) {
  return [&progress] { return !progress || progress(0); };
}

// The lock to make what is not there. While others make it that takes as long as it takes; those who only use
// it keep it for as long as they live, although somebody has removed the file.
Result<FileLock> wait_to_make(const CacheEntry& entry, const LoadProgress& progress) {
  const auto until = std::chrono::steady_clock::now() + kUsersWait;
  bool gave_up = false;
  auto making = FileLock::wait(entry.lock(), FileLock::Kind::Exclusive, [&] {
    if (!still_wanted(progress)()) return false;
    gave_up = std::chrono::steady_clock::now() > until &&
              FileLock::attempt(entry.lock(), FileLock::Kind::Shared).has_value();
    return !gave_up;
  });
  if (making || !gave_up) return making;
  return fail(ErrorCode::Busy,
              fmt::format("'{}' is gone or damaged, while another program uses it", entry.model().string()),
              "Close the programs that run this model, then open it again.");
}

}  // namespace

ConversionCache::ConversionCache(fs::path folder, std::uint64_t bytes_max)
    : folder_(std::move(folder)), bytes_max_(bytes_max) {}

Result<void> ConversionCache::make(const ModelDescription& description, const CacheEntry& entry,
                                   const std::string& identity, const LoadProgress& progress) const {
  entry.remove_partial();
  MINERVA_ASSIGN(const Conversion conversion,
                 Conversion::plan(description, {.tokenizer = TokenizerUse::IfPossible}));
  const std::uint64_t bytes = conversion.file_bytes();
  MINERVA_TRY(entry.announce(bytes, identity));
  {
    MINERVA_ASSIGN(const FileLock folder,
                   FileLock::wait(folder_ / kFolderLock, FileLock::Kind::Exclusive, still_wanted(progress)));
    MINERVA_TRY(make_room(folder_, entry.key(), bytes, bytes_max_));
  }
  MINERVA_TRY(conversion.write(entry.model(), OutputFile::Existing::Replace, progress));
  // The directory may have changed while it was read: then this is neither the old nor the new model.
  MINERVA_ASSIGN(const std::string now, model_identity(description));
  if (now == identity) return {};
  return model_loading(fmt::format("'{}' changed while it was converted", description.name),
                       "Try again once nobody writes to it.");
}

Result<ConvertedModel> ConversionCache::acquire(const ModelDescription& description,
                                                const LoadProgress& progress) {
  MINERVA_TRY(can_convert(description));
  MINERVA_ASSIGN(const std::string identity, model_identity(description));
  MINERVA_TRY(make_folder(folder_));
  const CacheEntry entry(folder_, identity_key(description.name, identity));
  for (int i = 0; i < kTries; ++i) {
    MINERVA_ASSIGN(FileLock lock,
                   FileLock::wait(entry.lock(), FileLock::Kind::Shared, still_wanted(progress)));
    if (entry.holds(identity)) {
      entry.touch();
      return ConvertedModel{entry.model(), std::make_shared<const FileLock>(std::move(lock))};
    }
    {
      const FileLock given_up = std::move(lock);
    }
    forget(entry.model());
    MINERVA_ASSIGN(const FileLock making, wait_to_make(entry, progress));
    if (entry.holds(identity)) continue;  // another made it while we waited
    if (const auto made = make(description, entry, identity, progress); !made) {
      entry.remove();
      return std::unexpected(made.error());
    }
  }
  return invalid_request("the converted model is removed again and again before it can be used",
                         "Raise the limit of the folder of converted models.");
}

Result<fs::path> ConversionCache::get(const ModelDescription& description, const LoadProgress& progress) {
  auto model = acquire(description, progress);
  while (!model && model.error().code == ErrorCode::Busy && forget_oldest()) {
    model = acquire(description, progress);
  }
  if (!model) return std::unexpected(std::move(model).error());
  const std::lock_guard guard(mutex_);
  std::erase_if(given_, [&](const ConvertedModel& other) { return other.path == model->path; });
  given_.push_front(*model);
  if (given_.size() > kGivenMax) given_.pop_back();
  return model->path;
}

void ConversionCache::forget(const fs::path& model) {
  const std::lock_guard guard(mutex_);
  std::erase_if(given_, [&](const ConvertedModel& given) { return given.path == model; });
}

bool ConversionCache::forget_oldest() {
  const std::lock_guard guard(mutex_);
  if (given_.empty()) return false;
  given_.pop_back();
  return true;
}

}  // namespace minerva::convert
