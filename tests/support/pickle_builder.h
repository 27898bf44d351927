// Writes pickles instruction by instruction, sound and malicious ones, and PyTorch archives around them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace minerva::testing {

/// `value`'s lowest `bytes` bytes, little endian.
std::string little_endian(std::uint64_t value, unsigned bytes);

/// Each call appends one instruction; nothing is checked.
class PickleBuilder {
 public:
  explicit PickleBuilder(int protocol = 2) {
    raw("\x80").raw(little_endian(static_cast<std::uint64_t>(protocol), 1));
  }

  PickleBuilder& raw(std::string_view bytes);
  PickleBuilder& mark() { return raw("("); }
  PickleBuilder& tuple() { return raw("t"); }
  PickleBuilder& empty_tuple() { return raw(")"); }
  PickleBuilder& empty_list() { return raw("]"); }
  PickleBuilder& empty_dict() { return raw("}"); }
  PickleBuilder& set_item() { return raw("s"); }
  PickleBuilder& set_items() { return raw("u"); }
  PickleBuilder& append() { return raw("a"); }
  PickleBuilder& none() { return raw("N"); }
  PickleBuilder& boolean(bool value) { return raw(value ? "\x88" : "\x89"); }
  PickleBuilder& reduce() { return raw("R"); }
  PickleBuilder& build() { return raw("b"); }
  PickleBuilder& persistent_id() { return raw("Q"); }
  PickleBuilder& string(std::string_view text);
  /// As LONG1 of 8 bytes: takes any value.
  PickleBuilder& integer(std::int64_t value);
  /// A tuple of integers.
  PickleBuilder& integers(const std::vector<std::int64_t>& values);
  PickleBuilder& global(std::string_view module, std::string_view name);
  PickleBuilder& put(std::uint32_t key) { return raw("r").raw(little_endian(key, 4)); }
  PickleBuilder& get(std::uint32_t key) { return raw("j").raw(little_endian(key, 4)); }
  PickleBuilder& ordered_dict() { return global("collections", "OrderedDict").empty_tuple().reduce(); }

  /// The storage `key` of `elements` elements.
  PickleBuilder& storage(std::string_view type, std::string_view key, std::int64_t elements);
  /// A tensor as torch.save writes it, of an F32 storage unless `type` says otherwise.
  struct Tensor {
    std::string key = "0";
    std::int64_t storage_elements = 0;
    std::int64_t offset = 0;
    std::vector<std::int64_t> shape;
    std::vector<std::int64_t> strides;
    std::string type = "FloatStorage";
  };
  PickleBuilder& tensor(const Tensor& tensor);

  /// The pickle, with the final STOP.
  std::string finish() const { return bytes_ + "."; }

 private:
  std::string bytes_;
};

/// One entry of a zip archive. What is set lies; the rest is written truthfully.
struct ZipPart {
  std::string name;
  std::string data;
  std::uint16_t method = 0;  ///< 0 = stored
  std::uint16_t flags = 0;
  std::optional<std::uint32_t> central_bytes = {};
  std::optional<std::uint32_t> central_stored_bytes = {};
  std::optional<std::uint32_t> central_offset = {};
  std::optional<std::string> local_name = {};
  std::optional<std::uint32_t> local_bytes = {};
  std::string central_extra = {};
};

/// A zip archive with data aligned to 64 bytes, with zip64 end records when asked for. Checksums are zero.
std::string zip_archive(const std::vector<ZipPart>& parts, bool zip64 = false);

/// The .bin file of `pickle` and its storages (key and bytes).
std::string torch_archive(const std::string& pickle,
                          const std::vector<std::pair<std::string, std::string>>& storages);

}  // namespace minerva::testing
