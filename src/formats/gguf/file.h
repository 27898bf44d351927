// One GGUF file, opened and checked: header, key-values, tensor infos. No weights are read.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "formats/gguf/metadata.h"
#include "tensor/ggml_type.h"

namespace minerva::gguf {

/// One tensor as the file declares it; all of it was checked against the file's size.
struct TensorInfo {
  std::string name;
  std::array<std::uint64_t, 4> dims = {1, 1, 1, 1};  ///< ggml order: dims[0] is the row length
  std::uint32_t dim_count = 0;                       ///< 0 to 4; the rest of dims is 1
  GgmlType type = GgmlType::F32;
  std::uint64_t elements = 1;
  std::uint64_t offset = 0;  ///< from the start of the data section
  std::uint64_t bytes = 0;
};

/// Little-endian GGUF v2 or v3. What `open` returns is sound: unique keys and tensor names, known types,
/// tensors one after the other without overlap or gap (as llama.cpp demands), all inside the file.
/// Movable, immutable, thread-safe.
class File {
 public:
  /// Errors: ModelLoading, saying which field is wrong, what was expected and what was found.
  static Result<File> open(const std::filesystem::path& path);
  static Result<File> parse(std::shared_ptr<const ByteSource> source);

  std::uint32_t version() const noexcept { return version_; }
  std::uint64_t file_bytes() const noexcept { return source_->size(); }
  const std::string& name() const noexcept { return source_->name(); }
  const Metadata& metadata() const noexcept { return metadata_; }
  /// In file order.
  std::span<const TensorInfo> tensors() const noexcept { return tensors_; }
  /// Null when there is none. Looks at every tensor.
  const TensorInfo* find_tensor(std::string_view name) const noexcept;
  std::uint64_t alignment() const noexcept { return alignment_; }
  /// Where the data section starts, from the start of the file.
  std::uint64_t data_offset() const noexcept { return data_offset_; }
  /// Bytes of all tensors, without padding.
  std::uint64_t tensor_bytes() const noexcept { return tensor_bytes_; }
  const std::shared_ptr<const ByteSource>& source() const noexcept { return source_; }

 private:
  friend class Parser;
  explicit File(std::shared_ptr<const ByteSource> source);

  std::shared_ptr<const ByteSource> source_;
  Metadata metadata_;
  std::uint32_t version_ = 0;
  std::uint64_t alignment_ = 32;
  std::uint64_t data_offset_ = 0;
  std::uint64_t tensor_bytes_ = 0;
  std::vector<TensorInfo> tensors_;
};

}  // namespace minerva::gguf
