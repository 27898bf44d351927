#include "formats/safetensors/header.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "base/checked.h"
#include "base/limits.h"
#include "formats/quote.h"

namespace minerva::safetensors {

namespace dom = simdjson::dom;

/// Reads one header. simdjson keeps fields that stand twice, so that they can be refused.
class HeaderReader {
 public:
  explicit HeaderReader(const ByteSource& source) : source_(source) {
    header_.file_name_ = source.name();
    header_.file_bytes_ = source.size();
  }

  Result<Header> run() {
    MINERVA_TRY(load());
    MINERVA_TRY(parse());
    std::ranges::sort(header_.tensors_, {},
                      [](const TensorInfo& t) { return std::tuple(t.offset, t.bytes); });
    MINERVA_TRY(check_layout());
    MINERVA_TRY(index());
    return std::move(header_);
  }

 private:
  std::unexpected<Error> bad(std::string_view message) const {
    return model_loading(fmt::format("'{}': {}", source_.name(), message), kDownloadAgain);
  }
  std::unexpected<Error> bad_tensor(std::string_view name, std::string_view message) const {
    return bad(fmt::format("tensor {} {}", quoted(name), message));
  }
  std::unexpected<Error> bad_json(simdjson::error_code error) const {
    return bad(fmt::format("its header is not valid JSON: {}", simdjson::error_message(error)));
  }

  /// The length and the JSON text.
  Result<void> load() {
    std::uint64_t length = 0;
    constexpr std::uint64_t kPrefix = sizeof(length);
    if (source_.size() < kPrefix + 2) {
      return bad(fmt::format("the file has {} bytes; a safetensors file has at least {}", source_.size(),
                             kPrefix + 2));
    }
    MINERVA_TRY(source_.read(0, std::as_writable_bytes(std::span(&length, 1))));
    if (length > limits::kSafetensorsHeaderBytesMax) {
      return bad(fmt::format("its header claims {} bytes; at most {} are allowed", length,
                             limits::kSafetensorsHeaderBytesMax));
    }
    if (length > source_.size() - kPrefix) {
      return bad(
          fmt::format("its header claims {} bytes, but the file has {} bytes", length, source_.size()));
    }
    header_.data_offset_ = kPrefix + length;
    text_.reserve(static_cast<std::size_t>(length) + simdjson::SIMDJSON_PADDING);
    text_.resize(static_cast<std::size_t>(length));
    MINERVA_TRY(source_.read(kPrefix, std::as_writable_bytes(std::span(text_))));
    const auto start = text_.find_first_not_of(" \t\r\n");
    if (start == std::string::npos || text_[start] != '{') return bad("its header does not start with '{'");
    return {};
  }

  Result<void> parse() {
    dom::parser parser;
    if (const auto error = parser.allocate(text_.size(), limits::kJsonDepthMax)) return bad_json(error);
    dom::object object;
    if (const auto error = parser.parse(text_).get_object().get(object)) return bad_json(error);
    for (const auto& [key, value] : object) {
      MINERVA_TRY(key == "__metadata__" ? metadata(value) : tensor(key, value));
    }
    return {};
  }

  Result<void> metadata(const dom::element& value) {
    if (std::exchange(has_metadata_, true)) return bad("__metadata__ stands twice in its header");
    dom::object object;
    if (value.is_null()) return {};  // as the reference has it
    if (value.get_object().get(object)) return bad("__metadata__ in its header is not an object of strings");
    for (const auto& [key, item] : object) {
      std::string_view text;
      if (item.get_string().get(text)) {
        return bad(fmt::format("{} in __metadata__ of its header is not a string", quoted(key)));
      }
      header_.metadata_.emplace_back(key, text);
    }
    return {};
  }

  /// One `"name": {"dtype": ..., "shape": [...], "data_offsets": [begin, end]}`.
  Result<void> tensor(std::string_view name, const dom::element& value) {
    if (header_.tensors_.size() == limits::kSafetensorsTensorCountMax) {
      return bad(fmt::format("its header has more than {} tensors", limits::kSafetensorsTensorCountMax));
    }
    TensorInfo info;
    info.name = name;
    bool has_type = false;
    bool has_shape = false;
    std::optional<std::array<std::uint64_t, 2>> range;
    dom::object object;
    if (value.get_object().get(object)) return bad_tensor(info.name, "is not described by a JSON object");
    for (const auto& [key, item] : object) {
      if ((key == "dtype" && has_type) || (key == "shape" && has_shape) || (key == "data_offsets" && range)) {
        return bad_tensor(info.name, fmt::format("has '{}' twice", key));
      }
      if (key == "dtype") {
        MINERVA_TRY(type(info, item));
        has_type = true;
      } else if (key == "shape") {
        MINERVA_TRY(shape(info, item));
        has_shape = true;
      } else if (key == "data_offsets") {
        MINERVA_ASSIGN(range, offsets(info, item));
      }
    }
    if (!has_type || !has_shape || !range) {
      return bad_tensor(info.name, fmt::format("has no '{}'", !has_type    ? "dtype"
                                                              : !has_shape ? "shape"
                                                                           : "data_offsets"));
    }
    MINERVA_TRY(check_size(info, *range));
    header_.tensors_.push_back(std::move(info));
    return {};
  }

