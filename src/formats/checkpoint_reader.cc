#include "formats/checkpoint_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/checked.h"
#include "base/file.h"
#include "formats/gguf/split.h"
#include "formats/hf/packed_weights.h"
#include "formats/hf_config/hf_config.h"
#include "formats/hf_config/quantisation.h"
#include "formats/quote.h"
#include "formats/safetensors/header.h"

namespace minerva {
namespace {

/// A size from a file as a signed number; nothing when one is too large (only with other sizes of zero: else
/// the file would have to be as large).
std::optional<std::vector<std::int64_t>> signed_sizes(std::span<const std::uint64_t> sizes) {
  std::vector<std::int64_t> out;
  out.reserve(sizes.size());
  for (const std::uint64_t size : sizes) {
    const auto number = checked_cast<std::int64_t>(size);
    if (!number) return std::nullopt;
    out.push_back(*number);
  }
  return out;
}

std::unexpected<Error> too_large(const std::string& file, std::string_view tensor) {
  return model_loading(
      fmt::format("'{}': tensor {} has a dimension beyond 2^63", file, minerva::quoted(tensor)),
      kDownloadAgain);
}

/// The plain type that a ggml type is, or Ggml.
DType plain_type(GgmlType type) {
  switch (type) {
    case GgmlType::F32:
      return DType::F32;
    case GgmlType::F16:
      return DType::F16;
    case GgmlType::BF16:
      return DType::BF16;
    case GgmlType::F64:
      return DType::F64;
    case GgmlType::I8:
      return DType::I8;
    case GgmlType::I16:
      return DType::I16;
    case GgmlType::I32:
      return DType::I32;
    case GgmlType::I64:
      return DType::I64;
    default:
      return DType::Ggml;
  }
}

/// Bytes from the first element to the end of the last. The view was checked to lie in its file.
std::uint64_t extent_bytes(const TensorView& tensor) {
  if (tensor.elements() == 0) return 0;
  std::int64_t last = 0;
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    if (tensor.shape[i] > 1) last += (tensor.shape[i] - 1) * tensor.strides[i];
  }
  return static_cast<std::uint64_t>(last + 1) * (dtype_bits(tensor.dtype) / 8);
}

}  // namespace

CheckpointReader::CheckpointReader(const ModelDescription& description)
    : description_(description), checkpoint_(new Checkpoint) {}

Result<std::shared_ptr<Checkpoint>> CheckpointReader::read() {
  switch (description_.format) {
    case Format::Gguf:
      MINERVA_TRY(read_gguf());
      break;
    case Format::HfSafetensors:
    case Format::HfMlx:
    case Format::HfTorchBin:
      MINERVA_TRY(read_directory());
      break;
    default:
      return invalid_request(
          fmt::format("'{}' is {}, which holds no weights that can be read",
                      description_.path.filename().string(), format_name(description_.format)),
          "Give a GGUF file or a Hugging Face directory with safetensors or .bin weights.");
  }
  MINERVA_TRY(check_sizes());
  // A file that shrank while its header was read left zeros there.
  if (auto problem = checkpoint_->problem()) return std::unexpected(*std::move(problem));
  return checkpoint_;
}

// ---- Hugging Face directories

Result<void> CheckpointReader::read_directory() {
  MINERVA_ASSIGN(const HfConfig config, HfConfig::open(description_.path));
  MINERVA_TRY(check_quantisation(config));
  const auto format =
      description_.format == Format::HfTorchBin ? hf::WeightFormat::TorchBin : hf::WeightFormat::Safetensors;
  MINERVA_ASSIGN(const auto files, hf::find_weight_files(description_.path, format));
  has_index_ = files.has_index();
  for (const auto& path : files.paths) MINERVA_TRY(read_shard(path));
  MINERVA_ASSIGN(const std::string method, quantisation_method(config));
  if (method.empty()) return hf::check_packed_weights(description_.path, checkpoint_->tensors());
  return {};
}

Result<void> CheckpointReader::read_shard(const std::filesystem::path& path) {
  MINERVA_ASSIGN(const MappedFile* file, map(path));
  return description_.format == Format::HfTorchBin ? read_torch_bin(*file) : read_safetensors(*file);
}

Result<void> CheckpointReader::read_safetensors(const MappedFile& file) {
  MINERVA_ASSIGN(const auto header, safetensors::Header::read(MemorySource(file.bytes(), file.name())));
  for (const auto& [key, value] : header.metadata()) checkpoint_->metadata_.try_emplace(key, value);
  for (const safetensors::TensorInfo& info : header.tensors()) {
    auto shape = signed_sizes(info.shape);
    if (!shape) return too_large(file.name(), info.name);
    TensorView tensor;
    tensor.name = info.name;
    tensor.dtype = info.type;
    tensor.strides = contiguous_strides(*shape);
    tensor.shape = *std::move(shape);
    MINERVA_TRY(add(std::move(tensor), file, header.data_offset() + info.offset, info.bytes));
  }
  return {};
}

