#include "formats/torch_bin/pickle_value.h"

#include <array>

namespace minerva::torch_bin {
namespace {

constexpr std::array kGlobals = {
    Global{"collections", "OrderedDict", Tag::OrderedDict},
    Global{"collections", "Counter", Tag::OrderedDict},
    Global{"torch", "Size", Tag::Size},
    Global{"torch._utils", "_rebuild_tensor_v2", Tag::RebuildTensor},
    Global{"torch._utils", "_rebuild_tensor_v3", Tag::RebuildTensorV3},
    Global{"torch._utils", "_rebuild_parameter", Tag::RebuildParameter},
    Global{"torch._utils", "_rebuild_parameter_with_state", Tag::RebuildParameter},
    Global{"torch._tensor", "_rebuild_from_type_v2", Tag::RebuildFromType},
    Global{"torch.nn.parameter", "Parameter", Tag::Other},
    Global{"torch", "Tensor", Tag::Other},
    Global{"torch", "FloatStorage", Tag::Storage, DType::F32},
    Global{"torch", "HalfStorage", Tag::Storage, DType::F16},
    Global{"torch", "BFloat16Storage", Tag::Storage, DType::BF16},
    Global{"torch", "DoubleStorage", Tag::Storage, DType::F64},
    Global{"torch", "ByteStorage", Tag::Storage, DType::U8},
    Global{"torch", "CharStorage", Tag::Storage, DType::I8},
    Global{"torch", "ShortStorage", Tag::Storage, DType::I16},
    Global{"torch", "IntStorage", Tag::Storage, DType::I32},
    Global{"torch", "LongStorage", Tag::Storage, DType::I64},
    Global{"torch", "BoolStorage", Tag::Storage, DType::Bool},
    Global{"torch", "ComplexFloatStorage", Tag::OtherStorage, DType::U8, 8},
    Global{"torch", "ComplexDoubleStorage", Tag::OtherStorage, DType::U8, 16},
    Global{"torch", "QInt8Storage", Tag::OtherStorage, DType::U8, 1},
    Global{"torch", "QUInt8Storage", Tag::OtherStorage, DType::U8, 1},
    Global{"torch", "QInt32Storage", Tag::OtherStorage, DType::U8, 4},
    Global{"torch", "QUInt4x2Storage", Tag::OtherStorage, DType::U8, 1},
    Global{"torch", "QUInt2x4Storage", Tag::OtherStorage, DType::U8, 1},
    Global{"torch.storage", "UntypedStorage", Tag::UntypedStorage},
    // PyTorch's own loader takes these from a checkpoint (weights_only).
    Global{"torch._utils", "_rebuild_tensor", Tag::Other},
    Global{"torch._utils", "_rebuild_sparse_tensor", Tag::Other},
    Global{"torch._utils", "_rebuild_qtensor", Tag::Other},
    Global{"torch._utils", "_rebuild_meta_tensor_no_storage", Tag::Other},
    Global{"torch._utils", "_rebuild_wrapper_subclass", Tag::Other},
    Global{"torch._utils", "_rebuild_device_tensor_from_numpy", Tag::Other},
    Global{"torch._utils", "_rebuild_device_tensor_from_cpu_tensor", Tag::Other},
    Global{"torch.serialization", "_get_layout", Tag::Other},
    Global{"torch", "device", Tag::Other},
    Global{"torch", "complex64", Tag::Other},
    Global{"torch", "complex128", Tag::Other},
    Global{"torch", "per_tensor_affine", Tag::Other},
    Global{"torch", "per_tensor_symmetric", Tag::Other},
    Global{"torch", "per_channel_affine", Tag::Other},
    Global{"torch", "per_channel_symmetric", Tag::Other},
    Global{"torch", "per_channel_affine_float_qparams", Tag::Other},
    // As pickles of protocol 2 name what Python 3 has in builtins.
    Global{"__builtin__", "set", Tag::Other},
    Global{"__builtin__", "complex", Tag::Other},
    Global{"__builtin__", "bytearray", Tag::Other},
    Global{"builtins", "set", Tag::Other},
    Global{"builtins", "complex", Tag::Other},
    Global{"builtins", "bytearray", Tag::Other},
    Global{"_codecs", "encode", Tag::Other},
    Global{"torch", "float32", Tag::DType, DType::F32},
    Global{"torch", "float16", Tag::DType, DType::F16},
    Global{"torch", "bfloat16", Tag::DType, DType::BF16},
    Global{"torch", "float64", Tag::DType, DType::F64},
    Global{"torch", "uint8", Tag::DType, DType::U8},
    Global{"torch", "int8", Tag::DType, DType::I8},
    Global{"torch", "uint16", Tag::DType, DType::U16},
    Global{"torch", "int16", Tag::DType, DType::I16},
    Global{"torch", "uint32", Tag::DType, DType::U32},
    Global{"torch", "int32", Tag::DType, DType::I32},
    Global{"torch", "uint64", Tag::DType, DType::U64},
    Global{"torch", "int64", Tag::DType, DType::I64},
    Global{"torch", "bool", Tag::DType, DType::Bool},
    Global{"torch", "float8_e4m3fn", Tag::DType, DType::F8_E4M3},
    Global{"torch", "float8_e5m2", Tag::DType, DType::F8_E5M2},
    Global{"torch", "float8_e8m0fnu", Tag::DType, DType::F8_E8M0},
    Global{"torch", "float8_e4m3fnuz", Tag::DType, DType::F8_E4M3Fnuz},
    Global{"torch", "float8_e5m2fnuz", Tag::DType, DType::F8_E5M2Fnuz},
};

}  // namespace

const Global* find_global(std::string_view module, std::string_view name) noexcept {
  for (const Global& global : kGlobals) {
    if (global.name == name && global.module == module) return &global;
  }
  return nullptr;
}

std::string_view kind_name(Value::Kind kind) noexcept {
  switch (kind) {
    case Value::Kind::None:
      return "None";
    case Value::Kind::Bool:
      return "a bool";
    case Value::Kind::Int:
      return "an integer";
    case Value::Kind::Float:
      return "a float";
    case Value::Kind::String:
      return "a string";
    case Value::Kind::Tuple:
      return "a tuple";
    case Value::Kind::List:
      return "a list";
    case Value::Kind::Dict:
      return "a dictionary";
    case Value::Kind::Global:
      return "a Python name";
    case Value::Kind::Storage:
      return "a storage";
    case Value::Kind::Tensor:
      return "a tensor";
    case Value::Kind::Other:
      return "a value that is not read";
  }
  return "something else";
}

}  // namespace minerva::torch_bin
