#include "support/pickle_builder.h"

namespace minerva::testing {

std::string little_endian(std::uint64_t value, unsigned bytes) {
  std::string out;
  for (unsigned i = 0; i < bytes; ++i) out += static_cast<char>((value >> (8 * i)) & 0xFF);
  return out;
}

PickleBuilder& PickleBuilder::raw(std::string_view bytes) {
  bytes_ += bytes;
  return *this;
}

PickleBuilder& PickleBuilder::string(std::string_view text) {
  return raw("X").raw(little_endian(text.size(), 4)).raw(text);
}

PickleBuilder& PickleBuilder::integer(std::int64_t value) {
  return raw("\x8a\x08").raw(little_endian(static_cast<std::uint64_t>(value), 8));
}

PickleBuilder& PickleBuilder::integers(const std::vector<std::int64_t>& values) {
  mark();
  for (const std::int64_t value : values) integer(value);
  return tuple();
}

PickleBuilder& PickleBuilder::global(std::string_view module, std::string_view name) {
  return raw("c").raw(module).raw("\n").raw(name).raw("\n");
}

PickleBuilder& PickleBuilder::storage(std::string_view type, std::string_view key, std::int64_t elements) {
  const bool untyped = type == "UntypedStorage";
  mark().string("storage").global(untyped ? "torch.storage" : "torch", type);
  return string(key).string("cpu").integer(elements).tuple().persistent_id();
}

PickleBuilder& PickleBuilder::tensor(const Tensor& tensor) {
  global("torch._utils", "_rebuild_tensor_v2").mark();
  storage(tensor.type, tensor.key, tensor.storage_elements).integer(tensor.offset);
  integers(tensor.shape).integers(tensor.strides).boolean(false).ordered_dict();
  return tuple().reduce();
}

std::string zip_archive(const std::vector<ZipPart>& parts, bool zip64) {
  constexpr std::size_t kAlignment = 64;
  std::string out;
  std::string directory;
  for (const ZipPart& part : parts) {
    const std::string local_name = part.local_name.value_or(part.name);
    const std::size_t header_offset = out.size();
    const std::size_t unpadded = header_offset + 30 + local_name.size();
    const std::string padding((kAlignment - unpadded % kAlignment) % kAlignment, 'Z');
    const std::string size = little_endian(part.data.size(), 4);
    const std::string local_size = part.local_bytes ? little_endian(*part.local_bytes, 4) : size;
    const std::string common =
        little_endian(part.flags, 2) + little_endian(part.method, 2) + std::string(8, '\0');
    out += "PK\x03\x04" + little_endian(20, 2) + common + local_size + local_size;
    out += little_endian(local_name.size(), 2) + little_endian(padding.size(), 2) + local_name + padding +
           part.data;
    directory += "PK\x01\x02" + little_endian(20, 2) + little_endian(20, 2) + common;
    directory += part.central_stored_bytes ? little_endian(*part.central_stored_bytes, 4) : size;
    directory += part.central_bytes ? little_endian(*part.central_bytes, 4) : size;
    directory += little_endian(part.name.size(), 2) + little_endian(part.central_extra.size(), 2) +
                 std::string(10, '\0');
    directory += little_endian(part.central_offset.value_or(static_cast<std::uint32_t>(header_offset)), 4);
    directory += part.name + part.central_extra;
  }
  const std::size_t directory_offset = out.size();
  out += directory;
  const std::size_t record_offset = out.size();
  if (zip64) {
    const std::string count = little_endian(parts.size(), 8);
    out += "PK\x06\x06" + little_endian(44, 8) + little_endian(45, 2) + little_endian(45, 2) +
           std::string(8, '\0') + count + count + little_endian(directory.size(), 8) +
           little_endian(directory_offset, 8);
    out += "PK\x06\x07" + std::string(4, '\0') + little_endian(record_offset, 8) + little_endian(1, 4);
  }
  const std::string count = little_endian(parts.size(), 2);
  return out + "PK\x05\x06" + std::string(4, '\0') + count + count + little_endian(directory.size(), 4) +
         little_endian(directory_offset, 4) + std::string(2, '\0');
}

std::string torch_archive(const std::string& pickle,
                          const std::vector<std::pair<std::string, std::string>>& storages) {
  std::vector<ZipPart> parts = {{.name = "archive/data.pkl", .data = pickle},
                                {.name = "archive/byteorder", .data = "little"}};
  for (const auto& [key, data] : storages) parts.push_back({.name = "archive/data/" + key, .data = data});
  parts.push_back({.name = "archive/version", .data = "3\n"});
  return zip_archive(parts);
}

}  // namespace minerva::testing
