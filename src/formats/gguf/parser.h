// Turns the bytes of a GGUF header into a File. Trusts no count, length or offset.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "formats/gguf/cursor.h"
#include "formats/gguf/file.h"

namespace minerva::gguf {

class Parser {
 public:
  explicit Parser(std::shared_ptr<const ByteSource> source);
  Result<File> parse();

 private:
  Result<void> header();
  Result<void> version();
  Result<void> key_values();
  Result<KeyValue> key_value(std::uint64_t index);
  Result<void> scalar(KeyValue& entry, std::uint32_t type);
  Result<void> string_value(KeyValue& entry);
  Result<void> array(KeyValue& entry);
  Result<void> alignment();
  Result<void> tensors();
  Result<TensorInfo> tensor(std::uint64_t index);
  Result<void> dimensions(TensorInfo& tensor);
  Result<void> type_and_bytes(TensorInfo& tensor);
  Result<void> data_section();
  Result<void> place(const TensorInfo& tensor, std::uint64_t& expected_offset);

  /// ModelLoading with the file's name in front and the remedy for damaged files.
  std::unexpected<Error> bad(std::string_view message) const;

  File file_;
  Cursor cursor_;
  std::uint64_t tensor_count_ = 0;
  std::uint64_t key_value_count_ = 0;
};

}  // namespace minerva::gguf
