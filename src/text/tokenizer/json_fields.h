// Reading tokenizer.json and its companions: every field checked, every error naming file and field.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace minerva::tokenizers {

/// A value in a JSON document, with the path that leads to it ("model.vocab"). Valid as long as its document.
class JsonField {
 public:
  JsonField(simdjson::dom::element value, const std::string* file, std::string path)
      : value_(value), file_(file), path_(std::move(path)) {}

  const simdjson::dom::element& value() const noexcept { return value_; }
  const std::string& path() const noexcept { return path_; }

  /// A member of this object. Errors: this is no object, or has no such member.
  Result<JsonField> field(std::string_view name) const;
  /// A member of this object that is there and not null.
  std::optional<JsonField> find(std::string_view name) const;
  /// The elements of this array.
  Result<std::vector<JsonField>> elements(std::size_t count_max) const;

  Result<std::string_view> string() const;
  /// A string of at most `bytes_max` bytes.
  Result<std::string> bounded_string(std::size_t bytes_max) const;
  Result<bool> boolean() const;
  Result<std::int64_t> integer(std::int64_t least, std::int64_t most) const;
  /// A string of exactly one character.
  Result<char32_t> character() const;
  bool is_object() const noexcept { return value_.is_object(); }
  bool is_array() const noexcept { return value_.is_array(); }
  bool is_string() const noexcept { return value_.is_string(); }

  /// `field(name)` and then the accessor; or the fallback when the member is absent or null.
  Result<bool> boolean_or(std::string_view name, bool fallback) const;
  Result<std::string> string_or(std::string_view name, std::string_view fallback,
                                std::size_t bytes_max) const;

  /// "tokenizer.json: model.vocab: WHAT"
  std::unexpected<Error> error(std::string_view what) const;
  std::unexpected<Error> error_at(std::string_view below, std::string_view what) const;
  /// An error that says what should have been here.
  std::unexpected<Error> expected(std::string_view what) const;
  /// `inner`, made by something that doesn't know the file, with file and field in front.
  std::unexpected<Error> wrapped(const Error& inner) const;

 private:
  simdjson::dom::element value_;
  const std::string* file_;
  std::string path_;
};

/// A parsed JSON file. Errors of `load` and `parse`: ModelLoading.
class JsonDocument {
 public:
  static Result<JsonDocument> load(const std::filesystem::path& path, std::uint64_t bytes_max);
  /// `content` must have simdjson::SIMDJSON_PADDING bytes of capacity to spare.
  static Result<JsonDocument> parse(std::string content, std::string file_name);

  JsonField root() const { return {root_, file_.get(), ""}; }
  const std::string& file() const noexcept { return *file_; }

 private:
  JsonDocument() = default;
  std::string content_;
  std::unique_ptr<std::string> file_;
  std::unique_ptr<simdjson::dom::parser> parser_;
  simdjson::dom::element root_;
};

}  // namespace minerva::tokenizers
