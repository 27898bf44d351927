// A PyTorch file. The first byte chooses: the rest is the archive, or it is the pickle inside a sound one.
// Nothing may crash or leave the file, and every tensor that is accepted can be read to its last element.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/limits.h"
#include "formats/torch_bin/torch_bin.h"
#include "support/pickle_builder.h"
#include "tensor/tensor_view.h"

namespace {

void check(bool condition) {
  if (!condition) std::abort();
}

/// Copies every element: the sanitizer sees what lies outside.
void read_elements(const minerva::torch_bin::TensorInfo& info, const std::vector<std::byte>& file) {
  minerva::TensorView view;
  view.dtype = info.dtype;
  view.shape.assign(info.shape.begin(), info.shape.end());
  view.strides.assign(info.strides.begin(), info.strides.end());
  if (!info.problem.empty() || view.elements() == 0) return;
  check(info.offset < file.size());
  view.data = file.data() + info.offset;
  const auto bytes = static_cast<std::size_t>(view.elements()) * (minerva::dtype_bits(info.dtype) / 8);
  const bool repeats = bytes > file.size();
  check(!repeats || bytes <= minerva::limits::kExpandedTensorBytesMax);
  if (repeats) {  // the corners are enough
    for (auto& size : view.shape) size = std::min<std::int64_t>(size, 2);
  }
  std::vector<std::byte> out(static_cast<std::size_t>(view.elements()) *
                             (minerva::dtype_bits(info.dtype) / 8));
  minerva::copy_contiguous(view, out.data());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string input(reinterpret_cast<const char*>(data + 1), size - 1);
  if ((data[0] & 1) != 0) {
    input = minerva::testing::torch_archive(input, {{"0", std::string(24, '\1')}, {"1", ""}});
  }
  // A vector of its own size: reading one byte further is seen.
  const auto* begin = reinterpret_cast<const std::byte*>(input.data());
  const std::vector<std::byte> file(begin, begin + input.size());
  const auto tensors = minerva::torch_bin::read_tensors(minerva::MemorySource(file, "w.bin"));
  if (!tensors) {
    const minerva::Error& error = tensors.error();
    check(error.code == minerva::ErrorCode::ModelLoading || error.code == minerva::ErrorCode::InvalidRequest);
    check(!error.message.empty() && !error.remedy.empty());
    check(error.message.size() < 1500 && error.message.find('\n') == std::string::npos);
    return 0;
  }
  for (const auto& tensor : *tensors) read_elements(tensor, file);
  return 0;
}
