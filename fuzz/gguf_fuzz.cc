// A GGUF file of any bytes: header, every value, and the description made of them.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "base/file.h"
#include "formats/gguf/describe.h"
#include "formats/gguf/file.h"
#include "formats/gguf/split.h"

namespace {

using minerva::Result;
using minerva::gguf::Metadata;
using minerva::gguf::ValueType;

/// An error without words, or an accepted file whose tensor lies outside of it, is a finding.
void require(bool condition) {
  if (!condition) __builtin_trap();
}

template <class T>
void check(const Result<T>& result) {
  if (result) return;
  const minerva::Error& error = result.error();
  require(!error.message.empty() && !error.remedy.empty());
  require(error.message.size() < 1500 && error.message.find('\n') == std::string::npos);
}

void read_everything(const Metadata& metadata) {
  for (const auto& entry : metadata.entries()) {
    check(metadata.get_string(entry.key));
    check(metadata.get_number(entry.key));
    check(metadata.get_unsigned(entry.key));
    check(metadata.get<std::uint32_t>(entry.key));
    check(metadata.get<bool>(entry.key));
    check(metadata.get_strings(entry.key));
    check(metadata.get_numbers<float>(entry.key));
    check(metadata.get_numbers<std::int32_t>(entry.key));
    check(metadata.get_numbers<std::uint64_t>(entry.key));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  auto file = minerva::gguf::File::parse(std::make_shared<minerva::MemorySource>(bytes, "fuzz.gguf"));
  check(file);
  if (!file) return 0;
  for (const auto& tensor : file->tensors()) {
    require(tensor.offset + tensor.bytes <= size - file->data_offset());
    require(tensor.offset % file->alignment() == 0);
  }
  read_everything(file->metadata());
  minerva::gguf::Model model;
  model.paths.emplace_back("fuzz.gguf");
  model.files.push_back(std::move(*file));
  check(minerva::gguf::describe_model(model));
  return 0;
}
