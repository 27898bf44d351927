#include "tensor/tensor_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace minerva {
namespace {

/// A matrix to copy: `rows` x `cols` elements at these strides.
struct Matrix {
  std::int64_t rows = 1;
  std::int64_t cols = 1;
  std::int64_t row_stride = 0;
  std::int64_t col_stride = 0;
};

/// Element is an array of the element's size: copied as bytes, of any alignment.
template <class Element>
void copy_matrix(const Matrix& m, const std::byte* data, std::byte* out) noexcept {
  constexpr auto kBytes = static_cast<std::int64_t>(sizeof(Element));
  if (m.col_stride == 1) {
    for (std::int64_t row = 0; row < m.rows; ++row) {
      std::memcpy(out + row * m.cols * kBytes, data + row * m.row_stride * kBytes,
                  static_cast<std::size_t>(m.cols * kBytes));
    }
    return;
  }
  // In tiles, so that a transposed matrix does not touch a new cache line with every element.
  constexpr std::int64_t kTile = 32;
  for (std::int64_t row_begin = 0; row_begin < m.rows; row_begin += kTile) {
    const std::int64_t row_end = std::min(row_begin + kTile, m.rows);
    for (std::int64_t col_begin = 0; col_begin < m.cols; col_begin += kTile) {
      const std::int64_t col_end = std::min(col_begin + kTile, m.cols);
      for (std::int64_t row = row_begin; row < row_end; ++row) {
        for (std::int64_t col = col_begin; col < col_end; ++col) {
          std::memcpy(out + (row * m.cols + col) * kBytes,
                      data + (row * m.row_stride + col * m.col_stride) * kBytes, sizeof(Element));
        }
      }
    }
  }
}

template <class Element>
void copy_elements(const TensorView& tensor, std::byte* out) noexcept {
  const std::size_t dims = tensor.shape.size();
  Matrix matrix;
  if (dims >= 1) {
    matrix.cols = tensor.shape[dims - 1];
    matrix.col_stride = tensor.strides[dims - 1];
  }
  if (dims >= 2) {
    matrix.rows = tensor.shape[dims - 2];
    matrix.row_stride = tensor.strides[dims - 2];
  }
  const std::int64_t elements = matrix.rows * matrix.cols;
  const std::int64_t matrices = elements == 0 ? 0 : tensor.elements() / elements;
  for (std::int64_t index = 0; index < matrices; ++index) {
    // Where matrix number `index` begins: its digits in the base of the outer dimensions.
    std::int64_t offset = 0;
    std::int64_t rest = index;
    for (std::size_t dim = dims >= 2 ? dims - 2 : 0; dim-- > 0;) {
      offset += rest % tensor.shape[dim] * tensor.strides[dim];
      rest /= tensor.shape[dim];
    }
    constexpr auto kBytes = static_cast<std::int64_t>(sizeof(Element));
    copy_matrix<Element>(matrix, tensor.data + offset * kBytes, out + index * elements * kBytes);
  }
}

}  // namespace

std::int64_t TensorView::elements() const noexcept {
  // Zeros first: the other sizes need not have a product then.
  if (std::ranges::find(shape, 0) != shape.end()) return 0;
  std::int64_t product = 1;
  for (const std::int64_t size : shape) product *= size;
  return product;
}

bool TensorView::contiguous() const noexcept {
  std::int64_t expected = 1;
  if (elements() == 0) return true;
  for (std::size_t i = shape.size(); i-- > 0;) {
    if (shape[i] != 1 && strides[i] != expected) return false;  // a dimension of one is never stepped
    expected *= shape[i];
  }
  return true;
}

std::string_view TensorView::type_name() const noexcept {
  return dtype == DType::Ggml ? ggml_type_traits(ggml).name : dtype_name(dtype);
}

std::vector<std::int64_t> contiguous_strides(std::span<const std::int64_t> shape) {
  std::vector<std::int64_t> strides(shape.size(), 0);
  if (std::ranges::find(shape, 0) != shape.end()) return strides;
  std::int64_t stride = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

std::string shape_text(std::span<const std::int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

void copy_contiguous(const TensorView& tensor, std::byte* out) noexcept {
  switch (dtype_bits(tensor.dtype)) {
    case 8:
      return copy_elements<std::array<std::byte, 1>>(tensor, out);
    case 16:
      return copy_elements<std::array<std::byte, 2>>(tensor, out);
    case 32:
      return copy_elements<std::array<std::byte, 4>>(tensor, out);
    case 64:
      return copy_elements<std::array<std::byte, 8>>(tensor, out);
    default:
      return;  // the caller's bug: such tensors are never strided
  }
}

}  // namespace minerva
