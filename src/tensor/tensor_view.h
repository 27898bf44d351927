// A tensor in somebody else's memory: what a weight file holds, by name, shape and strides.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/dtype.h"
#include "tensor/ggml_type.h"

namespace minerva {

/// Owns its name and shape, not its data. Row-major: the last dimension of a matrix is its columns.
struct TensorView {
  std::string name;
  std::string file;  ///< the name of the file it lies in, for messages
  DType dtype = DType::F32;
  GgmlType ggml = GgmlType::F32;      ///< the block type where dtype is DType::Ggml, else meaningless
  std::vector<std::int64_t> shape;    ///< outermost first; empty for a scalar; may hold zeros
  std::vector<std::int64_t> strides;  ///< elements, as many as shape has; not negative
  const std::byte* data = nullptr;    ///< the first element; any alignment
  std::uint64_t bytes = 0;            ///< from `data` to the end of the last element

  std::int64_t elements() const noexcept;
  /// Rows follow each other without gaps, in order: the strides are those of the shape.
  bool contiguous() const noexcept;
  /// "BF16", "Q4_K".
  std::string_view type_name() const noexcept;
};

/// The strides of a contiguous tensor of this shape; zeros when it has no elements.
std::vector<std::int64_t> contiguous_strides(std::span<const std::int64_t> shape);

/// "[32, 128]", for messages.
std::string shape_text(std::span<const std::int64_t> shape);

/// Writes the elements of `tensor` one after the other in row-major order. Its type must have whole bytes per
/// element (not Ggml); `out` must have room for all of them and must not overlap it.
void copy_contiguous(const TensorView& tensor, std::byte* out) noexcept;

}  // namespace minerva
