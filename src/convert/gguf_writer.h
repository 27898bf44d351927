// Writes a GGUF v3 file, tensor by tensor.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/output_file.h"
#include "convert/key_values.h"
#include "minerva/types.h"
#include "tensor/ggml_type.h"

namespace minerva::convert {

/// A tensor as the file's header declares it.
struct TensorHeader {
  std::string name;
  std::vector<std::uint64_t> dims;  ///< ggml's order: the row length first; one to four
  GgmlType type = GgmlType::F32;
  std::uint64_t bytes = 0;  ///< of its data
};

/// Header and places of everything, known before anything is written. Movable, immutable.
class GgufLayout {
 public:
  /// Errors: InvalidRequest (a row that is not whole blocks, too many or too large tensors, a name that
  /// llama.cpp could not hold or that is there twice).
  static Result<GgufLayout> make(const KeyValues& keys, std::vector<TensorHeader> tensors);

  const std::vector<TensorHeader>& tensors() const noexcept { return tensors_; }
  std::uint64_t file_bytes() const noexcept { return file_bytes_; }
  std::uint64_t data_bytes() const noexcept { return data_bytes_; }
  /// All before the data section, padded.
  const std::string& header() const noexcept { return header_; }

 private:
  GgufLayout() = default;
  std::vector<TensorHeader> tensors_;
  std::string header_;
  std::uint64_t file_bytes_ = 0;
  std::uint64_t data_bytes_ = 0;
};

/// Takes the next bytes of a tensor.
using ByteSink = std::function<Result<void>(std::span<const std::byte>)>;
/// Hands all bytes of tensor `index` to the sink, in order and in parts of its choice.
using TensorProducer = std::function<Result<void>(std::size_t index, const ByteSink& sink)>;

/// Writes the whole file. `progress` is asked at least once for each megabyte. Errors: InvalidRequest (cannot
/// be written, the disk is too small), Cancelled, those of `produce`. `path` is untouched then.
Result<void> write_gguf(const GgufLayout& layout, const std::filesystem::path& path,
                        OutputFile::Existing existing, const TensorProducer& produce,
                        const LoadProgress& progress);

}  // namespace minerva::convert
