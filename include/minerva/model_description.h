/// @file
/// What a model path holds, as far as headers tell: never loads weights.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "minerva/error.h"
#include "minerva/export.h"

namespace minerva {

/// What a path holds. The first group can be described and run; the second is recognised in order to say
/// what it is and how to convert it.
enum class Format : std::uint8_t {
  Gguf,           ///< GGUF v2 or v3, one file or split files
  HfSafetensors,  ///< Hugging Face directory with safetensors weights (single file or sharded)
  HfTorchBin,     ///< Hugging Face directory with pytorch_model.bin weights (single file or sharded)
  HfMlx,          ///< Hugging Face directory quantised by MLX
  // ---- recognised, not run
  Safetensors,           ///< one .safetensors file without its directory
  LoraAdapter,           ///< an adapter (PEFT directory or GGUF adapter), no model of its own
  Onnx,                  ///< an ONNX graph
  TensorFlowSavedModel,  ///< a directory with saved_model.pb
  TensorFlowGraph,       ///< a frozen graph, .pb
  KerasHdf5,             ///< Keras in an HDF5 file
  Keras,                 ///< Keras 3 .keras zip
  TfLite,                ///< TensorFlow Lite
  CoreMl,                ///< a Core ML model or package
  OldGgml,               ///< ggml, ggmf or ggjt: before GGUF
  TorchPickle,           ///< a PyTorch file that is no Hugging Face checkpoint
  Archive,               ///< a zip, gzip, tar ... archive
  Text,                  ///< plain text
  Empty,                 ///< an empty file or directory
  Unknown,               ///< none of these
};

/// Stable lower-case name, for example "gguf", "hf-safetensors", "mlx", "onnx": part of the JSON contract.
MINERVA_API std::string_view format_name(Format format) noexcept;

/// Whether Minerva has an engine for the format.
MINERVA_API bool is_runnable(Format format) noexcept;

/// How text becomes token ids.
enum class TokenizerKind : std::uint8_t {
  None,           ///< the files hold no tokenizer
  Bpe,            ///< byte pair encoding
  SentencePiece,  ///< SentencePiece's BPE
  WordPiece,      ///< BERT's
  Unigram,        ///< SentencePiece's Unigram
  Other,          ///< another
};
/// Stable lower-case name, for example "bpe".
MINERVA_API std::string_view tokenizer_kind_name(TokenizerKind kind) noexcept;

/// One chat template; the unnamed one is "default".
struct NamedTemplate {
  std::string name;    ///< the unnamed one is "default"
  std::string source;  ///< Jinja
};

/// Tokens that get a bias where they would stand in a row.
struct SequenceBias {
  std::vector<std::int32_t> ids;  ///< one or more
  float bias = 0;  ///< added to the logit of the last one when the others stand right before it
};

/// What a model's files recommend for a generation: generation_config.json, and where there is none
/// config.json, by transformers' names; general.sampling.* of a GGUF. Absent or empty fields were not given.
/// A request's own options win; `GenerationRequest::ignore_recommendations` sets all of it aside.
struct SamplingDefaults {
  std::optional<float> temperature;                  ///< see SamplingOptions
  std::optional<int> top_k;                          ///< see SamplingOptions
  std::optional<float> top_p;                        ///< see SamplingOptions
  std::optional<float> min_p;                        ///< see SamplingOptions
  std::optional<float> typical_p;                    ///< see SamplingOptions
  std::optional<float> top_h;                        ///< (0, 1]; of the entropy of the 100 best, this much
  std::optional<float> epsilon_cutoff;               ///< [0, 1); least probability of a token; 0 = off
  std::optional<float> eta_cutoff;                   ///< [0, 1); the same, less where all is unlikely
  bool temperature_first = false;                    ///< the temperature comes before top-k, not at the end
  std::optional<float> repetition_penalty;           ///< see SamplingOptions
  std::optional<int> penalty_last_n;                 ///< see SamplingOptions
  std::optional<float> encoder_repetition_penalty;   ///< (0, 100]; favours the tokens of the prompt; 1 = off
  std::optional<int> no_repeat_ngram_size;           ///< see SamplingOptions
  std::optional<int> encoder_no_repeat_ngram_size;   ///< as that, for the tokens of the prompt only
  std::vector<SequenceBias> sequence_bias;           ///< bad_words_ids too, with -infinity
  std::vector<std::int32_t> suppress_tokens;         ///< never chosen
  std::vector<std::int32_t> begin_suppress_tokens;   ///< not chosen as the first of an answer
  std::optional<std::int32_t> forced_bos_token_id;   ///< follows a prompt of one token
  std::vector<std::int32_t> forced_eos_token_ids;    ///< the last token that there is room for is one of them
  std::optional<std::uint32_t> max_new_tokens;       ///< as `GenerationRequest::max_tokens`
  std::optional<std::uint32_t> max_length;           ///< prompt and answer; counts without max_new_tokens
  std::optional<std::uint32_t> min_new_tokens;       ///< before them the answer does not end
  std::optional<std::uint32_t> min_length;           ///< prompt and answer; before it the answer does not end
  std::optional<std::uint32_t> length_penalty_from;  ///< new tokens, from which the end becomes likelier
  std::optional<float> length_penalty_factor;        ///< by this factor a token
  std::optional<float> max_time;                     ///< seconds, after which the answer ends
  std::vector<std::string> stop_strings;             ///< as `GenerationRequest::stop`
  bool remove_invalid_values = false;                ///< a logit that is no number counts as 0
};

/// Everything a router, a tokenizer or a memory estimate needs to know of a model, from headers only.
/// A value type: immutable once made, safe to copy and to share between threads.
struct ModelDescription {
  std::filesystem::path path;       ///< canonical path of the file or directory as given
  Format format = Format::Unknown;  ///< how it is stored
  std::string architecture;  ///< GGUF general.architecture or config.json model_type, for example "llama"
  std::string name;          ///< general.name, or the directory's name
  std::vector<std::filesystem::path> weight_files;  ///< in shard order
  std::uint64_t file_bytes = 0;                     ///< sum of the weight files' sizes
  std::uint64_t tensor_count = 0;                   ///< tensors in the weight files
  std::uint64_t tensor_bytes = 0;                   ///< bytes of tensor data
  std::uint64_t parameter_count = 0;                ///< logical elements (quantised weights count unpacked)
  std::string quantisation;                       ///< dominant weight type: "Q4_K_M", "BF16", "MLX 4-bit" ...
  std::uint32_t context_length = 0;               ///< tokens the model was trained for; 0 where not stated
  std::uint32_t layer_count = 0;                  ///< decoder blocks
  std::uint32_t embedding_length = 0;             ///< hidden size
  std::uint32_t head_count = 0;                   ///< attention heads
  std::uint32_t kv_head_count = 0;                ///< the largest of all layers
  std::uint32_t key_length = 0;                   ///< per head, elements
  std::uint32_t value_length = 0;                 ///< per head, elements
  std::uint32_t feed_forward_length = 0;          ///< inner size of the feed-forward part
  std::uint32_t sliding_window = 0;               ///< tokens; 0 = none
  std::uint32_t vocabulary_size = 0;              ///< tokens
  TokenizerKind tokenizer = TokenizerKind::None;  ///< how text becomes ids
  std::string tokenizer_detail;               ///< tokenizer.ggml.model/pre, or tokenizer.json's model type
  std::vector<NamedTemplate> chat_templates;  ///< in the order of the files
  std::vector<std::int32_t> eos_token_ids;    ///< end-of-generation ids stated by the files
  std::optional<std::int32_t> bos_token_id;   ///< what begins a text
  SamplingDefaults sampling;                  ///< what the files recommend
  /// What they recommend and Minerva does not follow, because it cannot or because it is damaged: a sentence
  /// each, with the name of the field.
  std::vector<std::string> notes;
};

/// The format of what lies at `path`, from the first bytes of a file or the listing of a directory; names
/// are only a tie-break. Reads at most a few KiB. Errors: InvalidRequest when nothing is there or it cannot
/// be read. Thread-safe.
MINERVA_API Result<Format> detect(const std::filesystem::path& path);

/// Reads headers and configuration at `path`. Errors: InvalidRequest for a format Minerva does not run
/// (the remedy says how to convert it), ModelLoading for a damaged one. Thread-safe.
MINERVA_API Result<ModelDescription> describe(const std::filesystem::path& path);

}  // namespace minerva