Result<void> CheckpointReader::read_torch_bin(const MappedFile& file) {
  MINERVA_ASSIGN(auto tensors, torch_bin::read_tensors(MemorySource(file.bytes(), file.name())));
  for (torch_bin::TensorInfo& info : tensors) {
    if (!info.problem.empty()) {
      MINERVA_TRY(add_unreadable(std::move(info), file));
      continue;
    }
    auto shape = signed_sizes(info.shape);
    auto strides = signed_sizes(info.strides);
    if (!shape || !strides) return too_large(file.name(), info.name);
    TensorView tensor;
    tensor.name = std::move(info.name);
    tensor.dtype = info.dtype;
    tensor.shape = *std::move(shape);
    tensor.strides = *std::move(strides);
    const std::uint64_t bytes = extent_bytes(tensor);
    MINERVA_TRY(add(std::move(tensor), file, info.offset, bytes));
  }
  return {};
}

/// A tensor that is sound, but not read: named when the model asks for it. Those that look like a layer's are
/// not left out without a word: a bias may be there or not.
Result<void> CheckpointReader::add_unreadable(torch_bin::TensorInfo info, const MappedFile& file) {
  Error error =
      model_loading(fmt::format("'{}': tensor {} {}, which is not read", file.name(),
                                minerva::quoted(info.name), info.problem),
                    "Save the model again from plain tensors (save_pretrained), or take another version of "
                    "it: a GGUF file or safetensors.")
          .error();
  if (info.name.ends_with(".weight") || info.name.ends_with(".bias"))
    return std::unexpected(std::move(error));
  checkpoint_->unreadable_.insert_or_assign(std::move(info.name), std::move(error));
  return {};
}

// ---- GGUF

Result<void> CheckpointReader::read_gguf() {
  MINERVA_ASSIGN(const gguf::Model model, gguf::open_model(description_.path));
  MINERVA_TRY(gguf::check_has_weights(model));
  for (const auto& path : model.paths) MINERVA_TRY(map(path));
  for (std::size_t i = 0; i < model.files.size(); ++i) {
    const gguf::File& header = model.files[i];
    const MappedFile& file = checkpoint_->files_[i];
    if (file.bytes().size() != header.file_bytes())
      return std::unexpected(file_state_error(FileState::Changed, file.name()));
    for (const gguf::TensorInfo& info : header.tensors()) {
      std::vector<std::uint64_t> sizes(info.dims.begin(), info.dims.begin() + info.dim_count);
      std::ranges::reverse(sizes);
      auto shape = signed_sizes(sizes);
      if (!shape) return too_large(file.name(), info.name);
      TensorView tensor;
      tensor.name = info.name;
      tensor.dtype = plain_type(info.type);
      tensor.ggml = info.type;
      tensor.strides = contiguous_strides(*shape);
      tensor.shape = *std::move(shape);
      MINERVA_TRY(add(std::move(tensor), file, header.data_offset() + info.offset, info.bytes));
    }
  }
  return {};
}

// ---- all formats

Result<const MappedFile*> CheckpointReader::map(const std::filesystem::path& path) {
  MINERVA_ASSIGN(MappedFile file, MappedFile::open(path));
  checkpoint_->files_.push_back(std::move(file));
  return &checkpoint_->files_.back();
}

Result<void> CheckpointReader::add(TensorView tensor, const MappedFile& file, std::uint64_t offset,
                                   std::uint64_t bytes) {
  tensor.file = file.name();
  tensor.data = file.bytes().data() + offset;
  tensor.bytes = bytes;
  const TensorView* other = checkpoint_->find(tensor.name);
  if (other != nullptr && (!has_index_ || other->file == tensor.file)) {
    return model_loading(fmt::format("tensor {} is in '{}' and again in '{}'", minerva::quoted(tensor.name),
                                     other->file, tensor.file),
                         kDownloadAgain);
  }
  checkpoint_->add(std::move(tensor));
  return {};
}

Result<void> CheckpointReader::check_sizes() const {
  std::uint64_t bytes = 0;
  for (const MappedFile& file : checkpoint_->files_) bytes += file.bytes().size();
  if (description_.file_bytes == 0 || bytes == description_.file_bytes) return {};
  return model_loading(
      fmt::format("the weight files of '{}' have {} bytes, but {} when the model was looked at",
                  description_.path.filename().string(), bytes, description_.file_bytes),
      "They are being written or replaced: wait until that is done, then load the model again.");
}

}  // namespace minerva
