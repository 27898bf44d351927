// Which tensors a converted model has, and where their numbers come from.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "convert/convert.h"
#include "convert/families.h"
#include "convert/gguf_writer.h"
#include "formats/checkpoint.h"
#include "native/weights.h"

namespace minerva::convert {

/// One tensor to be written: a matrix of the checkpoint, viewed, or a few numbers of its own.
struct PlannedTensor {
  TensorHeader header;
  native::Linear matrix;       ///< the numbers, where it has any
  std::vector<float> numbers;  ///< else these, stored as F32
  /// Above 0: rows i and i + half of each of so many heads become neighbours.
  int pair_heads = 0;
};

struct TensorPlan {
  std::vector<PlannedTensor> tensors;
  std::shared_ptr<const Checkpoint> checkpoint;  ///< what the matrices view
  /// The type that most elements have: for general.file_type.
  GgmlType main_type = GgmlType::F32;
  std::vector<std::string>
      notes;  ///< what is in the files and not in the plan, though nothing is wrong with it
};

/// Finds and checks every tensor; reads no matrix. Errors: ModelLoading naming a tensor that is missing or of
/// another shape; InvalidRequest for one that llama.cpp's architecture has no place for.
Result<TensorPlan> plan_tensors(const Source& source, std::shared_ptr<Checkpoint> checkpoint,
                                WeightType type);

}  // namespace minerva::convert
