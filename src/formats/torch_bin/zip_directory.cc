#include "formats/torch_bin/zip_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "base/checked.h"
#include "base/limits.h"
#include "formats/quote.h"

namespace minerva::torch_bin {
namespace {

// Sizes of the records without their names and extra fields, and their signatures. PKWARE APPNOTE 4.3.
constexpr std::uint64_t kEndBytes = 22;
constexpr std::uint64_t kLocator64Bytes = 20;
constexpr std::uint64_t kEnd64Bytes = 56;
constexpr std::uint64_t kCentralBytes = 46;
constexpr std::uint64_t kLocalBytes = 30;
constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::uint32_t kLocator64Signature = 0x07064b50;
constexpr std::uint32_t kEnd64Signature = 0x06064b50;
constexpr std::uint32_t kCentralSignature = 0x02014b50;
constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr std::uint16_t kZip64Extra = 1;
constexpr std::uint32_t kIn64 = 0xFFFFFFFF;  // "the number stands in the zip64 record"
constexpr std::uint16_t kIn64Short = 0xFFFF;
constexpr std::uint16_t kEncryptedFlags = 0x2041;  // encrypted, strongly encrypted, masked
constexpr std::uint16_t kSizesFollowFlag = 0x8;    // sizes are in a descriptor after the data

/// The little-endian number at `offset`; the caller has checked that it is there.
template <class T>
T number_at(std::span<const std::byte> bytes, std::uint64_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

/// A zip64 record's numbers, read in order, each only where the short one says so.
class Zip64Fields {
 public:
  explicit Zip64Fields(std::span<const std::byte> extra) : rest_(extra) {}
  std::optional<std::uint64_t> resolve(std::uint32_t short_value) {
    if (short_value != kIn64) return short_value;
    if (rest_.size() < sizeof(std::uint64_t)) return std::nullopt;
    const auto value = number_at<std::uint64_t>(rest_, 0);
    rest_ = rest_.subspan(sizeof(std::uint64_t));
    return value;
  }

 private:
  std::span<const std::byte> rest_;
};

/// The zip64 record among the extra fields; empty when there is none.
std::span<const std::byte> find_zip64(std::span<const std::byte> extra) {
  while (extra.size() >= 4) {
    const auto id = number_at<std::uint16_t>(extra, 0);
    const std::size_t size = number_at<std::uint16_t>(extra, 2);
    if (size > extra.size() - 4) break;
    if (id == kZip64Extra) return extra.subspan(4, size);
    extra = extra.subspan(4 + size);
  }
  return {};
}

struct Bounds {
  std::uint64_t entry_count = 0;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

class Reader {
 public:
  explicit Reader(const ByteSource& source) : source_(source) {}

  Result<std::vector<ZipEntry>> read() {
    MINERVA_ASSIGN(const Bounds bounds, find_directory());
    if (bounds.entry_count > limits::kZipEntryCountMax || bounds.bytes > limits::kZipDirectoryBytesMax) {
      return damaged(fmt::format("its directory claims {} entries in {} bytes; at most {} in {} are read",
                                 bounds.entry_count, bounds.bytes, limits::kZipEntryCountMax,
                                 limits::kZipDirectoryBytesMax));
    }
    if (bounds.entry_count > bounds.bytes / kCentralBytes) {
      return damaged(fmt::format("its directory claims {} entries but has only {} bytes", bounds.entry_count,
                                 bounds.bytes));
    }
    std::vector<std::byte> directory(bounds.bytes);
    MINERVA_TRY(source_.read(bounds.offset, directory));
    MINERVA_ASSIGN(auto entries, parse_directory(directory, bounds));
    for (ZipEntry& entry : entries) MINERVA_TRY(place(entry, bounds.offset));
    MINERVA_TRY(check_overlaps(entries));
    return entries;
  }

 private:
  std::unexpected<Error> damaged(std::string_view what) const {
    return model_loading(fmt::format("'{}' is not a sound zip archive: {}", source_.name(), what),
                         kDownloadAgain);
  }

  /// The end record stands at the very end of the file, the zip64 one before it, the directory before both.
  Result<Bounds> find_directory() const {
    const std::uint64_t size = source_.size();
    std::array<std::byte, kEndBytes> end{};
    if (size < kEndBytes) return damaged(fmt::format("it has only {} bytes", size));
    MINERVA_TRY(source_.read(size - kEndBytes, end));
    if (number_at<std::uint32_t>(end, 0) != kEndSignature || number_at<std::uint16_t>(end, 20) != 0) {
      return damaged(
          fmt::format("the directory expected at its end (byte {}) is not there", size - kEndBytes));
    }
    Bounds bounds{.entry_count = number_at<std::uint16_t>(end, 10),
                  .offset = number_at<std::uint32_t>(end, 16),
                  .bytes = number_at<std::uint32_t>(end, 12)};
    const bool one_part = number_at<std::uint32_t>(end, 4) == 0 &&
                          number_at<std::uint16_t>(end, 8) == number_at<std::uint16_t>(end, 10);
    MINERVA_ASSIGN(const std::uint64_t directory_end, apply_zip64(bounds, size - kEndBytes));
    const auto claimed_end = checked_add(bounds.offset, bounds.bytes);
    // torch leaves the part numbers of the end record at zero also with zip64.
    if (!one_part) return damaged("it is one part of several");
    if (claimed_end != directory_end) {
      return damaged(fmt::format("its directory of {} bytes at byte {} does not end at byte {}", bounds.bytes,
                                 bounds.offset, directory_end));
    }
    return bounds;
  }

  /// Replaces what the zip64 end record knows better. Returns where the directory must end.
  Result<std::uint64_t> apply_zip64(Bounds& bounds, std::uint64_t end_offset) const {
    std::array<std::byte, kLocator64Bytes> locator{};
    if (end_offset >= kLocator64Bytes) MINERVA_TRY(source_.read(end_offset - kLocator64Bytes, locator));
    if (number_at<std::uint32_t>(locator, 0) != kLocator64Signature) {
      if (bounds.offset == kIn64 || bounds.bytes == kIn64 || bounds.entry_count == kIn64Short) {
        return damaged("its zip64 record is missing");
      }
      return end_offset;
    }
    const std::uint64_t locator_offset = end_offset - kLocator64Bytes;
    const auto record_offset = number_at<std::uint64_t>(locator, 8);
    if (locator_offset < kEnd64Bytes || record_offset > locator_offset - kEnd64Bytes) {
      return damaged(fmt::format("its zip64 record is said to stand at byte {}, beyond byte {}",
                                 record_offset, locator_offset));
    }
    std::array<std::byte, kEnd64Bytes> record{};
    MINERVA_TRY(source_.read(record_offset, record));
    const auto record_bytes = checked_add<std::uint64_t>(number_at<std::uint64_t>(record, 4), 12);
    if (number_at<std::uint32_t>(record, 0) != kEnd64Signature ||
        record_bytes != locator_offset - record_offset) {
      return damaged(fmt::format("there is no zip64 record at byte {}", record_offset));
    }
    const Bounds wide{.entry_count = number_at<std::uint64_t>(record, 32),
                      .offset = number_at<std::uint64_t>(record, 48),
                      .bytes = number_at<std::uint64_t>(record, 40)};
    const auto differs = [](std::uint64_t narrow, std::uint64_t in64, std::uint64_t value) {
      return narrow != in64 && narrow != value;
    };
    if (number_at<std::uint64_t>(record, 16) != 0 ||
        number_at<std::uint64_t>(record, 24) != wide.entry_count) {
      return damaged("it is one part of several");
    }
    if (differs(bounds.entry_count, kIn64Short, wide.entry_count) ||
        differs(bounds.offset, kIn64, wide.offset) || differs(bounds.bytes, kIn64, wide.bytes)) {
      return damaged("its two end records contradict each other");
    }
    bounds = wide;
    return record_offset;
  }

  Result<std::vector<ZipEntry>> parse_directory(std::span<const std::byte> directory,
                                                const Bounds& bounds) const {
    std::vector<ZipEntry> entries;
    entries.reserve(bounds.entry_count);
    while (entries.size() < bounds.entry_count) {
      if (directory.size() < kCentralBytes || number_at<std::uint32_t>(directory, 0) != kCentralSignature) {
        return damaged(fmt::format("entry {} of {} in its directory is cut or damaged", entries.size() + 1,
                                   bounds.entry_count));
      }
      const std::uint64_t name_bytes = number_at<std::uint16_t>(directory, 28);
      const std::uint64_t extra_bytes = number_at<std::uint16_t>(directory, 30);
      const std::uint64_t record_bytes =
          kCentralBytes + name_bytes + extra_bytes + number_at<std::uint16_t>(directory, 32);
      if (record_bytes > directory.size()) {
        return damaged(
            fmt::format("entry {} of {} in its directory is cut", entries.size() + 1, bounds.entry_count));
      }
      MINERVA_ASSIGN(ZipEntry entry, parse_entry(directory.first(record_bytes), name_bytes, extra_bytes));
      entries.push_back(std::move(entry));
      directory = directory.subspan(record_bytes);
    }
    if (!directory.empty()) {
      return damaged(fmt::format("its directory has {} bytes after its {} entries", directory.size(),
                                 bounds.entry_count));
    }
    return entries;
  }

  Result<ZipEntry> parse_entry(std::span<const std::byte> record, std::uint64_t name_bytes,
                               std::uint64_t extra_bytes) const {
    ZipEntry entry;
    entry.name.assign(reinterpret_cast<const char*>(record.data()) + kCentralBytes, name_bytes);
    if ((number_at<std::uint16_t>(record, 8) & kEncryptedFlags) != 0) {
      return damaged(fmt::format("entry {} is encrypted", quoted(entry.name)));
    }
    if (number_at<std::uint16_t>(record, 10) != 0) {
      return model_loading(fmt::format("'{}': entry {} is compressed; PyTorch stores its entries as they are",
                                       source_.name(), quoted(entry.name)),
                           "The file was packed again by another program: download the original, or unpack "
                           "it and save it with "
                           "torch.save.");
    }
    Zip64Fields wide(find_zip64(record.subspan(kCentralBytes + name_bytes, extra_bytes)));
    const auto bytes = wide.resolve(number_at<std::uint32_t>(record, 24));
    const auto stored_bytes = wide.resolve(number_at<std::uint32_t>(record, 20));
    const auto header_offset = wide.resolve(number_at<std::uint32_t>(record, 42));
    if (!bytes || !stored_bytes || !header_offset) {
      return damaged(fmt::format("entry {} lacks its zip64 sizes", quoted(entry.name)));
    }
    if (*bytes != *stored_bytes) {
      return damaged(fmt::format("entry {} is stored but its sizes differ: {} and {} bytes",
                                 quoted(entry.name), *bytes, *stored_bytes));
    }
    entry.bytes = *bytes;
    entry.header_offset = *header_offset;
    return entry;
  }

  /// Reads the local header, which alone tells where the data begins.
  Result<void> place(ZipEntry& entry, std::uint64_t data_end) const {
    if (data_end < kLocalBytes || entry.header_offset > data_end - kLocalBytes) {
      return damaged(fmt::format("entry {} is said to begin at byte {}, beyond byte {}", quoted(entry.name),
                                 entry.header_offset, data_end));
    }
    std::vector<std::byte> header(std::min(kLocalBytes + entry.name.size(), data_end - entry.header_offset));
    MINERVA_TRY(source_.read(entry.header_offset, header));
    const std::uint64_t name_bytes = number_at<std::uint16_t>(header, 26);
    const bool same_name = name_bytes == entry.name.size() && header.size() == kLocalBytes + name_bytes &&
                           std::memcmp(header.data() + kLocalBytes, entry.name.data(), name_bytes) == 0;
    if (number_at<std::uint32_t>(header, 0) != kLocalSignature || !same_name) {
      return damaged(fmt::format("entry {} does not begin at byte {} as the directory says",
                                 quoted(entry.name), entry.header_offset));
    }
    const auto flags = number_at<std::uint16_t>(header, 6);
    const auto size_differs = [&](std::uint64_t at) {
      const auto size = number_at<std::uint32_t>(header, at);
      return (flags & kSizesFollowFlag) == 0 && size != kIn64 && size != entry.bytes;
    };
    if ((flags & kEncryptedFlags) != 0 || number_at<std::uint16_t>(header, 8) != 0 || size_differs(18) ||
        size_differs(22)) {
      return damaged(fmt::format("the header of entry {} contradicts the directory", quoted(entry.name)));
    }
    entry.data_offset = entry.header_offset + kLocalBytes + name_bytes + number_at<std::uint16_t>(header, 28);
    if (entry.data_offset > data_end || entry.bytes > data_end - entry.data_offset) {
      return damaged(fmt::format("entry {} has {} bytes at byte {}, but the data ends at byte {}",
                                 quoted(entry.name), entry.bytes, entry.data_offset, data_end));
    }
    return {};
  }

  Result<void> check_overlaps(const std::vector<ZipEntry>& entries) const {
    std::vector<const ZipEntry*> sorted;
    sorted.reserve(entries.size());
    for (const ZipEntry& entry : entries) sorted.push_back(&entry);
    std::ranges::sort(sorted, {}, &ZipEntry::header_offset);
    for (std::size_t i = 1; i < sorted.size(); ++i) {
      if (sorted[i]->header_offset < sorted[i - 1]->data_offset + sorted[i - 1]->bytes) {
        return damaged(
            fmt::format("entries {} and {} overlap", quoted(sorted[i - 1]->name), quoted(sorted[i]->name)));
      }
    }
    return {};
  }

  // Not std::quoted, which argument-dependent lookup would find for a std::string.
  static std::string quoted(std::string_view name) { return minerva::quoted(name); }

  const ByteSource& source_;
};

}  // namespace

Result<ZipDirectory> ZipDirectory::read(const ByteSource& source) {
  ZipDirectory directory;
  MINERVA_ASSIGN(directory.entries_, Reader(source).read());
  directory.index_.reserve(directory.entries_.size());
  for (std::size_t i = 0; i < directory.entries_.size(); ++i) {
    // Views stay valid when the directory is moved: a moved vector keeps its elements where they are.
    const std::string& name = directory.entries_[i].name;
    if (!directory.index_.emplace(name, i).second) {
      return model_loading(fmt::format("'{}' is not a sound zip archive: two entries are named {}",
                                       source.name(), minerva::quoted(name)),
                           kDownloadAgain);
    }
  }
  return directory;
}

const ZipEntry* ZipDirectory::find(std::string_view name) const noexcept {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &entries_[found->second];
}

}  // namespace minerva::torch_bin
