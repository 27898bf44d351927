// PyTorch's .bin files: a zip archive with a pickle that describes tensors, and their bytes; or, before
// version 1.6, one after the other.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "tensor/dtype.h"

namespace minerva::torch_bin {

/// One tensor of a state dictionary; all of it was checked against the file's size.
struct TensorInfo {
  std::string name;
  DType dtype = DType::F32;            ///< whole bytes per element
  std::vector<std::uint64_t> shape;    ///< outermost dimension first; empty for a scalar
  std::vector<std::uint64_t> strides;  ///< elements; not necessarily those of a contiguous tensor
  std::uint64_t offset = 0;            ///< bytes from the start of the file to the first element
  std::string problem;                 ///< "is a sparse tensor": why only its name is known; else empty
};

/// The tensors of a file that torch.save wrote of a state dictionary, in its order, from the headers only.
/// Tensors may overlap (shared storages are real) and repeat what is stored (stride 0). Values that are no
/// tensors are left out; tensors that are sound and not read have a `problem`. Nothing in the file is
/// executed. Errors: InvalidRequest for a file of PyTorch that is none of these (TorchScript, a tar archive),
/// ModelLoading for what is damaged, or refused because it may be malicious. Thread-safe.
Result<std::vector<TensorInfo>> read_tensors(const ByteSource& source);

}  // namespace minerva::torch_bin
