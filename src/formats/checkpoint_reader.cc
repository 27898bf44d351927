#include "formats/checkpoint_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/checked.h"
#include "base/file.h"
#include "formats/gguf/split.h"
#include "formats/hf_config/hf_config.h"
#include "formats/hf_config/quantisation.h"
#include "formats/quote.h"
#include "formats/safetensors/header.h"
#include "formats/torch_bin/torch_bin.h"

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
  for (const auto& path : files.paths) MINERVA_TRY(read_shard(path));
  return check_index(files);
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

Result<void> CheckpointReader::check_index(const hf::WeightFiles& files) const {
  if (files.index.empty()) return {};
  constexpr const char* kRemedy =
      "The files come from different versions of the model: download all of them again.";
  std::unordered_set<std::string_view> known;
  for (const auto& [name, position] : files.index) {
    known.insert(name);
    const std::string& file = checkpoint_->files_[position].name();
    const TensorView* tensor = checkpoint_->find(name);
    if (tensor != nullptr && tensor->file == file) continue;
    return model_loading(
        fmt::format("the index says that tensor {} is in '{}', but it {}", minerva::quoted(name), file,
                    tensor == nullptr ? "is missing" : "is in '" + tensor->file + "'"),
        kRemedy);
  }
  for (const TensorView& tensor : checkpoint_->tensors_) {
    if (known.contains(tensor.name)) continue;
    return model_loading(fmt::format("'{}' holds tensor {}, which the index does not name", tensor.file,
                                     minerva::quoted(tensor.name)),
                         kRemedy);
  }
  return {};
}

// ---- GGUF

Result<void> CheckpointReader::read_gguf() {
  MINERVA_ASSIGN(const gguf::Model model, gguf::open_model(description_.path));
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
  if (const TensorView* other = checkpoint_->find(tensor.name)) {
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
