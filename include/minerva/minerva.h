/// @file
/// The public face of Minerva in C11; valid C++ as well. It reaches as far as the C++ headers beside it, with
/// the same names: `minerva::ModelOptions::context_tokens` is `minerva_model_options.context_tokens`.
/// docs/api.md shows both side by side.
///
/// - **Errors.** What can fail returns a `minerva_status` and, where `error` is not NULL, sets `*error` to
/// NULL or
///   to an error that the caller frees. No exception leaves the library. A NULL that is not said to be
///   allowed is MINERVA_INVALID_REQUEST. On failure what a function was to hand out is set to NULL.
/// - **Ownership.** What a function hands out through a pointer to a pointer belongs to the caller, who frees
/// it
///   with the type's `_free` (which takes NULL), once, in any order: a model keeps its engine. What is passed
///   in is only read during the call. What a result points to lives as long as the result.
/// - **Threads.** Engines, models and cancel sources may be used from several threads at once; results may be
/// read
///   from several threads. Nothing may be freed while another thread is in a call with it.
/// - **Structs that are passed in** begin with `struct_size` and are set up by their `_init` function, which
///   gives every field its default. Later versions add fields at their end; so does the library to the
///   structs that it hands out, which it alone allocates.
/// - **Text** is UTF-8. It ends with a NUL wherever no size is given, and where it is handed out always.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "minerva/export.h"
#include "minerva/version.h"

/// Counts up when a program must be compiled anew; see `minerva_abi_version`.
#define MINERVA_ABI_VERSION 1

/// As the size of a text: it ends at its first NUL.
#define MINERVA_NUL_TERMINATED SIZE_MAX

