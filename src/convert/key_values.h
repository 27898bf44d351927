// The key-values of a GGUF file to be written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace minerva::convert {

using GgufValue =
    std::variant<bool, std::uint32_t, std::uint64_t, std::int32_t, float, std::string,
                 std::vector<std::string>, std::vector<float>, std::vector<std::int32_t>, std::vector<bool>>;

/// In the order in which they were set. Keys are unique.
class KeyValues {
 public:
  /// Replaces the value of a key that is there.
  void set(std::string key, GgufValue value);
  const std::vector<std::pair<std::string, GgufValue>>& entries() const noexcept { return entries_; }

  /// As in the file: key, type, value; little-endian.
  std::string serialised() const;

 private:
  std::vector<std::pair<std::string, GgufValue>> entries_;
};

}  // namespace minerva::convert
