// The header of a safetensors file, checked: which tensors lie where. No weights are read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/file.h"
#include "tensor/dtype.h"

namespace minerva::safetensors {

/// One tensor; all of it was checked against the file's size.
struct TensorInfo {
  std::string name;
  DType type = DType::F32;
  std::vector<std::uint64_t> shape;  ///< outermost first; empty for a scalar; may hold zeros
  std::uint64_t elements = 1;
  std::uint64_t offset = 0;  ///< from the start of the data section; no alignment is promised
  std::uint64_t bytes = 0;
};

/// As strict as the reference implementation: the tensors fill the data section without hole or overlap, up
/// to the end of the file, names are unique, shapes and types agree with the bytes. Movable, immutable,
/// thread-safe.
class Header {
 public:
  Header(Header&&) noexcept = default;
  Header& operator=(Header&&) noexcept = default;
  Header(const Header&) = delete;  // index_ looks into tensors_
  Header& operator=(const Header&) = delete;

  /// Errors: ModelLoading, naming the file and the tensor, what was expected and what was found.
  static Result<Header> read(const ByteSource& source);
  static Result<Header> open(const std::filesystem::path& path);

  /// In the order of their data.
  std::span<const TensorInfo> tensors() const noexcept { return tensors_; }
  /// Null when there is none.
  const TensorInfo* find(std::string_view name) const noexcept;
  /// Where the data section starts, from the start of the file.
  std::uint64_t data_offset() const noexcept { return data_offset_; }
  std::uint64_t data_bytes() const noexcept { return file_bytes_ - data_offset_; }
  std::uint64_t file_bytes() const noexcept { return file_bytes_; }
  const std::string& file_name() const noexcept { return file_name_; }
  /// The pairs of __metadata__, as written.
  std::span<const std::pair<std::string, std::string>> metadata() const noexcept { return metadata_; }

 private:
  friend class HeaderReader;
  Header() = default;

  std::string file_name_;
  std::uint64_t file_bytes_ = 0;
  std::uint64_t data_offset_ = 0;
  std::vector<TensorInfo> tensors_;
  std::unordered_map<std::string_view, std::size_t> index_;  // views of the names in tensors_
  std::vector<std::pair<std::string, std::string>> metadata_;
};

}  // namespace minerva::safetensors
