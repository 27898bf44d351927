// Reads an architecture's keys from a GGUF file without an `if` after each: the first error is kept.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/error.h"
#include "formats/gguf/split.h"

namespace minerva::native {

/// A cursor over the keys "ARCHITECTURE.suffix" of one model. Every getter checks type and range; the first
/// failure is kept, and what is returned then is the fallback or the least allowed value, so that an
/// architecture's function may go on; its caller looks at `error()` before it uses the spec. Errors:
/// ModelLoading naming file and key. `model` must outlive it. Not thread-safe.
class GgufFields {
 public:
  GgufFields(const gguf::Model& model, std::string architecture)
      : model_(model), architecture_(std::move(architecture)) {}

  /// Without `fallback` the key is required. The fallback need not be in range.
  int integer(std::string_view suffix, std::optional<std::int64_t> fallback = {}, std::int64_t min = 1,
              std::int64_t max = std::numeric_limits<int>::max());
  /// The same of a key that may hold a number for each layer: they must all be equal.
  int same_in_layers(std::string_view suffix, std::optional<std::int64_t> fallback, std::int64_t min,
                     std::int64_t max);
  float number(std::string_view suffix, std::optional<double> fallback = {});
  bool boolean(std::string_view suffix);
  std::string text(std::string_view suffix, std::string_view fallback);
  bool has(std::string_view suffix) const { return model_.metadata().contains(key(suffix)); }
  /// Of an array key with an element for each of `layers` layers, which of them are not 0; nothing where the
  /// key is absent or one number.
  std::optional<std::vector<bool>> layer_flags(std::string_view suffix, int layers);

  /// Tokens of the vocabulary.
  int vocabulary_size();
  bool has_tensor(std::string_view name) const { return find(name).info != nullptr; }
  /// The elements of a small F32 tensor, which must be there and have `count` of them.
  std::vector<float> tensor(std::string_view name, std::int64_t count);

  /// Remembers that a key is wrong: "'file.gguf': key 'llama.x' <what>".
  void reject(std::string_view suffix, std::string_view what);
  const std::optional<Error>& error() const noexcept { return error_; }

 private:
  struct Found {
    const gguf::File* file = nullptr;
    const gguf::TensorInfo* info = nullptr;
  };
  std::string key(std::string_view suffix) const { return architecture_ + "." + std::string(suffix); }
  Found find(std::string_view name) const;
  template <class T>
  T keep(Result<T> result, std::type_identity_t<T> otherwise);
  int in_range(std::string_view suffix, std::uint64_t value, std::int64_t min, std::int64_t max);
  template <class T>
  std::uint64_t common_element(std::string_view suffix);

  const gguf::Model& model_;
  std::string architecture_;
  std::optional<Error> error_;
};

}  // namespace minerva::native
