// What the pickle of a PyTorch checkpoint can say here: data, and tags for the few Python names it needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tensor/dtype.h"

namespace minerva::torch_bin {

/// What an allowed Python name stands for. Nothing is ever called or looked up: a REDUCE of one of these
/// makes a value of ours.
enum class Tag : std::uint8_t {
  OrderedDict,
  Size,              ///< torch.Size: a tuple
  RebuildTensor,     ///< torch._utils._rebuild_tensor_v2
  RebuildTensorV3,   ///< the same with the dtype as an argument, for types without a storage class
  RebuildParameter,  ///< torch._utils._rebuild_parameter, also with state
  RebuildFromType,   ///< torch._tensor._rebuild_from_type_v2: calls one of the others
  Storage,           ///< torch.FloatStorage and its like: a type
  UntypedStorage,    ///< bytes
  DType,             ///< torch.float8_e4m3fn and its like
  OtherStorage,      ///< of numbers that are not read (complex, quantised), whose size is known
  Other,             ///< what PyTorch lets a checkpoint name, too, and no weight needs
};

/// One allowed name.
struct Global {
  std::string_view module;
  std::string_view name;
  Tag tag;
  DType dtype = DType::U8;         ///< of Storage and DType
  std::uint8_t element_bytes = 0;  ///< of OtherStorage
};

/// The entry for `module`.`name`, or null: then it must be refused.
const Global* find_global(std::string_view module, std::string_view name) noexcept;

/// One Python value. What does not fit into a number lies in the Heap, and copies share it, as in Python.
struct Value {
  enum class Kind : std::uint8_t {
    None,
    Bool,
    Int,
    Float,
    String,
    Tuple,
    List,
    Dict,
    Global,
    Storage,
    Tensor,
    Other  ///< sound, but nothing that is read; Heap::others says why
  };
  Kind kind = Kind::None;
  std::int64_t number = 0;  ///< Bool and Int: itself; Float: nothing; else an index into the heap's list

  std::size_t index() const noexcept { return static_cast<std::size_t>(number); }
};

/// "a tuple", "an integer" ...
std::string_view kind_name(Value::Kind kind) noexcept;

struct DictValue {
  std::vector<std::pair<Value, Value>> items = {};
  bool ordered = false;  ///< an OrderedDict
};

/// The bytes of one or more tensors, by the key of their zip entry.
struct StorageValue {
  std::string_view key;
  std::optional<DType> dtype = {};  ///< none: untyped (elements are bytes), or of another type
  std::uint64_t elements = 0;       ///< of all that lies under the key
  std::uint64_t element_bytes = 1;
  const Global* other_type = nullptr;  ///< an OtherStorage: no tensor of it is read
};

/// A view of a storage; in bounds of the element count that the storage claims.
struct TensorValue {
  std::size_t storage = 0;  ///< index into Heap::storages
  DType dtype = DType::F32;
  std::uint64_t offset = 0;  ///< elements
  std::vector<std::uint64_t> shape = {};
  std::vector<std::uint64_t> strides = {};  ///< elements, as many as shape has
};

/// Where values live. Strings are views into the pickle's bytes, which must outlive it.
struct Heap {
  std::vector<std::string_view> strings;
  std::vector<std::vector<Value>> sequences;  ///< tuples and lists; the first is the empty tuple
  std::vector<DictValue> dicts;
  std::vector<const Global*> globals;
  std::vector<StorageValue> storages;
  std::vector<TensorValue> tensors;
  std::size_t copied_pairs = 0;     ///< into dictionaries
  std::vector<std::string> others;  ///< "is a sparse tensor": what each value is that is not read
};

}  // namespace minerva::torch_bin
