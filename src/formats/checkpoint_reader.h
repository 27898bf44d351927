// Opens the files of a model for Checkpoint: each format's headers become views of the mapped bytes.
#pragma once

#include <filesystem>
#include <memory>

#include "base/error.h"
#include "formats/checkpoint.h"
#include "formats/hf/weight_files.h"
#include "formats/torch_bin/torch_bin.h"
#include "minerva/model_description.h"

namespace minerva {

class CheckpointReader {
 public:
  explicit CheckpointReader(const ModelDescription& description);
  Result<std::shared_ptr<Checkpoint>> read();

 private:
  Result<void> read_directory();
  Result<void> read_shard(const std::filesystem::path& path);
  Result<void> read_safetensors(const MappedFile& file);
  Result<void> read_torch_bin(const MappedFile& file);
  Result<void> add_unreadable(torch_bin::TensorInfo info, const MappedFile& file);
  Result<void> read_gguf();
  Result<void> check_sizes() const;

  /// Maps `path`; the file then belongs to the checkpoint.
  Result<const MappedFile*> map(const std::filesystem::path& path);
  /// Takes a tensor over: the later of two files that an index names, as in transformers; else there must be
  /// none of this name. `bytes` from `offset` on were checked to lie in `file`.
  Result<void> add(TensorView tensor, const MappedFile& file, std::uint64_t offset, std::uint64_t bytes);

  const ModelDescription& description_;
  std::shared_ptr<Checkpoint> checkpoint_;
  bool has_index_ = false;
};

}  // namespace minerva
