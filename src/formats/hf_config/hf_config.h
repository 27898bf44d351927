// config.json and its like, read field by field: every getter checks type and range and, when it fails, says
// which file, which field, what was expected and what was found.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace minerva {

/// One name of a field, or several of which the first that is given counts: `"hidden_size"`,
/// `{"num_hidden_layers", "n_layer"}`.
class FieldNames {
 public:
  // Implicit, so that callers write the plain name.
  FieldNames(const char* name) : names_{name} {}                                                // NOLINT
  FieldNames(const std::string& name) : names_{name} {}                                         // NOLINT
  FieldNames(std::string_view name) : names_{std::string(name)} {}                              // NOLINT
  FieldNames(std::initializer_list<const char*> names) : names_(names.begin(), names.end()) {}  // NOLINT

  const std::vector<std::string>& all() const noexcept { return names_; }

 private:
  std::vector<std::string> names_;
};

/// An object of a JSON file. A cheap handle: copies and sub-objects share the parsed file and keep it alive.
/// Immutable, thread-safe.
///
/// A field that is `null` counts as not given, except where said; where null means something else than
/// absence ask `is_null`. Python's spellings of numbers that JSON lacks are understood: bare Infinity,
/// -Infinity and NaN, and `{"__float__": "Infinity"}`. Ranges are inclusive; NaN is in none. An integer may
/// be written with a fraction of zero (32.0). Errors are ModelLoading.
class HfConfig {
 public:
  static constexpr std::int64_t kIntMax = std::numeric_limits<std::int64_t>::max();
  static constexpr double kFloatMax = std::numeric_limits<double>::max();

  /// The file `path`, or config.json in the directory `path`. Errors: not there, too large
  /// (limits::kConfigBytesMax), no JSON, nested deeper than limits::kJsonDepthMax, no object.
  static Result<HfConfig> open(const std::filesystem::path& path);
  /// The same for `text`; `file` is what messages call it.
  static Result<HfConfig> parse(std::string_view text, std::string file);

  /// What messages call the file: its name without folders.
  const std::string& file() const noexcept;
  /// The object at the top of the file.
  HfConfig root() const;
  /// The fields of the language model: `text_config` where there is one (models that also see or hear keep
  /// them there), else this object.
  Result<HfConfig> text() const;
  /// The stored type of the weights: "bfloat16", "float16", "float32" ... from `dtype` or `torch_dtype`,
  /// without "torch."; empty when not stated.
  Result<std::string> dtype() const;

  /// Given and not null, under any of the names.
  bool has(const FieldNames& names) const;
  /// Given and null, under the first of the names that is there at all.
  bool is_null(const FieldNames& names) const;
  /// Given and an object (`{"__float__": ...}` is a number).
  bool is_object(const FieldNames& names) const;
  /// The names in this object, sorted.
  std::vector<std::string> keys() const;

  Result<std::int64_t> require_int(const FieldNames& names, std::int64_t min, std::int64_t max) const;
  Result<double> require_float(const FieldNames& names, double min, double max) const;
  Result<bool> require_bool(const FieldNames& names) const;
  Result<std::string> require_string(const FieldNames& names) const;
  Result<HfConfig> require_object(const FieldNames& names) const;

  /// `fallback` when not given; it need not be in the range.
  Result<std::int64_t> int_or(const FieldNames& names, std::int64_t fallback, std::int64_t min,
                              std::int64_t max) const;
  Result<double> float_or(const FieldNames& names, double fallback, double min, double max) const;
  Result<bool> bool_or(const FieldNames& names, bool fallback) const;
  Result<std::string> string_or(const FieldNames& names, std::string fallback) const;

  /// Nothing when not given.
  Result<std::optional<std::int64_t>> optional_int(const FieldNames& names, std::int64_t min,
                                                   std::int64_t max) const;
  Result<std::optional<double>> optional_float(const FieldNames& names, double min, double max) const;
  Result<std::optional<HfConfig>> object(const FieldNames& names) const;

  /// The value as it stands in the file, for a field with a form of its own; null when not given. Lives as
  /// long as this object or a copy.
  const nlohmann::json* value(const FieldNames& names) const;

  /// Empty when not given; a single value counts as a list of one (`eos_token_id`).
  Result<std::vector<std::int64_t>> int_list(const FieldNames& names, std::int64_t min,
                                             std::int64_t max) const;
  Result<std::vector<double>> float_list(const FieldNames& names, double min, double max) const;
  Result<std::vector<bool>> bool_list(const FieldNames& names) const;
  Result<std::vector<std::string>> string_list(const FieldNames& names) const;
  Result<std::vector<HfConfig>> object_list(const FieldNames& names) const;

  /// The error of a required field that is not given, else nothing.
  Result<void> require(const FieldNames& names) const;
  /// An error about a field, for what only the caller can judge: `config.error("head_dim", "is 15, which is
  /// odd")` reads "'config.json': field 'head_dim' is 15, which is odd".
  std::unexpected<Error> error(const FieldNames& names, std::string_view what) const;

 private:
  struct File;
  struct Field {  // one value found, or the list element of one
    std::string path;
    const nlohmann::json* value = nullptr;
  };

  HfConfig(std::shared_ptr<const File> file, const nlohmann::json* node, std::string path);
  std::optional<Field> find(const FieldNames& names) const;
  std::optional<Field> find_even_null(const FieldNames& names) const;
  Result<Field> find_required(const FieldNames& names) const;
  std::string path_of(std::string_view name) const;
  std::string describe(const FieldNames& names) const;
  std::unexpected<Error> mismatch(const Field& field, std::string_view expected) const;
  std::vector<Field> elements(const Field& field) const;

  Result<std::int64_t> to_int(const Field& field, std::int64_t min, std::int64_t max) const;
  Result<double> to_float(const Field& field, double min, double max) const;
  Result<bool> to_bool(const Field& field) const;
  Result<std::string> to_string(const Field& field) const;
  Result<HfConfig> to_object(const Field& field) const;
  template <class Convert>
  auto list(const FieldNames& names, Convert convert) const;

  std::shared_ptr<const File> file_;
  const nlohmann::json* node_;  // an object inside file_
  std::string path_;            // of this object, with a final dot; empty at the top
};

}  // namespace minerva
