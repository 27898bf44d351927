// Everything Minerva can recognise, finer than Format: what to call it and what a user can do about it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "minerva/model_description.h"

namespace minerva {

enum class Kind : std::uint8_t {
  Gguf,
  HfSafetensors,
  HfTorchBin,
  HfMlx,
  SafetensorsFile,
  SafetensorsInModelDirectory,  ///< one weight file of a directory that could be run
  TorchInModelDirectory,
  PeftAdapter,
  GgufAdapter,
  GgmlAdapter,
  Onnx,
  OnnxRuntime,
  TensorFlowSavedModel,
  TensorFlowGraph,
  KerasHdf5,
  HfTensorFlow,  ///< a Hugging Face directory that only has tf_model.h5
  KerasZip,
  TfLite,
  CoreMl,
  OldGgml,
  TorchZip,
  TorchDirectory,  ///< PyTorch files that are no Hugging Face checkpoint
  TorchLegacyPickle,
  Pickle,
  HfFlax,  ///< a Hugging Face directory that only has flax_model.msgpack
  OpenVino,
  Diffusion,
  HubCacheEntry,
  Numpy,
  Zip,
  Gzip,
  Bzip2,
  Xz,
  Zstd,
  SevenZip,
  Tar,
  Rar,
  GitLfsPointer,
  Html,
  Json,
  PlainText,
  EmptyFile,
  EmptyDirectory,
  UnknownFile,
  UnknownDirectory,
};

Format format_of(Kind kind) noexcept;

/// The InvalidRequest for something Minerva doesn't run: what it is, what is supported, how to get there.
/// `name`: the file or directory without its folders; `verb`: "is", or "holds" for a directory with such a
/// file.
std::unexpected<Error> not_runnable(Kind kind, std::string_view name, std::string_view verb = "is");

/// The InvalidRequest for a GGUF whose general.type is `type` and not "model".
std::unexpected<Error> gguf_is_no_model(std::string_view name, std::string_view type);

/// The InvalidRequest for a GGUF whose general.architecture is that of something else than a language model
/// (an image encoder, image generator, control vector ...); nothing for any other.
std::optional<Error> gguf_of_other_use(std::string_view name, std::string_view architecture);

}  // namespace minerva
