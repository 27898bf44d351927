#include "formats/torch_bin/legacy.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/checked.h"
#include "base/limits.h"
#include "formats/quote.h"

namespace minerva::torch_bin {
namespace {

using Kind = Value::Kind;

// The pickle of the number 0x1950a86a20f9469cfc6c.
constexpr std::string_view kMagic = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

class LegacyReader {
 public:
  explicit LegacyReader(const ByteSource& source) : source_(source) {}

  Result<LegacyFile> run() {
    LegacyFile file;
    file.bytes.resize(std::min(source_.size(), limits::kPickleBytesMax));
    MINERVA_TRY(source_.read(0, file.bytes));
    rest_ = std::span<const std::byte>(file.bytes).subspan(kMagic.size());
    MINERVA_TRY(version());
    MINERVA_TRY(machine());
    MINERVA_ASSIGN(file.pickled, next());
    MINERVA_ASSIGN(const Pickled keys, next());
    MINERVA_ASSIGN(const auto offsets, data(keys, file.pickled.heap, file.bytes.size() - rest_.size()));
    for (const StorageValue& storage : file.pickled.heap.storages) {
      const auto found = offsets.find(storage.key);
      if (found == offsets.end())
        return bad(fmt::format("lacks storage {}, which a tensor needs", quoted(storage.key)));
      file.storage_offsets.push_back(found->second);
    }
    return file;
  }

 private:
  using Offsets = std::unordered_map<std::string_view, std::uint64_t>;

  std::unexpected<Error> bad(std::string_view what) const {
    return model_loading(fmt::format("'{}' {}", source_.name(), what), kDownloadAgain);
  }

  Result<Pickled> next() {
    std::size_t used = 0;
    MINERVA_ASSIGN(Pickled pickled, run_first_pickle(rest_, source_.name(), used));
    rest_ = rest_.subspan(used);
    return pickled;
  }

  Result<void> version() {
    MINERVA_ASSIGN(const Pickled pickled, next());
    constexpr std::int64_t kKnown = 1001;
    if (pickled.root.kind == Kind::Int && pickled.root.number == kKnown) return {};
    return bad("is of a version of PyTorch's old format that is not known");
  }

  /// What the machine was that wrote the file.
  Result<void> machine() {
    MINERVA_ASSIGN(const Pickled pickled, next());
    if (pickled.root.kind != Kind::Dict) return bad("does not say what machine wrote it");
    for (const auto& [key, value] : pickled.heap.dicts[pickled.root.index()].items) {
      const bool order = key.kind == Kind::String && pickled.heap.strings[key.index()] == "little_endian";
      if (order && (value.kind != Kind::Bool || value.number == 0))
        return bad("has its numbers' bytes in big-endian order");
    }
    return {};
  }

  /// Each storage is the number of its elements, in eight bytes, and then these. The list of keys has their
  /// order.
  Result<Offsets> data(const Pickled& keys, const Heap& heap, std::uint64_t offset) const {
    if (keys.root.kind != Kind::List) return bad("has no list of its storages");
    std::unordered_map<std::string_view, const StorageValue*> storages;
    for (const StorageValue& storage : heap.storages) {
      const auto [known, added] = storages.emplace(storage.key, &storage);
      if (!added && bytes_of(*known->second) != bytes_of(storage)) {
        return bad(fmt::format("says two sizes of storage {}", quoted(storage.key)));
      }
    }
    Offsets offsets;
    for (const Value& key : keys.heap.sequences[keys.root.index()]) {
      const auto found =
          key.kind == Kind::String ? storages.find(keys.heap.strings[key.index()]) : storages.end();
      if (found == storages.end()) return bad("has a storage that no tensor names");
      MINERVA_ASSIGN(offset, place(*found->second, offset, offsets));
    }
    return offsets;
  }

  static std::optional<std::uint64_t> bytes_of(const StorageValue& storage) {
    return checked_multiply(storage.elements, storage.element_bytes);
  }

  /// The end of the storage that lies at `offset`.
  Result<std::uint64_t> place(const StorageValue& storage, std::uint64_t offset, Offsets& offsets) const {
    std::uint64_t elements = 0;
    MINERVA_TRY(source_.read(offset, std::as_writable_bytes(std::span(&elements, 1))));
    if (elements != storage.elements) {
      return bad(fmt::format("has {} elements in storage {}, expected {}", elements, quoted(storage.key),
                             storage.elements));
    }
    const std::uint64_t begin = offset + sizeof(elements);
    const auto bytes = bytes_of(storage);
    if (!bytes || *bytes > source_.size() - begin) {
      return bad(
          fmt::format("ends too early: storage {} has {} elements of {} bytes, but the file has {} bytes",
                      quoted(storage.key), storage.elements, storage.element_bytes, source_.size()));
    }
    offsets.emplace(storage.key, begin);
    return begin + *bytes;
  }

  const ByteSource& source_;
  std::span<const std::byte> rest_;
};

}  // namespace

bool is_legacy(std::string_view head) noexcept {
  return head.starts_with(kMagic);
}

Result<LegacyFile> read_legacy(const ByteSource& source) {
  return LegacyReader(source).run();
}

}  // namespace minerva::torch_bin
