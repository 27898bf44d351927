// Changes GGUF files in ways that keep them GGUF files, for fuzzing what lies behind the parser.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace minerva::testing {

/// A GGUF taken apart. Counts and offsets are written anew by `serialize`.
struct LooseGguf {
  struct KeyValue {
    std::string key;
    std::uint32_t type = 0;
    std::string bytes;  ///< the value as it stands in the file
  };
  struct Tensor {
    std::string name;
    std::vector<std::uint64_t> dims;
    std::uint32_t type = 0;
    std::string data;
  };
  std::vector<KeyValue> key_values;
  std::vector<Tensor> tensors;

  /// Nothing when `file` is not sound enough to be taken apart.
  static std::optional<LooseGguf> parse(std::string_view file);
  std::string serialize() const;
};

/// One to four random changes: key-values (numbers at bounds, other types, arrays cut or lengthened, strings,
/// architectures), tensors (type, shape, presence, name). Equal seeds make equal changes.
void mutate_gguf(LooseGguf& gguf, unsigned seed);

}  // namespace minerva::testing
