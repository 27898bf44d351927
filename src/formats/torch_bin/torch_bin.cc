#include "formats/torch_bin/torch_bin.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/checked.h"
#include "base/limits.h"
#include "formats/quote.h"
#include "formats/torch_bin/pickle_machine.h"
#include "formats/torch_bin/zip_directory.h"

namespace minerva::torch_bin {
namespace {

using Kind = Value::Kind;

constexpr const char* kSaveAgain =
    "Save the model again as safetensors: python -c \"from transformers import AutoModelForCausalLM as M; "
    "M.from_pretrained('DIR').save_pretrained('NEW_DIR')\".";

constexpr std::string_view kZipMagic = "PK";
// A pickle of the number 0x1950a86a20f9469cfc6c, protocol 2: torch.save before 1.6.
constexpr std::string_view kLegacyMagic = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
constexpr std::string_view kLfsMagic = "version https://git-lfs";

/// Refuses by the first bytes what is no zip archive, by what it is.
Result<void> check_magic(const ByteSource& source) {
  std::string head(std::min<std::uint64_t>(source.size(), kLfsMagic.size()), '\0');
  MINERVA_TRY(source.read(0, std::as_writable_bytes(std::span(head))));
  if (head.starts_with(kZipMagic)) return {};
  if (head.starts_with(kLegacyMagic)) {
    return invalid_request(
        fmt::format("'{}' is in the format of PyTorch before 1.6, which is not supported", source.name()),
        kSaveAgain);
  }
  if (head.starts_with(kLfsMagic)) {
    return model_loading(
        fmt::format("'{}' is a Git LFS pointer of {} bytes, not the weights", source.name(), source.size()),
        "Fetch the weights with 'git lfs pull', or download the file from the model's page.");
  }
  return model_loading(
      fmt::format("'{}' is not a PyTorch checkpoint: it does not begin as a zip archive does", source.name()),
      kDownloadAgain);
}

/// "archive/" of the one entry "archive/data.pkl".
Result<std::string> find_prefix(const ZipDirectory& zip, const std::string& file) {
  constexpr std::string_view kPickle = "/data.pkl";
  std::string prefix;
  for (const ZipEntry& entry : zip.entries()) {
    const std::string_view name = entry.name;
    if (!name.ends_with(kPickle) || name.find('/') != name.size() - kPickle.size()) continue;
    if (!prefix.empty()) {
      return model_loading(fmt::format("'{}' holds more than one data.pkl", file), kDownloadAgain);
    }
    prefix = name.substr(0, name.size() - kPickle.size() + 1);
  }
  if (prefix.empty()) {
    return model_loading(
        fmt::format("'{}' is a zip archive, but no PyTorch checkpoint: it has no data.pkl", file),
        kDownloadAgain);
  }
  return prefix;
}

Result<void> refuse_torch_script(const ZipDirectory& zip, const std::string& prefix,
                                 const std::string& file) {
  const std::string code = prefix + "code/";
  const auto is_code = [&](const ZipEntry& entry) { return entry.name.starts_with(code); };
  if (zip.find(prefix + "constants.pkl") == nullptr && std::ranges::none_of(zip.entries(), is_code))
    return {};
  return invalid_request(fmt::format("'{}' is a TorchScript program, not a state dictionary", file),
                         kSaveAgain);
}

Result<void> check_byte_order(const ByteSource& source, const ZipDirectory& zip, const std::string& prefix) {
  const ZipEntry* entry = zip.find(prefix + "byteorder");
  if (entry == nullptr) return {};  // PyTorch before 2.1 did not say, and wrote little endian
  std::string order(std::min<std::uint64_t>(entry->bytes, 16), '\0');
  MINERVA_TRY(source.read(entry->data_offset, std::as_writable_bytes(std::span(order))));
  if (order == "little") return {};
  return model_loading(
      fmt::format("'{}' has the byte order {}; expected 'little'", source.name(), minerva::quoted(order)),
      kSaveAgain);
}

Result<std::vector<std::byte>> read_pickle(const ByteSource& source, const ZipEntry& entry) {
  if (entry.bytes > limits::kPickleBytesMax) {
    return model_loading(fmt::format("'{}': data.pkl has {} bytes; at most {} are read", source.name(),
                                     entry.bytes, limits::kPickleBytesMax),
                         kDownloadAgain);
  }
  std::vector<std::byte> bytes(entry.bytes);
  MINERVA_TRY(source.read(entry.data_offset, bytes));
  return bytes;
}

/// Where each storage of the heap lies in the file.
Result<std::vector<std::uint64_t>> place_storages(const Heap& heap, const ZipDirectory& zip,
                                                  const std::string& prefix, const std::string& file) {
  std::vector<std::uint64_t> offsets;
  offsets.reserve(heap.storages.size());
  for (const StorageValue& storage : heap.storages) {
    const ZipEntry* entry = zip.find(fmt::format("{}data/{}", prefix, storage.key));
    if (entry == nullptr) {
      return model_loading(
          fmt::format("'{}' lacks storage {}, which a tensor needs", file, minerva::quoted(storage.key)),
          kDownloadAgain);
    }
    const std::uint64_t element_bytes = storage.dtype ? dtype_bits(*storage.dtype) / 8 : 1;
    if (checked_multiply(storage.elements, element_bytes) != entry->bytes) {
      return model_loading(
          fmt::format("'{}': storage {} should hold {} elements of {} bytes, but has {} bytes", file,
                      minerva::quoted(storage.key), storage.elements, element_bytes, entry->bytes),
          kDownloadAgain);
    }
    offsets.push_back(entry->data_offset);
  }
  return offsets;
}

bool has_tensor(const Heap& heap, const Value& value) {
  return value.kind == Kind::Dict &&
         std::ranges::any_of(heap.dicts[value.index()].items,
                             [](const auto& item) { return item.second.kind == Kind::Tensor; });
}

std::unexpected<Error> no_tensors(const Heap& heap, const DictValue& dict, const std::string& file) {
  for (const auto& [key, value] : dict.items) {
    if (key.kind != Kind::String || !has_tensor(heap, value)) continue;
    return invalid_request(fmt::format("'{}' is a training checkpoint: its tensors lie under {}", file,
                                       minerva::quoted(heap.strings[key.index()])),
                           kSaveAgain);
  }
  return model_loading(fmt::format("'{}' holds no tensors", file), kDownloadAgain);
}

Result<std::vector<TensorInfo>> list_tensors(const Pickled& pickled,
                                             const std::vector<std::uint64_t>& offsets,
                                             const std::string& file) {
  const Heap& heap = pickled.heap;
  if (pickled.root.kind != Kind::Dict) {
    return model_loading(
        fmt::format("'{}' holds {}; expected a dictionary of tensors", file, kind_name(pickled.root.kind)),
        kSaveAgain);
  }
  const DictValue& dict = heap.dicts[pickled.root.index()];
  std::vector<TensorInfo> tensors;
  std::unordered_set<std::string_view> names;
  for (const auto& [key, value] : dict.items) {
    if (value.kind != Kind::Tensor) continue;
    if (key.kind != Kind::String) {
      return model_loading(
          fmt::format("'{}': a tensor's name is {}; expected a string", file, kind_name(key.kind)),
          kSaveAgain);
    }
    const std::string_view name = heap.strings[key.index()];
    if (!names.insert(name).second) {
      return model_loading(fmt::format("'{}': two tensors are named {}", file, minerva::quoted(name)),
                           kDownloadAgain);
    }
    const TensorValue& tensor = heap.tensors[value.index()];
    // Inside the storage, which lies inside the file: no overflow.
    const std::uint64_t offset = offsets[tensor.storage] + tensor.offset * (dtype_bits(tensor.dtype) / 8);
    tensors.push_back({std::string(name), tensor.dtype, tensor.shape, tensor.strides, offset});
  }
  if (tensors.empty()) return no_tensors(heap, dict, file);
  return tensors;
}

}  // namespace

Result<std::vector<TensorInfo>> read_tensors(const ByteSource& source) {
  const std::string& file = source.name();
  MINERVA_TRY(check_magic(source));
  MINERVA_ASSIGN(const ZipDirectory zip, ZipDirectory::read(source));
  MINERVA_ASSIGN(const std::string prefix, find_prefix(zip, file));
  MINERVA_TRY(refuse_torch_script(zip, prefix, file));
  MINERVA_TRY(check_byte_order(source, zip, prefix));
  MINERVA_ASSIGN(const auto pickle, read_pickle(source, *zip.find(prefix + "data.pkl")));
  MINERVA_ASSIGN(const Pickled pickled, run_pickle(pickle, file));
  MINERVA_ASSIGN(const auto offsets, place_storages(pickled.heap, zip, prefix, file));
  return list_tensors(pickled, offsets, file);
}

}  // namespace minerva::torch_bin