  Result<void> type(TensorInfo& info, const dom::element& value) {
    std::string_view text;
    if (value.get_string().get(text)) return bad_tensor(info.name, "has a 'dtype' that is not a string");
    const auto found = find_dtype(text);
    if (!found || dtype_bits(*found) == 0) {
      return bad_tensor(info.name, fmt::format("has the unknown dtype {}", quoted(text)));
    }
    info.type = *found;
    return {};
  }

  Result<void> shape(TensorInfo& info, const dom::element& value) {
    dom::array array;
    if (value.get_array().get(array)) return bad_tensor(info.name, "has a 'shape' that is not a list");
    for (const dom::element item : array) {
      std::uint64_t size = 0;
      if (item.get_uint64().get(size))
        return bad_tensor(info.name, "has a 'shape' with something else than sizes");
      if (info.shape.size() == limits::kSafetensorsDimensionCountMax) {
        return bad_tensor(info.name,
                          fmt::format("has more than {} dimensions", limits::kSafetensorsDimensionCountMax));
      }
      info.shape.push_back(size);
    }
    return {};
  }

  Result<std::array<std::uint64_t, 2>> offsets(const TensorInfo& info, const dom::element& value) {
    const auto error = [&] { return bad_tensor(info.name, "has 'data_offsets' that are not two offsets"); };
    std::array<std::uint64_t, 2> range{};
    std::size_t count = 0;
    dom::array array;
    if (value.get_array().get(array)) return error();
    for (const dom::element item : array) {
      std::uint64_t offset = 0;
      if (count == range.size() || item.get_uint64().get(offset)) return error();
      range[count++] = offset;
    }
    if (count != range.size() || range[0] > range[1]) return error();
    return range;
  }

  Result<void> check_size(TensorInfo& info, const std::array<std::uint64_t, 2>& range) {
    // Zeros first: [2^40, 2^40, 0] has no elements and overflows nothing.
    if (std::ranges::find(info.shape, 0U) != info.shape.end()) {
      info.elements = 0;
    } else {
      for (const std::uint64_t size : info.shape) {
        const auto product = checked_multiply(info.elements, size);
        if (!product) return bad_tensor(info.name, "has a shape whose elements can't be counted in 64 bits");
        info.elements = *product;
      }
    }
    const auto bits = checked_multiply<std::uint64_t>(info.elements, dtype_bits(info.type));
    if (!bits || *bits % 8 != 0) {
      return bad_tensor(info.name, bits ? "does not fill whole bytes"
                                        : "has a shape whose bits can't be counted in 64 bits");
    }
    info.offset = range[0];
    info.bytes = range[1] - range[0];
    if (*bits / 8 == info.bytes) return {};
    return bad_tensor(info.name,
                      fmt::format("takes {} bytes by its shape and dtype {}, but its data_offsets span {}",
                                  *bits / 8, dtype_name(info.type), info.bytes));
  }

  Result<void> check_layout() const {
    std::uint64_t expected = 0;
    for (const TensorInfo& tensor : header_.tensors_) {
      if (tensor.offset != expected) {
        return bad_tensor(
            tensor.name,
            fmt::format("starts at offset {} of the data, expected {}: it {}", tensor.offset, expected,
                        tensor.offset < expected ? "overlaps another" : "leaves a hole"));
      }
      expected = tensor.offset + tensor.bytes;  // was data_offsets[1]: no overflow
    }
    if (expected == header_.data_bytes()) return {};
    const auto needed = checked_add(header_.data_offset_, expected);
    return bad(fmt::format("the header describes a file of {} bytes, but the file has {} bytes",
                           needed ? fmt::to_string(*needed) : "more than 2^64", source_.size()));
  }

  Result<void> index() {
    header_.index_.reserve(header_.tensors_.size());
    for (std::size_t i = 0; i < header_.tensors_.size(); ++i) {
      const std::string& name = header_.tensors_[i].name;
      if (!header_.index_.emplace(name, i).second) return bad_tensor(name, "stands twice");
    }
    return {};
  }

  const ByteSource& source_;
  Header header_;
  std::string text_;
  bool has_metadata_ = false;
};

Result<Header> Header::read(const ByteSource& source) {
  return HeaderReader(source).run();
}

Result<Header> Header::open(const std::filesystem::path& path) {
  MINERVA_ASSIGN(const File file, File::open(path));
  return read(file);
}

const TensorInfo* Header::find(std::string_view name) const noexcept {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

}  // namespace minerva::safetensors
