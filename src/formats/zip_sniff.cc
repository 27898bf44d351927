#include "formats/zip_sniff.h"

#include <cstdint>
#include <cstring>
#include <optional>

namespace minerva {
namespace {

constexpr std::size_t kHeaderBytes = 30;

template <class T>
T number_at(std::string_view bytes, std::size_t offset) {
  T value{};
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

std::optional<Kind> kind_of_entry(std::string_view name) {
  if (name == "data.pkl" || name.ends_with("/data.pkl")) return Kind::TorchZip;
  if (name == "model.weights.h5") return Kind::KerasZip;
  if (name.ends_with(".npy")) return Kind::Numpy;
  return std::nullopt;
}

}  // namespace

Kind sniff_zip(std::string_view head, std::string_view file_name) {
  bool metadata = false;
  bool config = false;
  // From header to header, as far as sizes are known (bit 3: they follow the data) and the bytes reach.
  while (head.size() >= kHeaderBytes && head.starts_with("PK\x03\x04")) {
    const auto flags = number_at<std::uint16_t>(head, 6);
    const auto compressed = number_at<std::uint32_t>(head, 18);
    const auto name_bytes = number_at<std::uint16_t>(head, 26);
    const auto extra_bytes = number_at<std::uint16_t>(head, 28);
    if (head.size() < kHeaderBytes + name_bytes) break;
    const std::string_view name = head.substr(kHeaderBytes, name_bytes);
    if (const auto kind = kind_of_entry(name)) return *kind;
    metadata = metadata || name == "metadata.json";
    config = config || name == "config.json";
    const std::uint64_t next = std::uint64_t{kHeaderBytes} + name_bytes + extra_bytes + compressed;
    if ((flags & 8U) != 0 || next >= head.size()) break;
    head.remove_prefix(static_cast<std::size_t>(next));
  }
  if ((metadata && config) || file_name.ends_with(".keras")) return Kind::KerasZip;
  return Kind::Zip;
}

}  // namespace minerva
