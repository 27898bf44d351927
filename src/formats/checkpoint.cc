#include "formats/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <new>
#include <span>
#include <utility>

#include "formats/checkpoint_reader.h"
#include "formats/quote.h"
#include "tensor/to_float.h"

namespace minerva {
namespace {

std::unexpected<Error> no_memory(const TensorView& tensor, std::uint64_t bytes) {
  return fail(ErrorCode::OutOfMemory,
              fmt::format("a copy of tensor {} needs {} bytes, which are not available",
                          minerva::quoted(tensor.name), bytes),
              "Close other programs, or take a smaller model or quantisation.");
}

std::uint64_t packed_bytes(const TensorView& tensor) {
  return static_cast<std::uint64_t>(tensor.elements()) * (dtype_bits(tensor.dtype) / 8);
}

}  // namespace

Result<std::shared_ptr<Checkpoint>> Checkpoint::open(const ModelDescription& description) {
  return CheckpointReader(description).read();
}

void Checkpoint::add(TensorView tensor) {
  const auto [found, added] = index_.emplace(tensor.name, tensors_.size());
  if (added) {
    tensors_.push_back(std::move(tensor));
  } else {
    tensors_[found->second] = std::move(tensor);
  }
}

const TensorView* Checkpoint::find(std::string_view name) const noexcept {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

Result<const TensorView*> Checkpoint::require(std::string_view name) const {
  if (const TensorView* tensor = find(name)) return tensor;
  if (const auto found = unreadable_.find(std::string(name)); found != unreadable_.end()) {
    return std::unexpected(found->second);
  }
  const std::string where = files_.size() == 1 ? fmt::format("'{}'", files_.front().name())
                                               : fmt::format("the {} weight files", files_.size());
  return model_loading(fmt::format("tensor {} is missing from {}, which {} {} tensors", minerva::quoted(name),
                                   where, files_.size() == 1 ? "holds" : "hold", tensors_.size()),
                       "Weights and configuration may belong to different models, or a download is "
                       "incomplete: download the model "
                       "again.");
}

template <class Fill>
Result<const std::byte*> Checkpoint::copy_of(const TensorView& tensor, std::uint64_t bytes, Fill fill) {
  const std::lock_guard lock(copies_mutex_);
  auto& copy = copies_[tensor.name];
  if (!copy) {
    std::unique_ptr<std::byte[]> made(new (std::nothrow) std::byte[bytes]);
    if (!made) return no_memory(tensor, bytes);
    MINERVA_TRY(fill(made.get()));
    copy = std::move(made);
    release_pages({tensor.data, static_cast<std::size_t>(tensor.bytes)});  // held once, not twice
  }
  return copy.get();
}

Result<TensorView> Checkpoint::contiguous(const TensorView& tensor) {
  if (tensor.contiguous()) return tensor;
  TensorView packed = tensor;
  packed.strides = contiguous_strides(tensor.shape);
  packed.bytes = packed_bytes(tensor);
  MINERVA_ASSIGN(packed.data, copy_of(tensor, packed.bytes, [&](std::byte* out) -> Result<void> {
                   copy_contiguous(tensor, out);
                   return {};
                 }));
  return packed;
}

Result<TensorView> Checkpoint::single_precision(const TensorView& tensor) {
  if (tensor.dtype != DType::F64) return tensor;
  TensorView rounded = tensor;
  rounded.dtype = DType::F32;
  rounded.strides = contiguous_strides(tensor.shape);
  rounded.bytes = packed_bytes(rounded);
  MINERVA_ASSIGN(rounded.data, copy_of(tensor, rounded.bytes, [&](std::byte* out) -> Result<void> {
                   MINERVA_ASSIGN(const std::vector<float> numbers, floats(tensor));
                   std::ranges::copy(std::as_bytes(std::span(numbers)), out);
                   return {};
                 }));
  return rounded;
}

Result<std::vector<float>> Checkpoint::floats(const TensorView& tensor) const {
  if (!to_float(tensor.dtype, tensor.data, {})) {
    return model_loading(fmt::format("'{}': tensor {} is stored as {}; expected plain numbers", tensor.file,
                                     minerva::quoted(tensor.name), tensor.type_name()),
                         "Take another version of the model: this part of it is not meant to be quantised.");
  }
  try {
    std::vector<std::byte> packed;
    const std::byte* data = tensor.data;
    if (!tensor.contiguous()) {
      packed.resize(packed_bytes(tensor));
      copy_contiguous(tensor, packed.data());
      data = packed.data();
    }
    std::vector<float> numbers(static_cast<std::size_t>(tensor.elements()));
    if (!to_float(tensor.dtype, data, numbers)) return internal_error("a type is plain and then is not");
    return numbers;
  } catch (const std::bad_alloc&) {
    return no_memory(tensor, static_cast<std::uint64_t>(tensor.elements()) * sizeof(float));
  }
}

std::optional<std::string> Checkpoint::metadata(std::string_view key) const {
  const auto found = metadata_.find(std::string(key));
  if (found == metadata_.end()) return std::nullopt;
  return found->second;
}

std::uint64_t Checkpoint::tensor_bytes() const noexcept {
  std::uint64_t bytes = 0;
  for (const TensorView& tensor : tensors_) bytes += tensor.bytes;
  return bytes;
}

std::optional<Error> Checkpoint::problem() const {
  for (const MappedFile& file : files_) {
    if (const FileState state = file.state(); state != FileState::Intact)
      return file_state_error(state, file.name());
  }
  return std::nullopt;
}

}  // namespace minerva
