// Names of formats and tokenizers as they appear in JSON.
#include "minerva/model_description.h"

namespace minerva {

std::string_view format_name(Format format) noexcept {
  switch (format) {
    case Format::Gguf:
      return "gguf";
    case Format::HfSafetensors:
      return "hf-safetensors";
    case Format::HfTorchBin:
      return "hf-torch-bin";
    case Format::HfMlx:
      return "mlx";
    case Format::Safetensors:
      return "safetensors";
    case Format::LoraAdapter:
      return "lora-adapter";
    case Format::Onnx:
      return "onnx";
    case Format::TensorFlowSavedModel:
      return "tensorflow-saved-model";
    case Format::TensorFlowGraph:
      return "tensorflow-graph";
    case Format::KerasHdf5:
      return "keras-hdf5";
    case Format::Keras:
      return "keras";
    case Format::TfLite:
      return "tflite";
    case Format::CoreMl:
      return "core-ml";
    case Format::OldGgml:
      return "old-ggml";
    case Format::TorchPickle:
      return "torch-pickle";
    case Format::Archive:
      return "archive";
    case Format::Text:
      return "text";
    case Format::Empty:
      return "empty";
    case Format::Unknown:
      return "unknown";
  }
  return "unknown";
}

bool is_runnable(Format format) noexcept {
  return format == Format::Gguf || format == Format::HfSafetensors || format == Format::HfTorchBin ||
         format == Format::HfMlx;
}

std::string_view tokenizer_kind_name(TokenizerKind kind) noexcept {
  switch (kind) {
    case TokenizerKind::None:
      return "none";
    case TokenizerKind::Bpe:
      return "bpe";
    case TokenizerKind::SentencePiece:
      return "sentencepiece";
    case TokenizerKind::WordPiece:
      return "wordpiece";
    case TokenizerKind::Unigram:
      return "unigram";
    case TokenizerKind::Other:
      return "other";
  }
  return "other";
}

}  // namespace minerva
