#include "convert/gguf_writer.h"

#include <fmt/format.h>

#include <cstring>
#include <unordered_set>
#include <utility>

#include "base/checked.h"
#include "base/limits.h"
#include "formats/quote.h"

namespace minerva::convert {
namespace {

constexpr std::uint64_t kAlignment = 32;  // GGUF's default: the file needs no key for it
constexpr std::size_t kPartBytes = 1 << 20;
constexpr std::uint32_t kVersion = 3;

template <class T>
void put(std::string& out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

std::unexpected<Error> bad(const TensorHeader& tensor, std::string_view what) {
  return invalid_request(fmt::format("tensor {} {}", quoted(tensor.name), what),
                         "Such a model cannot be stored as GGUF. Run its directory with the native backend.");
}

/// Bytes of its data, from its shape and type.
Result<std::uint64_t> bytes_of(const TensorHeader& tensor) {
  if (tensor.name.empty() || tensor.name.size() > limits::kGgufTensorNameBytesMax) {
    return bad(tensor, fmt::format("has a name of {} bytes; at most {} fit", tensor.name.size(),
                                   limits::kGgufTensorNameBytesMax));
  }
  if (tensor.dims.empty() || tensor.dims.size() > limits::kGgufDimensionCountMax) {
    return bad(tensor, fmt::format("has {} dimensions", tensor.dims.size()));
  }
  const GgmlTypeTraits& traits = ggml_type_traits(tensor.type);
  std::optional<std::uint64_t> elements = 1;
  for (const std::uint64_t dim : tensor.dims) {
    if (dim == 0) return bad(tensor, "has no elements");
    if (elements) elements = checked_multiply(*elements, dim);
  }
  if (tensor.dims[0] % traits.block_elements != 0) {
    return bad(tensor, fmt::format("has rows of {} elements, which are no whole blocks of {}", tensor.dims[0],
                                   traits.name));
  }
  const auto bytes = elements ? ggml_bytes(traits, *elements) : std::nullopt;
  if (!bytes) return bad(tensor, "is too large");
  return *bytes;
}

/// Collects what tensors hand over, writes it in parts, counts and asks for progress.
class Sink {
 public:
  Sink(OutputFile& file, std::uint64_t total, const LoadProgress& progress)
      : file_(file), total_(total), progress_(progress) {
    buffer_.reserve(kPartBytes);
  }

  Result<void> take(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const std::size_t count = std::min(bytes.size(), kPartBytes - buffer_.size());
      buffer_.insert(buffer_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
      bytes = bytes.subspan(count);
      taken_ += count;
      if (buffer_.size() == kPartBytes) MINERVA_TRY(flush());
    }
    return {};
  }
  Result<void> pad(std::uint64_t count) {
    constexpr std::array<std::byte, kAlignment> kZeros{};
    return take(std::span(kZeros).first(static_cast<std::size_t>(count)));
  }
  Result<void> flush() {
    MINERVA_TRY(file_.write(buffer_));
    buffer_.clear();
    const double done = static_cast<double>(taken_) / static_cast<double>(total_);
    if (!progress_ || progress_(static_cast<float>(done))) return {};
    return fail(ErrorCode::Cancelled, "the conversion was cancelled",
                "Nothing was left behind: start it again when you like.");
  }
  std::uint64_t taken() const noexcept { return taken_; }

 private:
  OutputFile& file_;
  std::uint64_t total_;
  const LoadProgress& progress_;
  std::vector<std::byte> buffer_;
  std::uint64_t taken_ = 0;
};

std::uint64_t padding(std::uint64_t bytes) noexcept {
  return (kAlignment - bytes % kAlignment) % kAlignment;
}

}  // namespace

Result<GgufLayout> GgufLayout::make(const KeyValues& keys, std::vector<TensorHeader> tensors) {
  GgufLayout layout;
  std::string& header = layout.header_;
  header = "GGUF";
  put(header, kVersion);
  put(header, static_cast<std::uint64_t>(tensors.size()));
  put(header, static_cast<std::uint64_t>(keys.entries().size()));
  header += keys.serialised();
  if (tensors.size() > limits::kGgufTensorCountMax) {
    return invalid_request(fmt::format("the model has {} tensors; at most {} fit into a GGUF", tensors.size(),
                                       limits::kGgufTensorCountMax),
                           "Run its directory with the native backend.");
  }
  std::unordered_set<std::string_view> names;
  std::uint64_t offset = 0;
  for (TensorHeader& tensor : tensors) {
    MINERVA_ASSIGN(tensor.bytes, bytes_of(tensor));
    if (!names.insert(tensor.name).second) return bad(tensor, "would be in the file twice");
    put(header, static_cast<std::uint64_t>(tensor.name.size()));
    header += tensor.name;
    put(header, static_cast<std::uint32_t>(tensor.dims.size()));
    for (const std::uint64_t dim : tensor.dims) put(header, dim);
    put(header, static_cast<std::uint32_t>(tensor.type));
    put(header, offset);
    const auto aligned = checked_align_up(tensor.bytes, kAlignment);
    const auto next = aligned ? checked_add(offset, *aligned) : std::nullopt;
    if (!next) return bad(tensor, "makes the file too large");
    offset = *next;
  }
  if (header.size() > limits::kGgufMetadataBytesMax) {
    return invalid_request(fmt::format("the tokenizer makes a header of {} bytes; at most {} are read",
                                       header.size(), limits::kGgufMetadataBytesMax),
                           "Run the directory with the native backend.");
  }
  header.append(static_cast<std::size_t>(padding(header.size())), '\0');
  const auto file_bytes = checked_add<std::uint64_t>(header.size(), offset);
  if (!file_bytes) return invalid_request("the model is too large for a file", "Split it.");
  layout.file_bytes_ = *file_bytes;
  layout.data_bytes_ = offset;
  layout.tensors_ = std::move(tensors);
  return layout;
}

Result<void> write_gguf(const GgufLayout& layout, const std::filesystem::path& path,
                        OutputFile::Existing existing, const TensorProducer& produce,
                        const LoadProgress& progress) {
  const std::uint64_t available = available_disk_bytes(path.parent_path());
  if (layout.file_bytes() > available) {
    return disk_full(path.filename().string(), layout.file_bytes(), available);
  }
  MINERVA_ASSIGN(OutputFile file, OutputFile::create(path));
  Sink sink(file, layout.file_bytes(), progress);
  MINERVA_TRY(sink.take(std::as_bytes(std::span(layout.header()))));
  const ByteSink take = [&](std::span<const std::byte> bytes) { return sink.take(bytes); };
  for (std::size_t i = 0; i < layout.tensors().size(); ++i) {
    const TensorHeader& tensor = layout.tensors()[i];
    const std::uint64_t before = sink.taken();
    MINERVA_TRY(produce(i, take));
    const std::uint64_t written = sink.taken() - before;
    if (written != tensor.bytes) {
      return internal_error(fmt::format("tensor {} has {} bytes where {} were announced", quoted(tensor.name),
                                        written, tensor.bytes));
    }
    MINERVA_TRY(sink.pad(padding(written)));
  }
  MINERVA_TRY(sink.flush());
  return file.commit(existing);
}

}  // namespace minerva::convert