// NOLINTBEGIN(modernize-use-using,modernize-redundant-void-arg): this is C
#ifdef __cplusplus
extern "C" {
#endif

/// @name Versions and errors
/// @{

/// How a call ended. See `minerva::ErrorCode`.
typedef enum minerva_status {
  MINERVA_OK = 0,                ///< done
  MINERVA_INVALID_REQUEST = 1,   ///< wrong parameter, unknown model, a format Minerva does not run
  MINERVA_MODEL_LOADING = 2,     ///< truncated, corrupted or inconsistent files; unsupported architecture
  MINERVA_OUT_OF_MEMORY = 3,     ///< weights + KV cache + working memory exceed what is available
  MINERVA_CONTEXT_OVERFLOW = 4,  ///< prompt + requested tokens exceed the context
  MINERVA_BUSY = 5,              ///< the queue is full; try again later
  MINERVA_CANCELLED = 6,         ///< the caller cancelled
  MINERVA_INTERNAL = 7           ///< a bug of Minerva's
} minerva_status;

/// One failure, written for the person who reads it.
typedef struct minerva_error {
  size_t struct_size;   ///< bytes of this struct in the library that made it
  minerva_status code;  ///< never MINERVA_OK
  const char* message;  ///< what is wrong: which file, field or parameter, expected and found
  const char* remedy;   ///< what to do about it, as a full sentence; never empty
} minerva_error;

/// Frees an error; NULL is allowed.
MINERVA_API void minerva_error_free(minerva_error* error);
/// The library's version, "MAJOR.MINOR.PATCH"; the header's is MINERVA_VERSION_STRING. Static.
MINERVA_API const char* minerva_version(void);
/// The library's MINERVA_ABI_VERSION: when it differs from the header's, the program must be compiled anew.
MINERVA_API uint32_t minerva_abi_version(void);
/// The name of a `minerva_status` as it appears in JSON, for example "ModelLoading"; "Ok"; "Unknown" for a
/// number that is none. Static.
MINERVA_API const char* minerva_status_name(int32_t status);
/// The exit status of the command line for a `minerva_status`: 0, 2, 3, 4, 5, 130 or 1.
MINERVA_API int minerva_exit_status(int32_t status);
/// The HTTP status for a `minerva_status`: 200, 400, 500, 507, 503 or 499.
MINERVA_API int minerva_http_status(int32_t status);

/// @}
/// @name Small types
/// @{

/// A number that may be absent. All zero: absent. `{true, 0.5f}`: 0.5.
typedef struct minerva_optional_float {
  bool set;     ///< whether there is a value
  float value;  ///< of no meaning unless `set`
} minerva_optional_float;
/// See `minerva_optional_float`.
typedef struct minerva_optional_int32 {
  bool set;       ///< whether there is a value
  int32_t value;  ///< of no meaning unless `set`
} minerva_optional_int32;
/// See `minerva_optional_float`.
typedef struct minerva_optional_uint32 {
  bool set;        ///< whether there is a value
  uint32_t value;  ///< of no meaning unless `set`
} minerva_optional_uint32;
/// See `minerva_optional_float`.
typedef struct minerva_optional_int64 {
  bool set;       ///< whether there is a value
  int64_t value;  ///< of no meaning unless `set`
} minerva_optional_int64;
/// See `minerva_optional_float`.
typedef struct minerva_optional_uint64 {
  bool set;        ///< whether there is a value
  uint64_t value;  ///< of no meaning unless `set`
} minerva_optional_uint64;

/// For `minerva_generation_request::max_tokens`: until the model stops or the context is full.
#define MINERVA_UNLIMITED_TOKENS UINT32_MAX

/// A text that the library made.
typedef struct minerva_text {
  size_t struct_size;  ///< bytes of this struct in the library that made it
  const char* data;    ///< `size` bytes and a NUL; may hold other NULs
  size_t size;         ///< bytes, without the NUL at the end
} minerva_text;
/// Frees a text; NULL is allowed.
MINERVA_API void minerva_text_free(minerva_text* text);

/// Token ids that the library made.
typedef struct minerva_tokens {
  size_t struct_size;  ///< bytes of this struct in the library that made it
  const int32_t* ids;  ///< `count` indices into the model's vocabulary
  size_t count;        ///< how many
} minerva_tokens;
/// Frees token ids; NULL is allowed.
MINERVA_API void minerva_tokens_free(minerva_tokens* tokens);

/// What cancels loads and generations. Thread-safe; not for signal handlers.
typedef struct minerva_cancel_source minerva_cancel_source;
/// A new one; NULL only when there is no memory. One may serve several calls, and be freed after them.
MINERVA_API minerva_cancel_source* minerva_cancel_source_create(void);
/// Cancels what was started with `source`, and what will be; returns at once. NULL is allowed.
MINERVA_API void minerva_cancel_source_request(minerva_cancel_source* source);
/// Whether it was requested. NULL is allowed.
MINERVA_API bool minerva_cancel_source_requested(const minerva_cancel_source* source);
/// Frees a cancel source, which cancels nothing; NULL is allowed.
MINERVA_API void minerva_cancel_source_free(minerva_cancel_source* source);

/// @}
/// @name What a path holds
/// @{

/// What a path holds. See `minerva::Format`.
typedef enum minerva_format {
  MINERVA_FORMAT_GGUF = 0,                     ///< GGUF v2 or v3, one file or split files
  MINERVA_FORMAT_HF_SAFETENSORS = 1,           ///< Hugging Face directory with safetensors weights
  MINERVA_FORMAT_HF_TORCH_BIN = 2,             ///< Hugging Face directory with pytorch_model.bin weights
  MINERVA_FORMAT_HF_MLX = 3,                   ///< Hugging Face directory quantised by MLX
  MINERVA_FORMAT_SAFETENSORS = 4,              ///< not run: one .safetensors file without its directory
  MINERVA_FORMAT_LORA_ADAPTER = 5,             ///< not run: an adapter, no model of its own
  MINERVA_FORMAT_ONNX = 6,                     ///< not run
  MINERVA_FORMAT_TENSOR_FLOW_SAVED_MODEL = 7,  ///< not run
  MINERVA_FORMAT_TENSOR_FLOW_GRAPH = 8,        ///< not run
  MINERVA_FORMAT_KERAS_HDF5 = 9,               ///< not run
  MINERVA_FORMAT_KERAS = 10,                   ///< not run: Keras 3 .keras zip
  MINERVA_FORMAT_TF_LITE = 11,                 ///< not run
  MINERVA_FORMAT_CORE_ML = 12,                 ///< not run
  MINERVA_FORMAT_OLD_GGML = 13,                ///< not run: ggml, ggmf or ggjt, before GGUF
  MINERVA_FORMAT_TORCH_PICKLE = 14,            ///< not run: a PyTorch file that is no checkpoint
  MINERVA_FORMAT_ARCHIVE = 15,                 ///< not run: a zip, gzip, tar ... archive
  MINERVA_FORMAT_TEXT = 16,                    ///< not run
  MINERVA_FORMAT_EMPTY = 17,                   ///< not run: an empty file or directory
  MINERVA_FORMAT_UNKNOWN = 18                  ///< not run
} minerva_format;

/// How text becomes token ids. See `minerva::TokenizerKind`.
typedef enum minerva_tokenizer_kind {
  MINERVA_TOKENIZER_KIND_NONE = 0,            ///< the files hold no tokenizer
  MINERVA_TOKENIZER_KIND_BPE = 1,             ///< byte pair encoding
  MINERVA_TOKENIZER_KIND_SENTENCE_PIECE = 2,  ///< SentencePiece's BPE
  MINERVA_TOKENIZER_KIND_WORD_PIECE = 3,      ///< BERT's
  MINERVA_TOKENIZER_KIND_UNIGRAM = 4,         ///< SentencePiece's Unigram
  MINERVA_TOKENIZER_KIND_OTHER = 5            ///< another
} minerva_tokenizer_kind;

/// One chat template.
typedef struct minerva_named_template {
  const char* name;    ///< the unnamed one is "default"
  const char* source;  ///< Jinja
} minerva_named_template;

/// Tokens that get a bias where they would stand in a row.
typedef struct minerva_sequence_bias {
  const int32_t* ids;  ///< one or more
  size_t ids_count;    ///< how many
  float bias;          ///< added to the logit of the last one when the others stand right before it
} minerva_sequence_bias;

/// What a model's files recommend for a generation. See `minerva::SamplingDefaults`.
typedef struct minerva_sampling_defaults {
  size_t struct_size;                                 ///< bytes of this struct in the library that made it
  minerva_optional_float temperature;                 ///< see `minerva_sampling_options`
  minerva_optional_int32 top_k;                       ///< see `minerva_sampling_options`
  minerva_optional_float top_p;                       ///< see `minerva_sampling_options`
  minerva_optional_float min_p;                       ///< see `minerva_sampling_options`
  minerva_optional_float repetition_penalty;          ///< see `minerva_sampling_options`
  minerva_optional_float typical_p;                   ///< see `minerva_sampling_options`
  minerva_optional_float top_h;                       ///< (0, 1]; of the entropy of the 100 best, this much
  minerva_optional_float epsilon_cutoff;              ///< [0, 1); least probability of a token; 0 = off
  minerva_optional_float eta_cutoff;                  ///< [0, 1); the same, less where all is unlikely
  bool temperature_first;                             ///< the temperature comes before top-k, not at the end
  minerva_optional_int32 penalty_last_n;              ///< see `minerva_sampling_options`
  minerva_optional_float encoder_repetition_penalty;  ///< (0, 100]; favours the prompt's tokens; 1 = off
  minerva_optional_int32 no_repeat_ngram_size;        ///< see `minerva_sampling_options`
  minerva_optional_int32 encoder_no_repeat_ngram_size;  ///< as that, for the tokens of the prompt only
  const minerva_sequence_bias* sequence_bias;           ///< the struct does not grow
  size_t sequence_bias_count;                           ///< how many
  const int32_t* suppress_tokens;                       ///< never chosen
  size_t suppress_tokens_count;                         ///< how many
  const int32_t* begin_suppress_tokens;                 ///< not chosen as the first of an answer
  size_t begin_suppress_tokens_count;                   ///< how many
  minerva_optional_int32 forced_bos_token_id;           ///< follows a prompt of one token
  const int32_t* forced_eos_token_ids;                  ///< the last token there is room for is one of them
  size_t forced_eos_token_ids_count;                    ///< how many
  minerva_optional_uint32 max_new_tokens;               ///< as `minerva_generation_request::max_tokens`
  minerva_optional_uint32 max_length;                   ///< prompt and answer; counts without max_new_tokens
  minerva_optional_uint32 min_new_tokens;               ///< before them the answer does not end
  minerva_optional_uint32 min_length;            ///< prompt and answer; before it the answer does not end
  minerva_optional_uint32 length_penalty_from;   ///< new tokens, from which the end becomes likelier
  minerva_optional_float length_penalty_factor;  ///< by this factor a token
  minerva_optional_float max_time;               ///< seconds, after which the answer ends
  const char* const* stop_strings;               ///< as `minerva_generation_request::stop`
  size_t stop_strings_count;                     ///< how many
  bool remove_invalid_values;                    ///< a logit that is no number counts as 0
} minerva_sampling_defaults;

/// What headers and configuration say of a model. See `minerva::ModelDescription`.
typedef struct minerva_model_description {
  size_t struct_size;                            ///< bytes of this struct in the library that made it
  const char* path;                              ///< canonical path of the file or directory as given
  minerva_format format;                         ///< how it is stored
  const char* architecture;                      ///< for example "llama"
  const char* name;                              ///< general.name, or the directory's name
  const char* const* weight_files;               ///< paths, in shard order
  size_t weight_files_count;                     ///< how many
  uint64_t file_bytes;                           ///< sum of the weight files' sizes
  uint64_t tensor_count;                         ///< tensors in the weight files
  uint64_t tensor_bytes;                         ///< bytes of tensor data
  uint64_t parameter_count;                      ///< logical elements (quantised weights count unpacked)
  const char* quantisation;                      ///< dominant weight type: "Q4_K_M", "BF16", "MLX 4-bit" ...
  uint32_t context_length;                       ///< tokens the model was trained for; 0 where not stated
  uint32_t layer_count;                          ///< decoder blocks
  uint32_t embedding_length;                     ///< hidden size
  uint32_t head_count;                           ///< attention heads
  uint32_t kv_head_count;                        ///< the largest of all layers
  uint32_t key_length;                           ///< per head, elements
  uint32_t value_length;                         ///< per head, elements
  uint32_t feed_forward_length;                  ///< inner size of the feed-forward part
  uint32_t sliding_window;                       ///< tokens; 0 = none
  uint32_t vocabulary_size;                      ///< tokens
  minerva_tokenizer_kind tokenizer;              ///< how text becomes ids
  const char* tokenizer_detail;                  ///< tokenizer.ggml.model/pre, or tokenizer.json's model type
  const minerva_named_template* chat_templates;  ///< the struct does not grow
  size_t chat_templates_count;                   ///< how many
  const int32_t* eos_token_ids;                  ///< end-of-generation ids stated by the files
  size_t eos_token_ids_count;                    ///< how many
  minerva_optional_int32 bos_token_id;           ///< what begins a text
  const minerva_sampling_defaults* sampling;     ///< never NULL
  const char* const* notes;                      ///< what they recommend and Minerva does not follow
  size_t notes_count;                            ///< how many
} minerva_model_description;

/// The format of what lies at `path`, from its first bytes or the listing of a directory. Errors:
/// MINERVA_INVALID_REQUEST when nothing is there or it cannot be read.
MINERVA_API minerva_status minerva_detect(const char* path, minerva_format* format, minerva_error** error);
/// Reads headers and configuration at `path`, never weights. Errors: MINERVA_INVALID_REQUEST for a format
/// Minerva does not run (the remedy says how to convert it), MINERVA_MODEL_LOADING for a damaged one.
MINERVA_API minerva_status minerva_describe(const char* path, minerva_model_description** description,
                                            minerva_error** error);
/// Frees a description that `minerva_describe` made; NULL is allowed.
MINERVA_API void minerva_model_description_free(minerva_model_description* description);
/// Lower-case name of a `minerva_format`, for example "gguf"; "unknown" for a number that is none. Static.
MINERVA_API const char* minerva_format_name(int32_t format);
/// Whether Minerva has an engine for a `minerva_format`.
MINERVA_API bool minerva_format_is_runnable(int32_t format);
/// Name of a `minerva_tokenizer_kind`, for example "bpe"; "other" for a number that is none. Static.
MINERVA_API const char* minerva_tokenizer_kind_name(int32_t kind);

/// @}
/// @name Engine
/// @{

/// Opens models and keeps them in memory within a budget. Thread-safe. Keep one per process.
typedef struct minerva_engine minerva_engine;

/// See `minerva::EngineOptions`.
typedef struct minerva_engine_options {
  size_t struct_size;           ///< set by `minerva_engine_options_init`
  uint64_t memory_limit_bytes;  ///< for all models together; 0: what is available, less a reserve
  const char* const* backends;  ///< preference for models opened without one: "llama", "native", "auto"
  size_t backends_count;        ///< 0: MINERVA_BACKEND, the configuration file, the format
  int64_t keep_alive_ms;        ///< how long an unused model stays; negative = for ever. Default 5 minutes
  uint32_t queue_max;           ///< requests that may wait for one model. Default 64
  uint64_t prefix_cache_bytes;  ///< for what was computed of earlier prompts, per model. Default 256 MiB
  const char* cache_folder;     ///< converted models; NULL: $MINERVA_CACHE, else ~/.cache/minerva
  uint64_t conversion_cache_bytes;  ///< bound of that folder. Default 20 GiB
} minerva_engine_options;
/// Sets every field to its default. `struct_size`: `sizeof *options`. NULL is allowed, and nothing happens.
MINERVA_API void minerva_engine_options_init(minerva_engine_options* options, size_t struct_size);

/// Makes an engine. `options`: NULL for the defaults.
MINERVA_API minerva_status minerva_engine_create(const minerva_engine_options* options,
                                                 minerva_engine** engine, minerva_error** error);
/// Lets go of an engine; it ends when its last model is freed. NULL is allowed.
MINERVA_API void minerva_engine_free(minerva_engine* engine);

/// One model in memory. See `minerva::ResidentModelInfo`.
typedef struct minerva_resident_model_info {
  size_t struct_size;                 ///< bytes of this struct in the library that made it
  const char* path;                   ///< canonical path of the file or directory
  const char* backend;                ///< "llama" or "native"
  const char* backend_reason;         ///< one sentence
  uint64_t weights_bytes;             ///< memory that the weights take
  uint64_t context_bytes;             ///< KV caches, working memory, kept prefixes
  uint32_t active_requests;           ///< being computed
  uint32_t waiting_requests;          ///< in the queue
  bool pinned;                        ///< neither evicted nor expired
  bool loading;                       ///< not ready yet
  int64_t last_use_ms;                ///< milliseconds since 1970 (UTC)
  minerva_optional_int64 expires_ms;  ///< when it will be unloaded, as `last_use_ms`; absent: never
} minerva_resident_model_info;

/// The models in memory, last used first.
typedef struct minerva_resident_models {
  size_t struct_size;                                ///< bytes of this struct in the library that made it
  const minerva_resident_model_info* const* models;  ///< `count` pointers
  size_t count;                                      ///< how many
} minerva_resident_models;
/// Lists the models in memory as they are now.
MINERVA_API minerva_status minerva_engine_resident(const minerva_engine* engine,
                                                   minerva_resident_models** models, minerva_error** error);
/// Frees a list of models; NULL is allowed.
MINERVA_API void minerva_resident_models_free(minerva_resident_models* models);

/// Takes the model at `path` out of memory once its requests have ended. Errors: MINERVA_INVALID_REQUEST when
/// it is not there.
MINERVA_API minerva_status minerva_engine_unload(minerva_engine* engine, const char* path,
                                                 minerva_error** error);
/// A pinned model is not evicted and does not expire. Errors: MINERVA_INVALID_REQUEST when it is not in
/// memory.
MINERVA_API minerva_status minerva_engine_pin(minerva_engine* engine, const char* path, bool pinned,
                                              minerva_error** error);
/// How long `path` stays when nobody uses it, from now on; negative = for ever, 0 = unload at once. Errors:
/// MINERVA_INVALID_REQUEST when it is not in memory.
MINERVA_API minerva_status minerva_engine_keep_alive(minerva_engine* engine, const char* path,
                                                     int64_t duration_ms, minerva_error** error);

/// A backend of the library.
typedef struct minerva_backend_info {
  const char* name;     ///< "llama", "native"
  const char* version;  ///< of what computes
} minerva_backend_info;
/// The backends of the library.
typedef struct minerva_backends {
  size_t struct_size;                    ///< bytes of this struct in the library that made it
  const minerva_backend_info* backends;  ///< `count` of them; the struct does not grow
  size_t count;                          ///< how many
} minerva_backends;
/// Lists the backends.
MINERVA_API minerva_status minerva_engine_backends(const minerva_engine* engine, minerva_backends** backends,
                                                   minerva_error** error);
/// Frees a list of backends; NULL is allowed.
MINERVA_API void minerva_backends_free(minerva_backends* backends);

/// @}
/// @name Models
/// @{

/// A model of an engine, ready to generate. Thread-safe: requests that come together are computed together.
typedef struct minerva_model minerva_model;

/// Arithmetic. See `minerva::NumericMode`.
typedef enum minerva_numeric_mode {
  MINERVA_NUMERIC_MODE_DEFAULT = 0,  ///< what the backend does by itself
  MINERVA_NUMERIC_MODE_EXACT = 1,    ///< float32 activations and accumulation (native backend only)
  MINERVA_NUMERIC_MODE_FAST = 2      ///< (native backend only)
} minerva_numeric_mode;

/// Called while loading with the fraction done, 0 to 1; return false to cancel. May come from another thread
/// than the one that opens; must neither throw nor jump out.
typedef bool (*minerva_progress_callback)(float fraction, void* user_data);

/// How a model is opened. See `minerva::ModelOptions`.
typedef struct minerva_model_options {
  size_t struct_size;           ///< set by `minerva_model_options_init`
  const char* const* backends;  ///< to try, in order: "llama", "native", "auto"
  size_t backends_count;        ///< 0: the engine's preference
  int32_t numeric_mode;         ///< a `minerva_numeric_mode`
  uint32_t context_tokens;      ///< of one request; 0: what the model was trained for, at most 8,192
                                ///< unless a request needs more
  uint32_t batch_tokens;        ///< prompt tokens computed at once, [1, 65536]. Default 512
  int32_t threads;              ///< 0: one per core this process may use
  bool use_mmap;                ///< map the files instead of reading them. Default true
  uint32_t parallel;            ///< requests computed at the same time at the most, [1, 256]. Default 16
  minerva_progress_callback on_progress;  ///< NULL: none
  void* progress_data;                    ///< given to `on_progress`
  const minerva_cancel_source* cancel;    ///< cancels the load; NULL: nothing does
} minerva_model_options;
/// Sets every field to its default. `struct_size`: `sizeof *options`. NULL is allowed, and nothing happens.
MINERVA_API void minerva_model_options_init(minerva_model_options* options, size_t struct_size);

/// Detects, describes, chooses a backend, makes room, loads; blocks until done. A model that is in memory
/// already is not loaded again. `options`: NULL for the defaults. Errors: MINERVA_INVALID_REQUEST,
/// MINERVA_MODEL_LOADING, MINERVA_OUT_OF_MEMORY, MINERVA_CANCELLED.
MINERVA_API minerva_status minerva_model_open(minerva_engine* engine, const char* path,
                                              const minerva_model_options* options, minerva_model** model,
                                              minerva_error** error);
/// Lets go of a model, which the engine may keep in memory. NULL is allowed.
MINERVA_API void minerva_model_free(minerva_model* model);

/// Why a backend that was preferred did not run the model.
typedef struct minerva_fallback {
  const char* backend;  ///< its name
  const char* reason;   ///< why it could not
} minerva_fallback;
/// What runs a model. See `minerva::LoadedModel`.
typedef struct minerva_model_info {
  size_t struct_size;                            ///< bytes of this struct in the library that made it
  bool has_chat_template;                        ///< whether `minerva_model_render_chat` can work
  const minerva_model_description* description;  ///< belongs to this struct
  const char* backend;                           ///< "llama" or "native"
  const char* backend_reason;                    ///< one sentence
  const minerva_fallback* fallbacks;             ///< the struct does not grow
  size_t fallbacks_count;                        ///< how many
  const char* numeric_mode;                      ///< how the backend computes
} minerva_model_info;
/// What runs the model, as it is now.
MINERVA_API minerva_status minerva_model_get_info(const minerva_model* model, minerva_model_info** info,
                                                  minerva_error** error);
/// Frees what `minerva_model_get_info` made; NULL is allowed.
MINERVA_API void minerva_model_info_free(minerva_model_info* info);

/// Ids of `text`, of `size` bytes or MINERVA_NUL_TERMINATED. `add_special`: what the tokenizer puts around a
/// text (BOS); `parse_special`: recognise special tokens written out in it. Errors: MINERVA_INVALID_REQUEST
/// (not UTF-8, too long).
MINERVA_API minerva_status minerva_model_tokenize(const minerva_model* model, const char* text, size_t size,
                                                  bool add_special, bool parse_special,
                                                  minerva_tokens** tokens, minerva_error** error);
/// Text of `count` ids. Errors: MINERVA_INVALID_REQUEST (an id outside the vocabulary).
MINERVA_API minerva_status minerva_model_detokenize(const minerva_model* model, const int32_t* ids,
                                                    size_t count, bool skip_special, minerva_text** text,
                                                    minerva_error** error);

/// @}
/// @name Generation
/// @{

/// One message of a conversation.
typedef struct minerva_chat_message {
  const char* role;     ///< "system", "user", "assistant" or "tool"
  const char* content;  ///< what was said
} minerva_chat_message;

/// What a chat template is given beside the messages. JSON texts end with a NUL; NULL gives nothing. What the
/// model's template has no place for is MINERVA_INVALID_REQUEST. See `minerva::ChatOptions`.
typedef struct minerva_chat_options {
  size_t struct_size;     ///< set by `minerva_chat_options_init`
  const char* tools;      ///< a JSON list of objects; where there is one, the template "tool_use" is used
  const char* documents;  ///< a JSON list of objects
  const char* variables;  ///< further variables of the template, a JSON object
  bool add_generation_prompt;  ///< end where the assistant's answer starts. Default true; of no meaning with
                               ///< `continue_final_message`
  const char* continue_final_message;  ///< the field of the last message that the answer goes on with:
                                       ///< "content"; NULL: none
} minerva_chat_options;
/// Sets every field to its default. `struct_size`: `sizeof *options`. NULL is allowed, and nothing happens.
MINERVA_API void minerva_chat_options_init(minerva_chat_options* options, size_t struct_size);

/// What is added to the logit of a token; minus infinity bans it, infinity demands it.
typedef struct minerva_logit_bias {
  int32_t id;  ///< the token
  float bias;  ///< added
} minerva_logit_bias;

/// How the next token is chosen. An absent field takes the model's own recommendation, and where there is
/// none the default given here. See `minerva::SamplingOptions`.
typedef struct minerva_sampling_options {
  size_t struct_size;                           ///< set by `minerva_sampling_options_init`
  minerva_optional_float temperature;           ///< [0, 100]; 0 = greedy. Default 0.8
  minerva_optional_int32 top_k;                 ///< keep the k best; 0 = off. Default 40
  minerva_optional_float top_p;                 ///< (0, 1]; nucleus; 1 = off. Default 0.95
  minerva_optional_float min_p;                 ///< [0, 1]; relative to the best; 0 = off. Default 0.05
  minerva_optional_float typical_p;             ///< (0, 1]; locally typical; 1 = off. Default 1
  minerva_optional_float repetition_penalty;    ///< (0, 100]; divides (multiplies negative) logits; 1 = off
  minerva_optional_float presence_penalty;      ///< [-100, 100]; subtracted once from tokens seen. Default 0
  minerva_optional_float frequency_penalty;     ///< [-100, 100]; subtracted per occurrence. Default 0
  minerva_optional_int32 penalty_last_n;        ///< tokens the penalties look back on; -1 = all. Default 64
  minerva_optional_uint64 seed;                 ///< absent = a random one
  const minerva_logit_bias* logit_bias;         ///< may be NULL; the struct does not grow
  size_t logit_bias_count;                      ///< how many
  minerva_optional_int32 no_repeat_ngram_size;  ///< [0, 256]; so many tokens in a row come once only; 0 = off
} minerva_sampling_options;
/// Makes every field absent. `struct_size`: `sizeof *options`. NULL is allowed, and nothing happens.
MINERVA_API void minerva_sampling_options_init(minerva_sampling_options* options, size_t struct_size);

/// See `minerva::OutputConstraint::Kind`.
typedef enum minerva_constraint_kind {
  MINERVA_CONSTRAINT_NONE = 0,         ///< any answer
  MINERVA_CONSTRAINT_JSON_OBJECT = 1,  ///< any JSON object; `text` is NULL
  MINERVA_CONSTRAINT_JSON_SCHEMA = 2,  ///< `text`: a JSON schema
  MINERVA_CONSTRAINT_REGEX = 3,        ///< `text`: a regular expression that the whole answer matches
  MINERVA_CONSTRAINT_GRAMMAR = 4,  ///< `text`: a grammar in EBNF (GBNF's spelling too) with the rule `root`
  MINERVA_CONSTRAINT_CHOICE = 5    ///< one of `choices`
} minerva_constraint_kind;

/// What the answer must look like, byte for byte. See `minerva::OutputConstraint`.
typedef struct minerva_output_constraint {
  size_t struct_size;          ///< set by `minerva_output_constraint_init`
  int32_t kind;                ///< a `minerva_constraint_kind`
  const char* text;            ///< schema, expression or grammar; else NULL
  const char* const* choices;  ///< for MINERVA_CONSTRAINT_CHOICE
  size_t choices_count;        ///< how many
} minerva_output_constraint;
/// Sets up "any answer". `struct_size`: `sizeof *constraint`. NULL is allowed, and nothing happens.
MINERVA_API void minerva_output_constraint_init(minerva_output_constraint* constraint, size_t struct_size);

/// Who goes first when there is not room for all.
typedef enum minerva_priority {
  MINERVA_PRIORITY_LOW = 0,     ///< after the others
  MINERVA_PRIORITY_NORMAL = 1,  ///< the default
  MINERVA_PRIORITY_HIGH = 2     ///< before the others
} minerva_priority;

/// What is asked for. Either `prompt` or `prompt_ids` must be set. See `minerva::GenerationRequest`.
typedef struct minerva_generation_request {
  size_t struct_size;                        ///< set by `minerva_generation_request_init`
  const char* prompt;                        ///< text; NULL when `prompt_ids` is given
  size_t prompt_size;                        ///< bytes. Default MINERVA_NUL_TERMINATED
  const int32_t* prompt_ids;                 ///< instead of text: ids that bypass the tokenizer
  size_t prompt_ids_count;                   ///< how many
  bool add_special;                          ///< for text: let the tokenizer add what it puts around a text
                                             ///< (BOS). Default true; `minerva_model_render_chat` sets false
  bool parse_special;                        ///< for text: recognise special tokens in it. Default true
  bool ignore_eos;                           ///< end-of-generation tokens do not stop
  bool logprobs;                             ///< compute `minerva_generated_token::logprob`
  uint32_t top_logprobs;                     ///< alternatives to report; more than 0 implies `logprobs`
  minerva_optional_uint32 max_tokens;        ///< absent: as the model's files recommend, else as with
                                             ///< MINERVA_UNLIMITED_TOKENS
  const minerva_sampling_options* sampling;  ///< NULL: the model's recommendation
  const char* const* stop;                   ///< the answer ends before the first of these
  size_t stop_count;                         ///< how many
  const minerva_output_constraint* constraint;  ///< NULL: any answer
  int32_t priority;                             ///< a `minerva_priority`
  bool ignore_recommendations;                  ///< what the model's files recommend does not count
  const char* client;                           ///< whose request it is, for equal shares; NULL: nobody's
  minerva_optional_int64 deadline_ms;   ///< from the call of `minerva_model_generate`; when it has passed,
                                        ///< the request ends as if it were cancelled
  const minerva_cancel_source* cancel;  ///< NULL: nothing cancels it
} minerva_generation_request;
/// Sets every field to its default. `struct_size`: `sizeof *request`. NULL is allowed, and nothing happens.
MINERVA_API void minerva_generation_request_init(minerva_generation_request* request, size_t struct_size);

/// Writes the prompt for a conversation, ending where the assistant answers, and sets the prompt fields of
/// `*request` to it: free `*prompt` when the request is no longer used. Errors: MINERVA_INVALID_REQUEST (no
/// template, or the template rejects the messages), MINERVA_MODEL_LOADING (the template is damaged).
MINERVA_API minerva_status minerva_model_render_chat(const minerva_model* model,
                                                     const minerva_chat_message* messages, size_t count,
                                                     minerva_generation_request* request,
                                                     minerva_text** prompt, minerva_error** error);
/// The same for messages as JSON, `size` bytes or MINERVA_NUL_TERMINATED: a list of objects with whatever
/// fields the template reads ("tool_calls", "reasoning_content" ...). See
/// `minerva::LoadedModel::render_chat_json`. `options`: NULL for the defaults.
MINERVA_API minerva_status minerva_model_render_chat_json(const minerva_model* model, const char* messages,
                                                          size_t size, const minerva_chat_options* options,
                                                          minerva_generation_request* request,
                                                          minerva_text** prompt, minerva_error** error);

/// A token and how likely it was.
typedef struct minerva_top_logprob {
  int32_t id;     ///< the token
  float logprob;  ///< natural logarithm of its probability
} minerva_top_logprob;

/// One generated token. See `minerva::GeneratedToken`.
typedef struct minerva_generated_token {
  size_t struct_size;              ///< bytes of this struct in the library that made it
  int32_t id;                      ///< index into the vocabulary
  float logprob;                   ///< under the model's own logits; 0 unless asked for
  const char* text;                ///< whole characters that this token completed; may be empty
  size_t text_size;                ///< bytes
  const minerva_top_logprob* top;  ///< the `top_logprobs` best, best first; the struct does not grow
  size_t top_count;                ///< how many
} minerva_generated_token;

/// Why a generation ended.
typedef enum minerva_finish_reason {
  MINERVA_FINISH_REASON_STOP = 0,      ///< an end-of-generation token or a stop string
  MINERVA_FINISH_REASON_LENGTH = 1,    ///< `max_tokens`, or the context was full
  MINERVA_FINISH_REASON_CANCELLED = 2  ///< the caller asked to stop, or the deadline passed
} minerva_finish_reason;
/// "stop", "length" or "cancelled" for a `minerva_finish_reason`; "stop" for a number that is none. Static.
MINERVA_API const char* minerva_finish_reason_name(int32_t reason);

/// Where the time went. See `minerva::Timings`.
typedef struct minerva_timings {
  size_t struct_size;  ///< bytes of this struct in the library that made it
  double detect_us;    ///< finding out the format, microseconds
  double load_ms;      ///< path to ready; 0 when the model was loaded before
  /// from the call until the request was computed, or had ended: waiting for the model (loading it again
  /// included), compiling the constraint, waiting for a place among the running requests
  double queue_ms;
  double ttft_ms;           ///< from the call to the first token, queue_ms included
  uint32_t prefill_tokens;  ///< prompt tokens computed
  uint32_t cached_tokens;   ///< prompt tokens taken from the cache
  double prefill_tps;       ///< tokens per second
  uint32_t decode_tokens;   ///< tokens generated after the first
  double decode_tps;        ///< tokens per second
} minerva_timings;

/// See `minerva::MemoryUse`.
typedef struct minerva_memory_use {
  size_t struct_size;       ///< bytes of this struct in the library that made it
  uint64_t weights_bytes;   ///< the model's weights
  uint64_t kv_bytes;        ///< KV cache or recurrent state
  uint64_t peak_rss_bytes;  ///< of this process so far
} minerva_memory_use;

/// A part of a JSON schema that asks for nothing. See `minerva::ConstraintNote`.
typedef struct minerva_constraint_note {
  const char* pointer;  ///< JSON pointer of the schema that has it; empty for the root
  const char* keyword;  ///< the keyword
  const char* message;  ///< one sentence, without a stop at its end
} minerva_constraint_note;

/// What came out. See `minerva::Generation`.
typedef struct minerva_generation {
  size_t struct_size;                            ///< bytes of this struct in the library that made it
  const int32_t* prompt_tokens;                  ///< ids
  size_t prompt_tokens_count;                    ///< how many
  const minerva_generated_token* const* tokens;  ///< pointers to the generated tokens
  size_t tokens_count;                           ///< how many
  const char* text;                              ///< the answer
  size_t text_size;                              ///< bytes
  minerva_finish_reason finish_reason;           ///< why it ended
  uint64_t seed;                                 ///< the seed that was used
  const minerva_timings* timings;                ///< never NULL
  const minerva_memory_use* memory;              ///< never NULL
  const minerva_constraint_note*
      constraint_notes;           ///< parts of the schema that ask for nothing; the first 256
  size_t constraint_notes_count;  ///< how many
} minerva_generation;

/// Called in order, on the thread that called `minerva_model_generate`, with each piece of text as it becomes
/// certain: `size` bytes of whole characters, and a NUL. Return false to cancel. Must neither throw nor jump
/// out.
typedef bool (*minerva_text_callback)(const char* text, size_t size, void* user_data);

/// Generates; blocks until done. A request that is cancelled returns what it has, with
/// MINERVA_FINISH_REASON_CANCELLED. `on_text` may be NULL, and `generation` when only the streamed text
/// matters. Errors: MINERVA_INVALID_REQUEST, MINERVA_CONTEXT_OVERFLOW, MINERVA_OUT_OF_MEMORY, MINERVA_BUSY,
/// MINERVA_MODEL_LOADING (the file failed while in use).
MINERVA_API minerva_status minerva_model_generate(minerva_model* model,
                                                  const minerva_generation_request* request,
                                                  minerva_text_callback on_text, void* user_data,
                                                  minerva_generation** generation, minerva_error** error);
/// Frees a generation; NULL is allowed.
MINERVA_API void minerva_generation_free(minerva_generation* generation);

/// @}

#ifdef __cplusplus
}  // extern "C"
#endif
// NOLINTEND(modernize-use-using,modernize-redundant-void-arg)
