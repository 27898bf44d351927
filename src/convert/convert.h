// A Hugging Face directory as the GGUF file that llama.cpp runs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file_lock.h"
#include "minerva/model_description.h"
#include "minerva/types.h"

namespace minerva::convert {

/// What matrices are stored as. Stored: the type they have in the directory; BF16 (or F16, where scales are
/// F16) for what is quantised there in a way that GGUF has not.
enum class WeightType : std::uint8_t { Stored, F32, F16, BF16, Q8_0 };

enum class TokenizerUse : std::uint8_t {
  Required,    ///< a tokenizer that llama.cpp has not is an error
  IfPossible,  ///< without one then: for those who bring the directory's own
  Leave,
};

struct ConversionOptions {
  WeightType type = WeightType::Stored;
  TokenizerUse tokenizer = TokenizerUse::Required;
  /// Converts also what llama.cpp computes differently; the report says so.
  bool approximate = false;
  /// Whether a file of that name is replaced; otherwise it is an error.
  bool replace = true;
};

struct ConversionReport {
  std::string architecture;  ///< as in the GGUF
  std::string type;          ///< that most weights have: "BF16"
  std::uint64_t tensors = 0;
  std::uint64_t bytes = 0;  ///< of the file
  bool has_tokenizer = false;
  /// Where the file means something else than the directory: a sentence each.
  std::vector<std::string> notes;
};

/// Whether llama.cpp would compute what the checkpoint means once it is converted. Errors: InvalidRequest
/// with the reason: an architecture that is not converted, or something in this checkpoint that llama.cpp
/// computes differently; ModelLoading for a wrong config.json, which is all that is read. Thread-safe, as all
/// here.
Result<void> can_convert(const ModelDescription& description);

/// Writes `out` in one step: a temporary file beside it, then renamed. `progress`: fraction done, false
/// cancels. Holds no more of the weights than a row. Errors: those of can_convert (unless `approximate`);
/// ModelLoading (damaged or changed checkpoint); InvalidRequest (tensors that the architecture has not, `out`
/// cannot be written, no space left, a tokenizer that llama.cpp has not); Cancelled. Nothing is left behind
/// then.
Result<ConversionReport> convert_to_gguf(const ModelDescription& description,
                                         const std::filesystem::path& out, const ConversionOptions& options,
                                         const LoadProgress& progress);

/// The same with a tokenizer if possible.
Result<void> to_gguf(const ModelDescription& description, const std::filesystem::path& out, WeightType type,
                     const LoadProgress& progress);

/// Bytes that the GGUF will have, without its tokenizer. Errors: as above.
Result<std::uint64_t> gguf_bytes(const ModelDescription& description, WeightType type);

/// A converted model that stays in its cache as long as this (or a copy) lives.
struct ConvertedModel {
  std::filesystem::path path;
  std::shared_ptr<const FileLock> lock;
};

class CacheEntry;

/// Converted models in a folder, bounded in bytes, least recently used out first. Safe for several threads
/// and processes at once.
class ConversionCache {
 public:
  /// `folder` is made when it is first needed.
  ConversionCache(std::filesystem::path folder, std::uint64_t bytes_max);

  /// The GGUF of `description` in the stored type, with a tokenizer if possible; converted when it is not
  /// there or the directory's files have changed. One conversion for callers that come together: the others
  /// wait (their `progress` is asked whether to go on). Errors: those of convert_to_gguf; InvalidRequest when
  /// it is larger than the cache; Busy when what is in use leaves no room.
  Result<ConvertedModel> acquire(const ModelDescription& description, const LoadProgress& progress);
  /// The same, for those who keep no ConvertedModel: the last few stay in the folder as long as this lives
  /// and there is room. (A file that is mapped when it is removed goes on to be readable.)
  Result<std::filesystem::path> get(const ModelDescription& description, const LoadProgress& progress);

 private:
  Result<void> make(const ModelDescription& description, const CacheEntry& entry, const std::string& identity,
                    const LoadProgress& progress) const;
  /// Lets go of a model that `get` gave out.
  void forget(const std::filesystem::path& model);
  /// The one that it gave out longest ago; false when there is none.
  bool forget_oldest();

  std::filesystem::path folder_;
  std::uint64_t bytes_max_;
  std::mutex mutex_;
  std::list<ConvertedModel> given_;  // guarded by mutex_; the latest first
};

}  // namespace minerva::convert
