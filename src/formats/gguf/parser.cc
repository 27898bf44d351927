#include "formats/gguf/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <unordered_set>
#include <utility>

#include "base/checked.h"
#include "base/limits.h"
#include "formats/quote.h"
#include "formats/stand_in.h"

namespace minerva::gguf {
namespace {

constexpr std::string_view kMagic = "GGUF";
constexpr std::uint32_t kVersionMin = 2;
constexpr std::uint32_t kVersionMax = 3;
/// The smallest records there can be: empty strings, one-byte values, no dimensions.
constexpr std::uint64_t kKeyValueBytesMin = 8 + 1 + 4 + 1;
constexpr std::uint64_t kTensorBytesMin = 8 + 1 + 4 + 4 + 8;

std::string which(std::string_view kind, std::uint64_t index, std::uint64_t count) {
  return fmt::format("{} {} of {}", kind, index + 1, count);
}

}  // namespace

Parser::Parser(std::shared_ptr<const ByteSource> source)
    : file_(std::move(source)), cursor_(*file_.source_, limits::kGgufMetadataBytesMax) {}

std::unexpected<Error> Parser::bad(std::string_view message) const {
  return model_loading(fmt::format("'{}': {}", file_.name(), message), kDownloadAgain);
}

Result<File> Parser::parse() {
  MINERVA_TRY(header());
  MINERVA_TRY(key_values());
  MINERVA_TRY(alignment());
  MINERVA_TRY(tensors());
  MINERVA_TRY(data_section());
  return std::move(file_);
}

Result<void> Parser::header() {
  std::array<char, 4> magic{};
  if (!cursor_.bytes(std::as_writable_bytes(std::span(magic)))) return cursor_.error("the magic number");
  const std::string_view found(magic.data(), magic.size());
  if (found != kMagic) {
    const ByteSource& source = *file_.source_;
    std::string head(static_cast<std::size_t>(std::min<std::uint64_t>(source.size(), limits::kDetectBytes)),
                     '\0');
    MINERVA_TRY(source.read(0, std::as_writable_bytes(std::span(head))));
    if (auto error = stand_in_error(head, source.size(), source.name()))
      return std::unexpected(*std::move(error));
    return bad(fmt::format("the file starts with {}, expected 'GGUF'", quoted(found)));
  }
  MINERVA_TRY(version());
  if (!cursor_.number(tensor_count_)) return cursor_.error("the tensor count");
  if (!cursor_.number(key_value_count_)) return cursor_.error("the key-value count");

  const std::uint64_t left = cursor_.bytes_left();
  if (key_value_count_ > limits::kGgufKeyValueCountMax || key_value_count_ > left / kKeyValueBytesMin) {
    return bad(fmt::format("the header promises {} key-values; {} bytes can hold at most {}",
                           key_value_count_, left,
                           std::min(left / kKeyValueBytesMin, limits::kGgufKeyValueCountMax)));
  }
  if (tensor_count_ > limits::kGgufTensorCountMax || tensor_count_ > left / kTensorBytesMin) {
    return bad(fmt::format("the header promises {} tensors; {} bytes can hold at most {}", tensor_count_,
                           left, std::min(left / kTensorBytesMin, limits::kGgufTensorCountMax)));
  }
  return {};
}

Result<void> Parser::version() {
  std::uint32_t version = 0;
  if (!cursor_.number(version)) return cursor_.error("the version");
  if (version >= kVersionMin && version <= kVersionMax) {
    file_.version_ = version;
    return {};
  }
  const std::uint32_t swapped = __builtin_bswap32(version);
  if (swapped >= 1 && swapped <= kVersionMax) {
    return model_loading(
        fmt::format("'{}' is a big-endian GGUF file (version {}); only little-endian is supported",
                    file_.name(), swapped),
        "Get the little-endian file of this model, or convert it with llama.cpp: python "
        "gguf-py/gguf/scripts/gguf_convert_endian.py FILE little");
  }
  if (version == 1) {
    return model_loading(
        fmt::format("'{}' is GGUF version 1; versions 2 and 3 are supported", file_.name()),
        "Version 1 was used for a few days in August 2023: get a newer conversion of the model.");
  }
  return model_loading(
      fmt::format("'{}' is GGUF version {}; versions 2 and 3 are supported", file_.name(), version),
      version < 100 ? "Update Minerva, or get the model in an older GGUF version." : kDownloadAgain);
}

// ---- key-values

Result<void> Parser::key_values() {
  for (std::uint64_t i = 0; i < key_value_count_; ++i) {
    MINERVA_ASSIGN(KeyValue entry, key_value(i));
    const std::string key = entry.key;
    if (!file_.metadata_.add(std::move(entry))) return bad(fmt::format("key {} stands twice", quoted(key)));
  }
  return {};
}

Result<KeyValue> Parser::key_value(std::uint64_t index) {
  KeyValue entry;
  if (!cursor_.string(entry.key, limits::kGgufKeyBytesMax)) {
    return cursor_.error(which("the name of key", index, key_value_count_));
  }
  if (entry.key.empty())
    return bad(fmt::format("{} is empty", which("the name of key", index, key_value_count_)));
  std::uint32_t type = 0;
  if (!cursor_.number(type)) return cursor_.error(fmt::format("the type of key {}", quoted(entry.key)));
  if (type >= kValueTypeCount) {
    return bad(fmt::format("key {} has unknown type {}, expected 0 to {}", quoted(entry.key), type,
                           kValueTypeCount - 1));
  }
  entry.type = static_cast<ValueType>(type);
  if (entry.type == ValueType::Array) {
    MINERVA_TRY(array(entry));
  } else if (entry.type == ValueType::String) {
    MINERVA_TRY(string_value(entry));
  } else {
    MINERVA_TRY(scalar(entry, type));
  }
  return entry;
}

Result<void> Parser::scalar(KeyValue& entry, std::uint32_t type) {
  const auto read = [&]<class Stored, class T>(Stored, T value) {
    if (!cursor_.number(value)) return false;
    entry.value = static_cast<Stored>(value);
    return true;
  };
  const std::uint64_t u = 0;
  const std::int64_t i = 0;
  bool ok = false;
  std::uint8_t flag = 0;
  switch (static_cast<ValueType>(type)) {
    case ValueType::U8:
      ok = read(u, std::uint8_t{});
      break;
    case ValueType::I8:
      ok = read(i, std::int8_t{});
      break;
    case ValueType::U16:
      ok = read(u, std::uint16_t{});
      break;
    case ValueType::I16:
      ok = read(i, std::int16_t{});
      break;
    case ValueType::U32:
      ok = read(u, std::uint32_t{});
      break;
    case ValueType::I32:
      ok = read(i, std::int32_t{});
      break;
    case ValueType::U64:
      ok = read(u, std::uint64_t{});
      break;
    case ValueType::I64:
      ok = read(i, std::int64_t{});
      break;
    case ValueType::F32:
      ok = read(double{}, float{});
      break;
    case ValueType::F64:
      ok = read(double{}, double{});
      break;
    case ValueType::Bool:
      ok = cursor_.number(flag);
      if (flag > 1)
        return bad(fmt::format("key {} is a bool of value {}, expected 0 or 1", quoted(entry.key), flag));
      entry.value = flag == 1;
      break;
    case ValueType::String:
    case ValueType::Array:
      break;  // not scalars: read by the others
  }
  if (!ok) return cursor_.error(fmt::format("the value of key {}", quoted(entry.key)));
  return {};
}

Result<void> Parser::string_value(KeyValue& entry) {
  const auto error = [&] { return cursor_.error(fmt::format("the value of key {}", quoted(entry.key))); };
  std::uint64_t length = 0;
  if (!cursor_.number(length)) return error();
  if (length > limits::kGgufInlineStringBytesMax) {
    entry.value = LazyString{.offset = cursor_.offset(), .bytes = length};
    if (!cursor_.skip(length)) return error();
    return {};
  }
  std::string text(static_cast<std::size_t>(length), '\0');
  if (!cursor_.bytes(std::as_writable_bytes(std::span(text)))) return error();
  entry.value = std::move(text);
  return {};
}

Result<void> Parser::array(KeyValue& entry) {
  const auto error = [&] { return cursor_.error(fmt::format("the array of key {}", quoted(entry.key))); };
  std::uint32_t element = 0;
  std::uint64_t count = 0;
  if (!cursor_.number(element) || !cursor_.number(count)) return error();
  if (element >= kValueTypeCount || static_cast<ValueType>(element) == ValueType::Array) {
    return bad(
        fmt::format("key {} is an array of type {}, which no array can hold", quoted(entry.key), element));
  }
  if (count > limits::kGgufArrayElementCountMax) {
    return bad(fmt::format("key {} is an array of {} elements; at most {} are allowed", quoted(entry.key),
                           count, limits::kGgufArrayElementCountMax));
  }
  ArrayInfo info{
      .element = static_cast<ValueType>(element), .count = count, .offset = cursor_.offset(), .bytes = 0};
  const bool ok = info.element == ValueType::String ? cursor_.skip_strings(count)
                                                    : cursor_.skip(count * value_type_bytes(info.element));
  if (!ok) return error();
  info.bytes = cursor_.offset() - info.offset;
  entry.value = info;
  return {};
}

Result<void> Parser::alignment() {
  MINERVA_ASSIGN(const auto alignment, file_.metadata_.get<std::uint32_t>("general.alignment"));
  const std::uint32_t bytes = alignment.value_or(32);
  if (bytes == 0 || (bytes & (bytes - 1)) != 0 || bytes > limits::kGgufAlignmentBytesMax) {
    return bad(fmt::format("key 'general.alignment' is {}, expected a power of two from 1 to {}", bytes,
                           limits::kGgufAlignmentBytesMax));
  }
  file_.alignment_ = bytes;
  return {};
}

// ---- tensors

Result<void> Parser::tensors() {
  file_.tensors_.reserve(static_cast<std::size_t>(tensor_count_));
  std::unordered_set<std::string_view> names;
  names.reserve(static_cast<std::size_t>(tensor_count_));
  for (std::uint64_t i = 0; i < tensor_count_; ++i) {
    MINERVA_ASSIGN(TensorInfo info, tensor(i));
    file_.tensors_.push_back(std::move(info));  // capacity was reserved: the views stay valid
    const std::string& name = file_.tensors_.back().name;
    if (!names.insert(name).second) return bad(fmt::format("tensor {} stands twice", quoted(name)));
  }
  return {};
}

Result<TensorInfo> Parser::tensor(std::uint64_t index) {
  TensorInfo tensor;
  if (!cursor_.string(tensor.name, limits::kGgufTensorNameBytesMax)) {
    return cursor_.error(which("the name of tensor", index, tensor_count_));
  }
  if (tensor.name.empty())
    return bad(fmt::format("{} is empty", which("the name of tensor", index, tensor_count_)));
  if (tensor.name.find('\0') != std::string::npos) {
    return bad(fmt::format("tensor {} has a zero byte in its name", quoted(tensor.name)));
  }
  MINERVA_TRY(dimensions(tensor));
  MINERVA_TRY(type_and_bytes(tensor));
  if (!cursor_.number(tensor.offset))
    return cursor_.error(fmt::format("the offset of tensor {}", quoted(tensor.name)));
  return tensor;
}

Result<void> Parser::dimensions(TensorInfo& tensor) {
  const auto error = [&] {
    return cursor_.error(fmt::format("the dimensions of tensor {}", quoted(tensor.name)));
  };
  if (!cursor_.number(tensor.dim_count)) return error();
  if (tensor.dim_count > limits::kGgufDimensionCountMax) {
    return bad(fmt::format("tensor {} has {} dimensions; at most {} are allowed", quoted(tensor.name),
                           tensor.dim_count, limits::kGgufDimensionCountMax));
  }
  for (std::uint32_t d = 0; d < tensor.dim_count; ++d) {
    std::uint64_t& dim = tensor.dims[d];
    if (!cursor_.number(dim)) return error();
    if (dim == 0)
      return bad(fmt::format("tensor {}: dimension {} is 0, expected at least 1", quoted(tensor.name), d));
    const auto product = checked_multiply<std::uint64_t>(tensor.elements, dim);
    // ggml counts elements in signed 64 bits.
    if (!product || *product > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return bad(fmt::format("tensor {}: dimension {} is {}, so its elements can't be counted in 63 bits",
                             quoted(tensor.name), d, dim));
    }
    tensor.elements = *product;
  }
  return {};
}

Result<void> Parser::type_and_bytes(TensorInfo& tensor) {
  std::uint32_t number = 0;
  if (!cursor_.number(number))
    return cursor_.error(fmt::format("the type of tensor {}", quoted(tensor.name)));
  const GgmlTypeTraits* traits = find_ggml_type(number);
  if (traits == nullptr) {
    if (const auto name = withdrawn_ggml_type(number); !name.empty()) {
      return model_loading(
          fmt::format("'{}': tensor {} has type {}, which ggml no longer supports", file_.name(),
                      quoted(tensor.name), name),
          "Get a newer conversion of the model: Q4_0 and IQ4_NL are repacked for the processor when "
          "they are loaded.");
    }
    return model_loading(
        fmt::format("'{}': tensor {} has unknown type {}", file_.name(), quoted(tensor.name), number),
        number < 1000 ? "Update Minerva, or get the model in another quantisation, such as Q4_K_M."
                      : kDownloadAgain);
  }
  tensor.type = traits->type;
  if (tensor.dims[0] % traits->block_elements != 0) {
    return bad(fmt::format("tensor {} has {} elements per row, expected a multiple of {} for type {}",
                           quoted(tensor.name), tensor.dims[0], traits->block_elements, traits->name));
  }
  const auto bytes = ggml_bytes(*traits, tensor.elements);
  if (!bytes) return bad(fmt::format("tensor {}: its size in bytes is beyond 64 bits", quoted(tensor.name)));
  tensor.bytes = *bytes;
  return {};
}

Result<void> Parser::data_section() {
  const std::uint64_t header_end = cursor_.offset();
  if (file_.tensors_.empty()) {
    file_.data_offset_ = header_end;
    return {};
  }
  const auto start = checked_align_up<std::uint64_t>(header_end, file_.alignment_);
  if (!start) return bad("the data section starts beyond 64 bits");
  file_.data_offset_ = *start;
  std::uint64_t expected_offset = 0;
  for (const TensorInfo& tensor : file_.tensors_) {
    MINERVA_TRY(place(tensor, expected_offset));
    file_.tensor_bytes_ += tensor.bytes;  // no overflow: every tensor lies in the file, none overlap
  }
  return {};
}

Result<void> Parser::place(const TensorInfo& tensor, std::uint64_t& expected_offset) {
  if (tensor.offset != expected_offset) {
    return bad(fmt::format("tensor {} starts at offset {} of the data, expected {}: it {}",
                           quoted(tensor.name), tensor.offset, expected_offset,
                           tensor.offset < expected_offset ? "overlaps the tensor before it"
                                                           : "leaves a gap after the tensor before it"));
  }
  const auto end = checked_add<std::uint64_t>(tensor.offset, tensor.bytes);
  const auto end_in_file = end ? checked_add<std::uint64_t>(file_.data_offset_, *end) : std::nullopt;
  if (!end_in_file || *end_in_file > file_.file_bytes()) {
    return bad(fmt::format("tensor {} ends at byte {} but the file has {} bytes", quoted(tensor.name),
                           end_in_file ? fmt::to_string(*end_in_file) : "2^64 or later", file_.file_bytes()));
  }
  // In the file, so far below 2^64 that rounding up cannot overflow.
  expected_offset = checked_align_up<std::uint64_t>(*end, file_.alignment_).value_or(*end);
  return {};
}

}  // namespace minerva::gguf
