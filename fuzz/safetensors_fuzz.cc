// A safetensors file of any bytes. Nothing may crash, and what is accepted fills the file without hole or
// overlap.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "formats/safetensors/header.h"

namespace {

void check(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A vector of its own size: reading one byte further is seen.
  const auto* begin = reinterpret_cast<const std::byte*>(data);
  const std::vector<std::byte> file(begin, begin + size);
  const auto header = minerva::safetensors::Header::read(minerva::MemorySource(file, "m.safetensors"));
  if (!header) {
    const minerva::Error& error = header.error();
    check(error.code == minerva::ErrorCode::ModelLoading);
    check(!error.message.empty() && !error.remedy.empty());
    check(error.message.size() < 1500 && error.message.find('\n') == std::string::npos);
    return 0;
  }
  std::uint64_t end = 0;
  for (const auto& tensor : header->tensors()) {
    check(tensor.offset == end);
    check(header->find(tensor.name) == &tensor);
    end += tensor.bytes;
  }
  check(header->data_offset() + end == file.size());
  return 0;
}
