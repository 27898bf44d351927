#include "formats/torch_bin/torch_bin.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/checked.h"
#include "base/limits.h"
#include "formats/quote.h"
#include "formats/stand_in.h"
#include "formats/torch_bin/legacy.h"
#include "formats/torch_bin/pickle_machine.h"
#include "formats/torch_bin/zip_directory.h"

namespace minerva::torch_bin {
namespace {

using Kind = Value::Kind;

constexpr const char* kSaveAgain =
    "Save the model again as safetensors: python -c \"from transformers import AutoModelForCausalLM as M; "
    "M.from_pretrained('DIR').save_pretrained('NEW_DIR')\".";

constexpr std::string_view kZipMagic = "PK";
constexpr std::string_view kTarMark = "ustar";
constexpr std::size_t kTarMarkOffset = 257;

/// Refuses by the first bytes what is no checkpoint, by what it is.
std::unexpected<Error> no_checkpoint(std::string_view head, const ByteSource& source) {
  if (auto error = stand_in_error(head, source.size(), source.name()))
    return std::unexpected(*std::move(error));
  if (head.substr(std::min(head.size(), kTarMarkOffset)).starts_with(kTarMark)) {
    return invalid_request(
        fmt::format("'{}' is a tar archive, as PyTorch wrote them before version 0.1.11", source.name()),
        kSaveAgain);
  }
  return model_loading(
      fmt::format("'{}' is not a PyTorch checkpoint: it does not begin as a zip archive does, nor as "
                  "a file of PyTorch before 1.6",
                  source.name()),
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
    if (checked_multiply(storage.elements, storage.element_bytes) != entry->bytes) {
      return model_loading(
          fmt::format("'{}': storage {} should hold {} elements of {} bytes, but has {} bytes", file,
                      minerva::quoted(storage.key), storage.elements, storage.element_bytes, entry->bytes),
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

/// Lists the entries of a state dictionary: its tensors, and what has the place of one and is not read.
class Lister {
 public:
  Lister(const Heap& heap, const std::vector<std::uint64_t>& offsets, const std::string& file)
      : heap_(heap), offsets_(offsets), file_(file) {}

  Result<std::vector<TensorInfo>> run(const DictValue& dict) {
    for (const auto& [key, value] : dict.items) {
      const bool listed = value.kind == Kind::Tensor || value.kind == Kind::Other;
      if (!listed || key.kind != Kind::String) continue;  // a model asks for names
      const std::string_view name = heap_.strings[key.index()];
      if (!names_.insert(name).second) {
        return model_loading(fmt::format("'{}': two tensors are named {}", file_, minerva::quoted(name)),
                             kDownloadAgain);
      }
      tensors_.push_back(value.kind == Kind::Tensor ? tensor(name, heap_.tensors[value.index()])
                                                    : unreadable(name, heap_.others[value.index()]));
    }
    const bool any =
        std::ranges::any_of(tensors_, [](const TensorInfo& info) { return info.problem.empty(); });
    if (!any) return no_tensors(heap_, dict, file_);
    return std::move(tensors_);
  }

 private:
  static TensorInfo unreadable(std::string_view name, std::string problem) {
    return {.name = std::string(name), .problem = std::move(problem)};
  }
  TensorInfo tensor(std::string_view name, const TensorValue& tensor) {
    const std::uint64_t element_bytes = dtype_bits(tensor.dtype) / 8;
    const StorageValue& storage = heap_.storages[tensor.storage];
    std::uint64_t elements = 1;  // check_bounds counted them: no overflow
    for (const std::uint64_t size : tensor.shape) elements *= size;
    if (elements > storage.elements * storage.element_bytes / element_bytes) {
      expanded_bytes_ += elements * element_bytes;  // at most limits::kExpandedTensorBytesMax
      if (expanded_bytes_ > limits::kExpandedBytesMax) {
        return unreadable(name, "repeats stored numbers, as others do, more than is copied");
      }
    }
    // Inside the storage, which lies inside the file: no overflow.
    const std::uint64_t offset = offsets_[tensor.storage] + tensor.offset * element_bytes;
    return {.name = std::string(name),
            .dtype = tensor.dtype,
            .shape = tensor.shape,
            .strides = tensor.strides,
            .offset = offset};
  }

  const Heap& heap_;
  const std::vector<std::uint64_t>& offsets_;
  const std::string& file_;
  std::unordered_set<std::string_view> names_;
  std::uint64_t expanded_bytes_ = 0;
  std::vector<TensorInfo> tensors_;
};

Result<std::vector<TensorInfo>> list_tensors(const Pickled& pickled,
                                             const std::vector<std::uint64_t>& offsets,
                                             const std::string& file) {
  if (pickled.root.kind != Kind::Dict) {
    return model_loading(
        fmt::format("'{}' holds {}; expected a dictionary of tensors", file, kind_name(pickled.root.kind)),
        kSaveAgain);
  }
  return Lister(pickled.heap, offsets, file).run(pickled.heap.dicts[pickled.root.index()]);
}

Result<std::vector<TensorInfo>> read_zip(const ByteSource& source) {
  const std::string& file = source.name();
  MINERVA_ASSIGN(const ZipDirectory zip, ZipDirectory::read(source));
  MINERVA_ASSIGN(const std::string prefix, find_prefix(zip, file));
  MINERVA_TRY(refuse_torch_script(zip, prefix, file));
  MINERVA_TRY(check_byte_order(source, zip, prefix));
  MINERVA_ASSIGN(const auto pickle, read_pickle(source, *zip.find(prefix + "data.pkl")));
  MINERVA_ASSIGN(const Pickled pickled, run_pickle(pickle, file));
  MINERVA_ASSIGN(const auto offsets, place_storages(pickled.heap, zip, prefix, file));
  return list_tensors(pickled, offsets, file);
}

}  // namespace

Result<std::vector<TensorInfo>> read_tensors(const ByteSource& source) {
  std::string head(std::min<std::uint64_t>(source.size(), limits::kDetectBytes), '\0');
  MINERVA_TRY(source.read(0, std::as_writable_bytes(std::span(head))));
  if (head.starts_with(kZipMagic)) return read_zip(source);
  if (!is_legacy(head)) return no_checkpoint(head, source);
  MINERVA_ASSIGN(const LegacyFile legacy, read_legacy(source));
  return list_tensors(legacy.pickled, legacy.storage_offsets, source.name());
}

}  // namespace minerva::torch_bin
