#include "formats/torch_bin/rebuild.h"

#include <fmt/format.h>

#include "base/checked.h"
#include "base/limits.h"
#include "formats/quote.h"

namespace minerva::torch_bin {
namespace {

using Kind = Value::Kind;
template <class T>
using Checked = std::expected<T, std::string>;

std::unexpected<std::string> wrong(std::string text) {
  return std::unexpected(std::move(text));
}

std::unexpected<std::string> wrong_argument(std::string_view what, std::string_view expected,
                                            const Value& found) {
  return wrong(fmt::format("{} is {}; expected {}", what, kind_name(found.kind), expected));
}

Checked<std::uint64_t> count(const Value& value, std::string_view what) {
  if (value.kind != Kind::Int) return wrong_argument(what, "an integer", value);
  if (value.number < 0) return wrong(fmt::format("{} is {}; expected 0 or more", what, value.number));
  return static_cast<std::uint64_t>(value.number);
}

Checked<std::vector<std::uint64_t>> counts(const Heap& heap, const Value& value, std::string_view what) {
  if (value.kind != Kind::Tuple && value.kind != Kind::List) return wrong_argument(what, "a tuple", value);
  const auto& items = heap.sequences[value.index()];
  if (items.size() > limits::kTorchDimensionCountMax) {
    return wrong(fmt::format("{} has {} numbers; at most {} are allowed", what, items.size(),
                             limits::kTorchDimensionCountMax));
  }
  std::vector<std::uint64_t> numbers;
  numbers.reserve(items.size());
  for (const Value& item : items) {
    auto number = count(item, what);
    if (!number) return wrong(std::move(number).error());
    numbers.push_back(*number);
  }
  return numbers;
}

/// One more than the index of the last element, relative to the first; 0 when there are no elements; nothing
/// on overflow.
std::optional<std::uint64_t> extent_of(const TensorValue& tensor) {
  std::uint64_t last = 0;
  for (const std::uint64_t size : tensor.shape) {
    if (size == 0) return 0;
  }
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    const auto step = checked_multiply(tensor.shape[i] - 1, tensor.strides[i]);
    const auto sum = step ? checked_add(last, *step) : std::nullopt;
    if (!sum) return std::nullopt;
    last = *sum;
  }
  return checked_add<std::uint64_t>(last, 1);
}

std::optional<std::uint64_t> element_count(const std::vector<std::uint64_t>& shape) {
  // A zero anywhere makes the product zero, but only after the others were multiplied: no overflow is let
  // through that a reader multiplying in another order would meet.
  std::uint64_t product = 1;
  for (const std::uint64_t size : shape) {
    const auto next = checked_multiply(product, size == 0 ? 1 : size);
    if (!next) return std::nullopt;
    product = *next;
  }
  return extent_of({.shape = shape, .strides = std::vector<std::uint64_t>(shape.size(), 0)}) == 0U ? 0
                                                                                                   : product;
}

Checked<void> check_bounds(const TensorValue& tensor, std::uint64_t storage_elements) {
  if (tensor.shape.size() != tensor.strides.size()) {
    return wrong(
        fmt::format("a tensor has {} dimensions but {} strides", tensor.shape.size(), tensor.strides.size()));
  }
  const auto elements = element_count(tensor.shape);
  const auto extent = extent_of(tensor);
  const auto end = extent ? checked_add(tensor.offset, *extent) : std::nullopt;
  if (!elements || !end || *end > storage_elements) {
    return wrong(fmt::format(
        "a tensor of shape [{}] and strides [{}] from element {} leaves its storage of {} elements",
        fmt::join(tensor.shape, ", "), fmt::join(tensor.strides, ", "), tensor.offset, storage_elements));
  }
  return {};
}

Value other(Heap& heap, std::string what) {
  heap.others.push_back(std::move(what));
  return Value{Kind::Other, static_cast<std::int64_t>(heap.others.size() - 1)};
}

/// What keeps a tensor, in bounds of its storage, from being read. Expanded ones (stride 0) are copied where
/// they are needed: a few bytes may not ask for any amount of memory.
std::string obstacle(const TensorValue& tensor, std::uint64_t storage_elements) {
  const std::uint64_t elements = *element_count(tensor.shape);  // was counted by check_bounds
  const std::uint64_t most = limits::kExpandedTensorBytesMax / (dtype_bits(tensor.dtype) / 8);
  if (elements <= storage_elements || elements <= most) return "";
  return fmt::format("repeats {} stored numbers as {}, more than is copied", storage_elements, elements);
}

Checked<std::uint64_t> elements_as(const StorageValue& storage, DType dtype) {
  if (storage.dtype) return storage.elements;
  const std::uint64_t bytes = dtype_bits(dtype) / 8;
  if (storage.elements % bytes != 0) {
    return wrong(fmt::format("an untyped storage of {} bytes holds no whole number of {}", storage.elements,
                             dtype_name(dtype)));
  }
  return storage.elements / bytes;
}

bool is_empty_or_none(const Heap& heap, const Value& value) {
  if (value.kind == Kind::Dict) return heap.dicts[value.index()].items.empty();
  return value.kind == Kind::None;
}

bool is_other_type(const Heap& heap, const Value& value) {
  return value.kind == Kind::Global && heap.globals[value.index()]->tag == Tag::Other;
}

/// The type in the arguments of version 3, or of the storage.
Checked<DType> tensor_dtype(const Heap& heap, const StorageValue& storage, const Value* argument) {
  if (argument == nullptr) {
    if (storage.dtype) return *storage.dtype;
    return wrong("a tensor of an untyped storage lacks its type");
  }
  if (argument->kind != Kind::Global || heap.globals[argument->index()]->tag != Tag::DType) {
    return wrong_argument("a tensor's type", "a torch.dtype", *argument);
  }
  const DType dtype = heap.globals[argument->index()]->dtype;
  if (storage.dtype && *storage.dtype != dtype) return wrong("a tensor's type differs from its storage's");
  return dtype;
}

/// (storage, offset, shape, strides, requires_grad, hooks[, dtype][, metadata])
Checked<Value> rebuild_tensor(Heap& heap, std::span<const Value> arguments, bool has_dtype) {
  const std::size_t required = has_dtype ? 7 : 6;
  if (arguments.size() != required && arguments.size() != required + 1) {
    return wrong(fmt::format("a tensor is made of {} arguments; expected {}", arguments.size(), required));
  }
  if (arguments[0].kind != Kind::Storage)
    return wrong_argument("a tensor's storage", "a storage", arguments[0]);
  if (arguments[4].kind != Kind::Bool) return wrong_argument("requires_grad", "a bool", arguments[4]);
  TensorValue tensor{.storage = arguments[0].index()};
  const StorageValue& storage = heap.storages[tensor.storage];
  if (storage.other_type != nullptr) {
    return other(heap,
                 fmt::format("is stored as '{}.{}'", storage.other_type->module, storage.other_type->name));
  }
  if (has_dtype && is_other_type(heap, arguments[6])) return other(heap, "has a type that is not read");
  if (!is_empty_or_none(heap, arguments[5])) return other(heap, "has backward hooks");
  if (arguments.size() > required && !is_empty_or_none(heap, arguments[required])) {
    return other(heap, "has metadata (a conjugated or negated view)");
  }
  auto offset = count(arguments[1], "a tensor's storage offset");
  auto shape = counts(heap, arguments[2], "a tensor's shape");
  auto strides = counts(heap, arguments[3], "a tensor's strides");
  auto dtype = tensor_dtype(heap, storage, has_dtype ? &arguments[6] : nullptr);
  if (!offset) return wrong(std::move(offset).error());
  if (!shape) return wrong(std::move(shape).error());
  if (!strides) return wrong(std::move(strides).error());
  if (!dtype) return wrong(std::move(dtype).error());
  auto storage_elements = elements_as(storage, *dtype);
  if (!storage_elements) return wrong(std::move(storage_elements).error());
  tensor.dtype = *dtype;
  tensor.offset = *offset;
  tensor.shape = *std::move(shape);
  tensor.strides = *std::move(strides);
  if (auto in_bounds = check_bounds(tensor, *storage_elements); !in_bounds) {
    return wrong(std::move(in_bounds).error());
  }
  if (std::string what = obstacle(tensor, *storage_elements); !what.empty())
    return other(heap, std::move(what));
  heap.tensors.push_back(std::move(tensor));
  return Value{Kind::Tensor, static_cast<std::int64_t>(heap.tensors.size() - 1)};
}

/// (tensor, requires_grad, hooks[, state]); the state is attributes that somebody gave it.
Checked<Value> rebuild_parameter(const Heap& heap, std::span<const Value> arguments) {
  const bool of_tensor =
      !arguments.empty() && (arguments[0].kind == Kind::Tensor || arguments[0].kind == Kind::Other);
  if ((arguments.size() != 3 && arguments.size() != 4) || !of_tensor || arguments[1].kind != Kind::Bool ||
      !is_empty_or_none(heap, arguments[2])) {
    return wrong("a parameter is not made of a tensor, a bool and no hooks");
  }
  return arguments[0];
}

/// (function, type, its arguments, state): a tensor with attributes of its own, or of a class of its own.
Checked<Value> rebuild_from_type(Heap& heap, std::span<const Value> arguments) {
  if (arguments.size() != 4 || arguments[0].kind != Kind::Global || arguments[2].kind != Kind::Tuple) {
    return wrong("a tensor with attributes is not made of a function, a type, arguments and a state");
  }
  const Global& function = *heap.globals[arguments[0].index()];
  if (function.tag == Tag::RebuildFromType) return wrong("a tensor with attributes is made of another");
  const std::span<const Value> values = heap.sequences[arguments[2].index()];
  return reduce(heap, function, values);
}

Checked<Value> make_size(Heap& heap, std::span<const Value> arguments) {
  if (arguments.size() != 1 || (arguments[0].kind != Kind::Tuple && arguments[0].kind != Kind::List)) {
    return wrong("torch.Size is not made of one tuple");
  }
  auto numbers = counts(heap, arguments[0], "torch.Size");
  if (!numbers) return wrong(std::move(numbers).error());
  return Value{Kind::Tuple, arguments[0].number};
}

/// (), a dictionary (Counter), or a list of pairs (Python 2).
Checked<Value> make_ordered_dict(Heap& heap, std::span<const Value> arguments) {
  DictValue dict{.ordered = true};
  const auto bad = [] { return wrong("an OrderedDict is made of something else than pairs"); };
  if (arguments.size() > 1) return bad();
  if (!arguments.empty() && arguments[0].kind == Kind::Dict) return arguments[0];
  if (!arguments.empty()) {
    if (arguments[0].kind != Kind::List) return bad();
    const auto& pairs = heap.sequences[arguments[0].index()];
    heap.copied_pairs += pairs.size();  // else a short pickle could copy one list again and again
    if (heap.copied_pairs > limits::kPickleOpcodeCountMax)
      return wrong("its dictionaries have too many entries");
    for (const Value& pair : pairs) {
      if (pair.kind != Kind::List && pair.kind != Kind::Tuple) return bad();
      const auto& parts = heap.sequences[pair.index()];
      if (parts.size() != 2) return bad();
      dict.items.emplace_back(parts[0], parts[1]);
    }
  }
  heap.dicts.push_back(std::move(dict));
  return Value{Kind::Dict, static_cast<std::int64_t>(heap.dicts.size() - 1)};
}

}  // namespace

