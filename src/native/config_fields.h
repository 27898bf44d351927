// Reads a family's fields from config.json without an `if` after each: the first error is kept.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "formats/hf_config/hf_config.h"

namespace minerva::native {

/// A model has at most so many layers: bounds what a config.json can make us allocate.
inline constexpr std::int64_t kLayersMax = 1024;
/// Of hidden state, MLP and vocabulary. Far above any model; products of two of these bounds fit 64 bits, and
/// heads times their elements 32.
inline constexpr std::int64_t kWidthMax = std::int64_t{1} << 24;
inline constexpr std::int64_t kHeadsMax = std::int64_t{1} << 16;
inline constexpr std::int64_t kHeadMax = std::int64_t{1} << 13;  ///< elements of a head
inline constexpr std::int64_t kExpertsMax = std::int64_t{1} << 14;
inline constexpr std::int64_t kSharedMax = 64;  ///< shared experts
inline constexpr std::int64_t kTapsMax = 64;    ///< of a convolution over time

/// A cursor over one object of config.json. Every getter checks type and range; the first failure is kept,
/// and what is returned then is the fallback or the least allowed value, so that a family function may go on;
/// its caller looks at `error()` before it uses the spec. null counts as absent. Not thread-safe.
class ConfigFields {
 public:
  explicit ConfigFields(HfConfig config) : config_(std::move(config)) {}

  /// Without `fallback` the field is required. The fallback need not be in range.
  int integer(const FieldNames& names, std::optional<std::int64_t> fallback = {}, std::int64_t min = 1,
              std::int64_t max = std::numeric_limits<int>::max());
  float number(const FieldNames& names, std::optional<double> fallback = {});
  /// A sliding window in tokens: 0 where there is none (null), -1 where it is 0 or less, of which a layer
  /// that has one can make nothing.
  int window(const FieldNames& names, int fallback);
  bool boolean(const FieldNames& names, bool fallback);  ///< null is false, as in Python
  std::string text(const FieldNames& names, std::string_view fallback);
  std::vector<std::string> texts(const FieldNames& names);  ///< empty where absent
  std::vector<std::int64_t> integers(const FieldNames& names);
  std::vector<double> numbers(const FieldNames& names);
  bool has(const FieldNames& names) const { return config_.has(names); }
  bool is_null(const FieldNames& names) const { return config_.is_null(names); }
  std::optional<HfConfig> object(const FieldNames& names);

  /// Remembers that a field is wrong: "'config.json': field 'x' <what>".
  void reject(const FieldNames& names, std::string_view what);
  /// Takes over the first error of a cursor on a nested object.
  void adopt(const ConfigFields& nested);
  const std::optional<Error>& error() const noexcept { return error_; }

 private:
  template <class T>
  T keep(Result<T> result, T otherwise);

  HfConfig config_;
  std::optional<Error> error_;
};

}  // namespace minerva::native
