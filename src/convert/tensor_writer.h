// The numbers of planned tensors, row by row.
#pragma once

#include <memory>

#include "base/error.h"
#include "base/thread_pool.h"
#include "convert/gguf_writer.h"
#include "convert/tensor_plan.h"
#include "kernels/kernels.h"

namespace minerva::convert {

/// Reads the rows of tensors, converts and reorders them. Holds one row. Not thread-safe.
class TensorWriter {
 public:
  TensorWriter();
  /// Hands the data of `tensor` to `sink`. Errors: InvalidRequest (numbers that F16 cannot hold), those of
  /// `sink`.
  Result<void> write(const PlannedTensor& tensor, const ByteSink& sink);

 private:
  Result<void> write_matrix(const PlannedTensor& tensor, const ByteSink& sink);
  void read_row(const WeightMatrix& matrix, std::int64_t row);

  ThreadPool pool_;
  kernels::Kernels kernels_;
  std::vector<float> row_;
  std::vector<std::byte> encoded_;
};

}  // namespace minerva::convert