Checked<Value> make_storage(Heap& heap, const Value& id) {
  if (id.kind != Kind::Tuple) return wrong_argument("a persistent id", "a tuple", id);
  const auto& parts = heap.sequences[id.index()];
  // Before version 1.6 a sixth part named a part of the storage; nothing has written one since 0.4.
  const bool whole = parts.size() == 5 || (parts.size() == 6 && parts[5].kind == Kind::None);
  if (!whole || parts[0].kind != Kind::String || heap.strings[parts[0].index()] != "storage") {
    return wrong("a persistent id is not ('storage', type, key, location, element count)");
  }
  if (parts[1].kind != Kind::Global) return wrong_argument("a storage's type", "a storage class", parts[1]);
  const Global& type = *heap.globals[parts[1].index()];
  if (type.tag != Tag::Storage && type.tag != Tag::UntypedStorage && type.tag != Tag::OtherStorage) {
    return wrong(
        fmt::format("a storage's type is '{}.{}'; expected a storage class", type.module, type.name));
  }
  if (parts[2].kind != Kind::String) return wrong_argument("a storage's key", "a string", parts[2]);
  if (parts[3].kind != Kind::String) return wrong_argument("a storage's location", "a string", parts[3]);
  auto elements = count(parts[4], "a storage's element count");
  if (!elements) return wrong(std::move(elements).error());
  StorageValue storage{.key = heap.strings[parts[2].index()], .elements = *elements};
  if (type.tag == Tag::Storage) {
    storage.dtype = type.dtype;
    storage.element_bytes = dtype_bits(type.dtype) / 8;
  } else if (type.tag == Tag::OtherStorage) {
    storage.other_type = &type;
    storage.element_bytes = type.element_bytes;
  }
  heap.storages.push_back(storage);
  return Value{Kind::Storage, static_cast<std::int64_t>(heap.storages.size() - 1)};
}

Checked<Value> reduce(Heap& heap, const Global& global, std::span<const Value> arguments) {
  switch (global.tag) {
    case Tag::OrderedDict:
      return make_ordered_dict(heap, arguments);
    case Tag::Size:
      return make_size(heap, arguments);
    case Tag::RebuildTensor:
      return rebuild_tensor(heap, arguments, false);
    case Tag::RebuildTensorV3:
      return rebuild_tensor(heap, arguments, true);
    case Tag::RebuildParameter:
      return rebuild_parameter(heap, arguments);
    case Tag::RebuildFromType:
      return rebuild_from_type(heap, arguments);
    case Tag::Other:
      return other(heap, fmt::format("is made by '{}.{}'", global.module, global.name));
    case Tag::Storage:
    case Tag::UntypedStorage:
    case Tag::DType:
    case Tag::OtherStorage:
      break;
  }
  return wrong(fmt::format("'{}.{}' is called, which makes no tensor", global.module, global.name));
}

}  // namespace minerva::torch_bin
