#include "convert/tensor_writer.h"

#include <fmt/format.h>

#include <span>
#include <utility>

#include "convert/encode.h"
#include "formats/quote.h"
#include "tensor/to_float.h"

namespace minerva::convert {
namespace {

std::optional<DType> plain_type(minerva::WeightType type) {
  switch (type) {
    case minerva::WeightType::F32:
      return DType::F32;
    case minerva::WeightType::F16:
      return DType::F16;
    case minerva::WeightType::BF16:
      return DType::BF16;
    default:
      return std::nullopt;
  }
}

bool is_stored_as(const WeightMatrix& matrix, GgmlType type) {
  return (matrix.type == minerva::WeightType::F32 && type == GgmlType::F32) ||
         (matrix.type == minerva::WeightType::F16 && type == GgmlType::F16) ||
         (matrix.type == minerva::WeightType::BF16 && type == GgmlType::BF16);
}

/// Of a head's rows, i and i + half become neighbours: where row `to` of the result comes from.
std::int64_t source_row(std::int64_t to, std::int64_t rows, int heads) {
  if (heads == 0) return to;
  const std::int64_t head_rows = rows / heads;
  const std::int64_t in_head = to % head_rows;
  return to - in_head + in_head / 2 + in_head % 2 * (head_rows / 2);
}

}  // namespace

TensorWriter::TensorWriter() : pool_(1), kernels_(kernels::best_isa(), pool_) {}

void TensorWriter::read_row(const WeightMatrix& matrix, std::int64_t row) {
  if (const auto type = plain_type(matrix.type)) {
    (void)to_float(*type, matrix.data + row * matrix.row_stride, row_);  // plain types always convert
  } else {
    kernels_.dequantize_row(matrix, row, row_.data());
  }
}

Result<void> TensorWriter::write_matrix(const PlannedTensor& tensor, const ByteSink& sink) {
  const WeightMatrix& matrix = tensor.matrix.weight;
  const bool as_stored = is_stored_as(matrix, tensor.header.type);
  const auto row_bytes =
      static_cast<std::size_t>(tensor.header.bytes / static_cast<std::uint64_t>(matrix.rows));
  row_.resize(static_cast<std::size_t>(matrix.cols));
  encoded_.resize(row_bytes);
  for (std::int64_t i = 0; i < matrix.rows; ++i) {
    const std::int64_t row = source_row(i, matrix.rows, tensor.pair_heads);
    if (as_stored) {
      MINERVA_TRY(sink(std::span(matrix.data + row * matrix.row_stride, row_bytes)));
      continue;
    }
    read_row(matrix, row);
    if (!encode_row(tensor.header.type, row_, encoded_)) {
      return invalid_request(
          fmt::format("tensor {} has numbers that F16 cannot hold (above 65504)", quoted(tensor.header.name)),
          "Convert with --type bf16 or f32.");
    }
    MINERVA_TRY(sink(encoded_));
  }
  return {};
}

Result<void> TensorWriter::write(const PlannedTensor& tensor, const ByteSink& sink) {
  if (tensor.matrix.exists()) return write_matrix(tensor, sink);
  const auto count = static_cast<std::int64_t>(tensor.numbers.size());
  if (tensor.pair_heads == 0) return sink(std::as_bytes(std::span(tensor.numbers)));
  std::vector<float> ordered(tensor.numbers.size());
  for (std::int64_t i = 0; i < count; ++i) {
    ordered[static_cast<std::size_t>(i)] =
        tensor.numbers[static_cast<std::size_t>(source_row(i, count, tensor.pair_heads))];
  }
  return sink(std::as_bytes(std::span(ordered)));
}

}  // namespace minerva::convert
